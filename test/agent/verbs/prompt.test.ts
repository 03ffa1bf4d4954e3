import { fileURLToPath } from 'node:url';
import { spawn } from 'node-pty';
import { expect, test } from 'vitest';

const LAUNCHER = fileURLToPath(new URL('../../../scripts/latchkey-agent', import.meta.url));
const TOKEN = 'lkj_typed-on-a-terminal';

/** Types at the prompt; resolves to all that the terminal showed, and how it ended. */
function typed(keys: string): Promise<{ shown: string; exitCode: number }> {
  return new Promise((resolve) => {
    const terminal = spawn(LAUNCHER, ['enroll', '--url', 'https://127.0.0.1:1'], { env: process.env });
    let shown = '';
    let asked = false;
    terminal.onData((text) => {
      shown += text;
      if (asked || !shown.includes('Join token: ')) return;
      asked = true;
      terminal.write(keys);
    });
    terminal.onExit(({ exitCode }) => resolve({ shown, exitCode }));
  });
}

test('a join token that is typed is not shown', async () => {
  const { shown, exitCode } = await typed(`${TOKEN}\r`);
  expect(shown).toContain('join-token-invalid: That is not a join token. Paste the whole token');
  expect(shown).not.toContain('typed-on');
  expect(exitCode).toBe(2);
});

test('what is typed can be corrected', async () => {
  const { shown } = await typed(`${TOKEN}\u007f\r`);
  expect(shown).not.toContain('typed-on');
});

test('what is typed can be given up', async () => {
  const { shown, exitCode } = await typed(`${TOKEN}\u0003`);
  expect(shown).toContain('join-token-missing: No join token was given.');
  expect(shown).not.toContain('typed-on');
  expect(exitCode).toBe(2);
});
