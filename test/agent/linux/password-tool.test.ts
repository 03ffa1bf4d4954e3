import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createPasswordTool } from '../../../agent/linux/password-tool.ts';

const WITH_PAM = '\x7fELF\0libc.so.6\0libpam.so.0\0';
const WITHOUT = '\x7fELF\0libc.so.6\0libcrypt.so.1\0';

function open() {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  const [first, second] = [join(directory, 'first'), join(directory, 'second')];
  for (const each of [first, second]) mkdirSync(each);
  return { first, second, tool: createPasswordTool([first, second]) };
}

test.each([
  ['with PAM', WITH_PAM, true],
  ['without PAM', WITHOUT, false],
])('a chpasswd built %s', (_, program, expected) => {
  const { second, tool } = open();
  writeFileSync(join(second, 'chpasswd'), program);
  expect(tool.readsFirst()).toBe(expected);
});

test('is looked at again when it has been replaced, or another one is found before it', () => {
  const { first, second, tool } = open();
  writeFileSync(join(second, 'chpasswd'), WITH_PAM);
  expect(tool.readsFirst()).toBe(true);
  writeFileSync(join(second, 'chpasswd'), WITHOUT);
  expect(tool.readsFirst()).toBe(false);
  writeFileSync(join(first, 'chpasswd'), WITH_PAM);
  expect(tool.readsFirst()).toBe(true);
});

test('one that is missing, or cannot be read, is not relied on', () => {
  const { first, tool } = open();
  expect(tool.readsFirst()).toBe(false);
  mkdirSync(join(first, 'chpasswd'));
  expect(tool.readsFirst()).toBe(false);
});
