import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createAccountReader } from '../../../agent/linux/account-reader.ts';
import { createLinuxResetter } from '../../../agent/linux/reset-linux.ts';
import type { ScriptRequest } from '../../../agent/linux/script-runner.ts';

const HASH = '$6$salt$0123456789abcdef';

/** An account database of its own, and a runner that only takes note of what it is asked for. */
function open() {
  const etc = mkdtempSync(join(tmpdir(), 'latchkey-'));
  onTestFinished(() => rmSync(etc, { recursive: true }));
  const write = (mark: string, members = '') => {
    writeFileSync(join(etc, 'passwd'), 'root:x:0:0::/root:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n');
    writeFileSync(join(etc, 'shadow'), `root:*:19000:0:99999:7:::\nbob:${mark}${HASH}:19000:0:99999:7:::\n`);
    writeFileSync(join(etc, 'group'), `root:x:0:\nsudo:x:27:${members}\nbob:x:1001:\n`);
  };
  write('');
  const asked: ScriptRequest[] = [];
  const resetter = createLinuxResetter({
    accounts: createAccountReader({ etc, share: etc, now: () => Date.now(), knownElsewhere: async () => false }),
    runner: {
      run: async (request) => {
        asked.push(request);
        return Promise.resolve({ kind: 'not-run', code: 'script-failed', detail: 'only asked' });
      },
      standBy: () => undefined,
      close: () => undefined,
    },
    verifier: {
      prepare: () => ({ verify: () => Promise.reject(new Error('nothing to prove')), discard: () => undefined }),
      close: () => undefined,
    },
    ssh: { warningsFor: async () => Promise.resolve([]) },
    monotonicMs: () => 0,
  });
  /** A reset that may begin once `meanwhile` has happened. */
  const resetAfter = (meanwhile: () => boolean) =>
    resetter.reset({
      accountName: 'bob',
      password: Buffer.from('p'),
      options: { unlock: false, unexpire: false, mustChange: false },
      privilegedAuthorised: false,
      script: { bytes: Buffer.from(''), digest: '' },
      begun: new Promise((resolve) => setImmediate(() => resolve(meanwhile()))),
    });
  return { etc, write, asked, resetAfter };
}

test('a lock that is set while a reset is recorded is kept', async () => {
  const { write, asked, resetAfter } = open();
  await resetAfter(() => {
    write('!');
    return true;
  });
  expect(asked.map(({ lockMarks }) => lockMarks)).toEqual(['!']);
});

test('an account that becomes an administrator while a reset is recorded is not reset as a plain one', async () => {
  const { write, asked, resetAfter } = open();
  const result = await resetAfter(() => {
    write('', 'bob');
    return true;
  });
  expect([result, asked]).toEqual([{ state: 'failed', code: 'account-privileged', detail: '' }, []]);
});

test('where nothing changes, what was read is what the script is told', async () => {
  const { asked, resetAfter } = open();
  await resetAfter(() => true);
  expect(asked.map(({ lockMarks }) => lockMarks)).toEqual(['']);
});

test('a reset that is not recorded touches nothing', async () => {
  const { asked, resetAfter } = open();
  expect([await resetAfter(() => false), asked]).toEqual([null, []]);
});

test('an account database that cannot be looked at is a failure that is told, not an accident', async () => {
  const { etc, asked, resetAfter } = open();
  rmSync(join(etc, 'shadow'));
  symlinkSync('shadow', join(etc, 'shadow'));
  expect(await resetAfter(() => true)).toMatchObject({ state: 'failed', code: 'account-database-unreadable' });
  expect(asked).toEqual([]);
});
