import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { Code, explain, INSTALL_CODES } from '#protocol';

const script = readFileSync(new URL('../../scripts/instance/install-linux.sh', import.meta.url), 'utf8');
const said = new Map(
  [...script.matchAll(/^ {2}(install-[a-z-]+)\) echo '([^']+)' ;;$/gm)].map(([, code, text]) => [code, text]),
);

test('the installer fails with codes of the one table, in the words of that table', () => {
  const used = new Set([...script.matchAll(/\b(?:fail|failure=)\s?(install-[a-z-]+)/g)].map(([, code]) => code));
  expect(used.size).toBeGreaterThan(15);
  expect(new Set(said.keys())).toEqual(used);
  for (const [code, text] of said) {
    const { message, remedy } = explain(Code.parse(code));
    expect(text).toBe(`${message} ${remedy}`);
    expect(Object.keys(INSTALL_CODES)).toContain(code);
  }
});

test('the installer holds nothing that a line could be broken with', () => {
  expect(script).toMatch(/^#!\/bin\/sh\n/);
  expect(script).toMatch(/[^\n]\n$/);
  expect(script).not.toMatch(/[^\x09\x0a\x20-\x7e]/);
});
