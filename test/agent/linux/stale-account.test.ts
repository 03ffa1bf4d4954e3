import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createAccountReader } from '../../../agent/linux/account-reader.ts';
import { createLinuxResetter } from '../../../agent/linux/reset-linux.ts';
import type { PreparedScript, ScriptRequest } from '../../../agent/linux/script-runner.ts';

const HASH = '$6$salt$0123456789abcdef';

/** What became of one run of the script. */
interface Run {
  readonly lockMarks: string | null;
  readonly ahead: boolean;
  end: 'waits' | 'has the password' | 'discarded';
}

/** An account database of its own, and a runner that only takes note of what it is asked for. */
function open({ readsFirst = true } = {}) {
  const etc = mkdtempSync(join(tmpdir(), 'latchkey-'));
  onTestFinished(() => rmSync(etc, { recursive: true }));
  const write = (mark: string, members = '') => {
    writeFileSync(join(etc, 'passwd'), 'root:x:0:0::/root:/bin/sh\nbob:x:1001:1001::/home/bob:/bin/sh\n');
    writeFileSync(join(etc, 'shadow'), `root:*:19000:0:99999:7:::\nbob:${mark}${HASH}:19000:0:99999:7:::\n`);
    writeFileSync(join(etc, 'group'), `root:x:0:\nsudo:x:27:${members}\nbob:x:1001:\n`);
  };
  write('');
  const runs: Run[] = [];
  const prepare = ({ lockMarks, ahead }: ScriptRequest): PreparedScript => {
    const run: Run = { lockMarks, ahead, end: 'waits' };
    runs.push(run);
    return {
      run: async () => {
        run.end = 'has the password';
        return Promise.resolve({ kind: 'not-run', code: 'script-failed', detail: 'only asked' });
      },
      discard: () => {
        if (run.end === 'waits') run.end = 'discarded';
      },
    };
  };
  const resetter = createLinuxResetter({
    accounts: createAccountReader({ etc, share: etc, now: () => Date.now(), knownElsewhere: async () => false }),
    tool: { readsFirst: () => readsFirst },
    runner: { prepare, standBy: () => undefined, close: () => undefined },
    verifier: {
      prepare: () => ({ verify: () => Promise.reject(new Error('nothing to prove')), discard: () => undefined }),
      close: () => undefined,
    },
    ssh: { warningsFor: async () => Promise.resolve([]) },
    monotonicMs: () => 0,
  });
  /** A reset that may begin once `meanwhile` has happened, which is after all that it does ahead. */
  const resetAfter = (
    meanwhile: () => boolean | Promise<boolean>,
    { unlock = false, unexpire = false, seal = 'whole' } = {},
  ) =>
    resetter.reset({
      accountName: 'bob',
      password: async () => (seal === 'whole' ? Buffer.from('p') : null),
      options: { unlock, unexpire, mustChange: false },
      privilegedAuthorised: false,
      script: { bytes: Buffer.from(''), digest: '' },
      begun: new Promise((resolve) => setImmediate(() => resolve(meanwhile()))),
    });
  return { etc, write, runs, resetAfter };
}

test('a lock that is set while a reset is recorded is kept', async () => {
  const { write, runs, resetAfter } = open();
  await resetAfter(() => {
    write('!');
    return true;
  });
  expect(runs).toEqual([
    { lockMarks: '', ahead: true, end: 'discarded' },
    { lockMarks: '!', ahead: false, end: 'has the password' },
  ]);
});

test('an account that becomes an administrator while a reset is recorded is not reset as a plain one', async () => {
  const { write, runs, resetAfter } = open();
  const result = await resetAfter(() => {
    write('', 'bob');
    return true;
  });
  expect(result).toEqual({ state: 'failed', code: 'account-privileged', detail: '' });
  expect(runs).toEqual([{ lockMarks: '', ahead: true, end: 'discarded' }]);
});

test('where nothing changes, the script that began ahead is the one that gets the password', async () => {
  const { runs, resetAfter } = open();
  let before: readonly Run[] = [];
  await resetAfter(() => {
    before = structuredClone(runs);
    return true;
  });
  expect(before).toEqual([{ lockMarks: '', ahead: true, end: 'waits' }]);
  expect(runs).toEqual([{ lockMarks: '', ahead: true, end: 'has the password' }]);
});

test.each([
  ['a lock is to be kept', '!', {}, {}],
  ['a lock is to be taken away', '!', { unlock: true }, {}],
  ['a lock-out is to be lifted', '', { unlock: true }, {}],
  ['an expiry date is to be removed', '', { unexpire: true }, {}],
  ['chpasswd locks the account database before it reads', '', {}, { readsFirst: false }],
])('where %s, nothing begins before the reset is recorded', async (_, mark, options, tool) => {
  const { write, runs, resetAfter } = open(tool);
  write(mark);
  let before: readonly Run[] | null = null;
  await resetAfter(() => {
    before = structuredClone(runs);
    return true;
  }, options);
  expect(before).toEqual([]);
  expect(runs).toEqual([{ lockMarks: mark, ahead: false, end: 'has the password' }]);
});

test('what has begun is not kept waiting for a disk that does not answer', async () => {
  const { runs, resetAfter } = open();
  const begun = Promise.withResolvers<boolean>();
  const resetting = resetAfter(() => begun.promise);
  await expect.poll(() => runs).toEqual([{ lockMarks: '', ahead: true, end: 'discarded' }]);
  begun.resolve(true);
  await resetting;
  expect(runs.slice(1)).toEqual([{ lockMarks: '', ahead: false, end: 'has the password' }]);
});

test('a reset that is not recorded gives nothing its password', async () => {
  const { runs, resetAfter } = open();
  expect(await resetAfter(() => false)).toBeNull();
  expect(runs).toEqual([{ lockMarks: '', ahead: true, end: 'discarded' }]);
});

test('a seal that is broken ends what has begun', async () => {
  const { runs, resetAfter } = open();
  expect(await resetAfter(() => true, { seal: 'broken' })).toBeNull();
  expect(runs).toEqual([{ lockMarks: '', ahead: true, end: 'discarded' }]);
});

test('an account database that cannot be looked at is a failure that is told, not an accident', async () => {
  const { etc, runs, resetAfter } = open();
  rmSync(join(etc, 'shadow'));
  symlinkSync('shadow', join(etc, 'shadow'));
  expect(await resetAfter(() => true)).toMatchObject({ state: 'failed', code: 'account-database-unreadable' });
  expect(runs).toEqual([]);
});
