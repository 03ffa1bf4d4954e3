import { CODES } from '#protocol';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { remedyOf } from '../../../control-plane/console/parts/remedy.ts';
import { texts } from '../../../control-plane/console/texts/index.ts';

/** What only the command line finds: the console never comes to say these. */
const COMMAND_LINE_ALONE: ReadonlySet<string> = new Set([
  'usage-invalid',
  'configuration-invalid',
  'configuration-exposed',
  'state-exposed',
  'control-plane-untrusted',
  'release-key-changed',
  'script-key-changed',
  'install-script-differs',
  'password-unavailable',
]);

/** A verb of the operator's command line, or one of its flags. Whoever runs the control plane has no page for that. */
const COMMAND = /\blatchkey (?!server\b)[a-z]|(?<![\w-])--[a-z]|\bcommand line\b|"authorization:|\bheader\b/;

describe('what to do, as the console says it,', () => {
  test.each(Object.entries(CODES).filter(([code]) => !COMMAND_LINE_ALONE.has(code)))(
    'sends nobody to a terminal for what the console does: %s',
    (code, { remedy }) => {
      expect(remedyOf({ code, remedy })).not.toMatch(COMMAND);
    },
  );

  test('is told apart: the table itself does name commands', () => {
    expect(CODES['token-not-found'].remedy).toMatch(COMMAND);
    expect(CODES['reset-in-progress'].remedy).toMatch(COMMAND);
  });

  test('is what came with the code where the console has no words of its own', () => {
    expect(remedyOf({ code: 'disk-full', remedy: 'told' })).toBe('told');
    expect(remedyOf({ code: 'code-of-another-version', remedy: 'told' })).toBe('told');
    expect(remedyOf({ code: 'constructor', remedy: 'told' })).toBe('told');
  });

  test('names pages and buttons that there are', () => {
    const labels = new Set(JSON.stringify(texts).match(/(?<=":")(?:[^"\\]|\\.)*(?=")/g) ?? []);
    labels.add(texts.reset.progress.retryCancelled(0).replace(/ \(0\)$/, ''));
    const named = Object.values(texts.remedies).flatMap((remedy) => remedy.match(/(?<=")[^"]+(?="[ ,.;])/g) ?? []);
    const places = named.filter((name) => /^[A-Z]/.test(name));
    expect(places.length).toBeGreaterThan(10);
    for (const place of places) expect(labels).toContain(place);
  });
});

test('no place of the console shows a remedy as it came', () => {
  const root = `${import.meta.dirname}/../../../control-plane/console`;
  const shown = readdirSync(root, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.tsx'))
    .filter((path) => /\{(?:\w+\.)?remedy\}|\$\{\w+\.remedy\}/.test(readFileSync(`${root}/${path}`, 'utf8')));
  expect(shown).toEqual([]);
});
