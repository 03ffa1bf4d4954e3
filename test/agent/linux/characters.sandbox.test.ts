import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSandbox, whyNoSandbox } from './support/sandbox.ts';
import type { Sandbox } from './support/sandbox.ts';

const reason = whyNoSandbox();
if (reason !== null) console.warn(`skipped: characters through the real script and PAM: ${reason}`);

const SPECIAL = '!@%-_=+[]:./^,{}?';
const ALPHABET = `${SPECIAL}abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789`;
const RUNS = 60;

describe.skipIf(reason !== null)('every allowed character arrives byte for byte', { timeout: 180_000 }, () => {
  let box: Sandbox;
  beforeAll(async () => {
    box = await openSandbox();
    await box.sh('useradd -s /bin/sh alice; useradd -s /bin/sh bob');
  });
  afterAll(async () => {
    await box.close();
  });

  /** By the agent's own proof, and by su on a terminal, which takes another way. */
  const arrives = async (password: string, account = 'alice') => {
    expect(await box.reset(account, password), password).toMatchObject({
      state: 'succeeded',
      verifiedBy: 'login',
      warnings: [],
    });
    expect(await box.su(account, password), password).toBe(true);
  };

  test.each(Array.from(SPECIAL))('%s at the start, in the middle and at the end', async (character) => {
    await arrives(`${character}Ab3456789`);
    await arrives(`Ab34${character}56789`);
    await arrives(`Ab3456789${character}`);
  });

  test('for a locked account as well', async () => {
    for (const password of [`${SPECIAL}Aa1234567`, '-e:Passw0rd:', '%s%d%n!Aa1', '{A,B}[a-z]?1']) {
      await box.sh('usermod -L bob 2>/dev/null || true');
      const result = await box.reset('bob', password);
      expect(result).toMatchObject({ state: 'succeeded' });
      await box.reset('bob', password, { options: { unlock: true } });
      await box.sh('usermod -L bob');
      expect(await box.reset('bob', password)).toMatchObject({ verifiedBy: 'hash', warnings: ['account-locked'] });
      await box.sh('usermod -U bob');
      expect(await box.su('bob', password)).toBe(true);
    }
  });

  test('in any order', async () => {
    const passwords = fc.string({ unit: fc.constantFrom(...Array.from(ALPHABET)), minLength: 8, maxLength: 26 });
    await fc.assert(
      fc.asyncProperty(passwords, (password) => arrives(password)),
      { numRuns: RUNS, endOnFailure: true },
    );
  });
});
