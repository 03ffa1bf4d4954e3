import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { ADVISORY_CODES, explain, HealthCode } from '#protocol';

const README = readFileSync(new URL('../../control-plane/README.md', import.meta.url), 'utf8');
const rows = new Map(
  README.split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').map((cell) => cell.trim()))
    .map(([, code = '', state = '', , , remedy = '']) => [code.replaceAll('`', ''), { state, remedy }]),
);

test.each(HealthCode.options)('operators find %s in the README, with the remedy that the program says', (code) => {
  expect(rows.get(code)?.remedy).toBe(explain(code).remedy);
  expect(rows.get(code)?.state === 'advice').toBe(ADVISORY_CODES.includes(code));
});
