import { closeSync, ftruncateSync, mkdirSync, mkdtempSync, openSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createDatabaseLocks } from '../../../agent/linux/database-lock.ts';
import { createVerifier } from '../../../agent/linux/verifier.ts';

const TALLY_BYTES = 600 * 1024 * 1024;
const GROWTH_KIB_MAX = 200 * 1024;

const temporary = () => {
  const directory = mkdtempSync(join(tmpdir(), 'latchkey-'));
  onTestFinished(() => rmSync(directory, { recursive: true }));
  return directory;
};
const place = (directory: string, files: Readonly<Record<string, string>>) => {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(directory, name, '..'), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
};

test('an account that blows up its own faillock tally costs the agent no memory', async () => {
  const etc = temporary();
  place(etc, {
    passwd: 'alice:x:1000:1000::/:/bin/sh\n',
    shadow: 'alice:!:1::::::\n',
    group: '',
    'security/faillock.conf': `dir=${etc}\n`,
  });
  const tally = openSync(join(etc, 'alice'), 'w');
  ftruncateSync(tally, TALLY_BYTES);
  closeSync(tally);
  const verifier = createVerifier({ now: () => 0, etc, service: null, helper: { file: '/bin/true', args: [] } });
  const before = process.resourceUsage().maxRSS;
  const prepared = verifier.prepare();
  expect(await prepared.verify('alice', Buffer.from('Correct-Horse-7'))).toMatchObject({ verifiedBy: null });
  expect(process.resourceUsage().maxRSS - before).toBeLessThan(GROWTH_KIB_MAX);
});

test.each([
  ['fe:00', 4242],
  ['00:2b', null],
])(
  'the lock of the account database is told from one on a file with the same number: on %s it is that of %s',
  (device, pid) => {
    const [etc, proc] = [temporary(), temporary()];
    place(etc, { '.pwd.lock': '' });
    const { ino } = statSync(join(etc, '.pwd.lock'));
    place(proc, {
      locks: `1: POSIX  ADVISORY  WRITE 4242 ${device}:${String(ino)} 0 EOF\n`,
      // What is mounted later on the same place hides what was there.
      'self/mountinfo': `1 0 8:1 / / rw - ext4 a rw\n2 1 0:43 / ${etc}-other rw - tmpfs b rw\n3 0 254:0 / / rw - ext4 c rw\n`,
    });
    expect(createDatabaseLocks(etc, proc).holder()?.pid ?? null).toBe(pid);
  },
);
