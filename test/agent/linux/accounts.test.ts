import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AccountFiles } from '../../../agent/linux/account-files.ts';
import type { Authorities } from '../../../agent/linux/authorities.ts';
import {
  ACCOUNT_NAME_CHARACTERS_MAX,
  isSafeAccountName,
  lockState,
  resolveAccount,
} from '../../../agent/linux/accounts.ts';

const HASH = '$y$j9T$saltsaltsaltsaltsalt.$0123456789012345678901234567890123456789012';
const TODAY = 20_000;

const SUDOERS =
  'Defaults env_reset\nroot ALL=(ALL:ALL) ALL\n%sudo ALL=(ALL:ALL) ALL\n# alice ALL=(ALL) ALL\n@includedir /etc/sudoers.d\n';
const authorities = (change: Partial<Authorities> = {}): Authorities => ({
  ...{ sudoers: [SUDOERS], doas: [], polkit: [], incomplete: false },
  ...change,
});

const files = (change: Partial<AccountFiles> & { shadowFields?: string; shell?: string } = {}): AccountFiles => ({
  passwd: `root:x:0:0:root:/root:/bin/bash\nalice:x:1000:1000:,,,:/home/alice:${change.shell ?? '/bin/bash'}\ntoor:x:0:0::/root:/bin/sh\nalice:x:1:1:second:/:/bin/false\n`,
  shadow: `root:${HASH}:19000:0:99999:7:::\nalice:${change.shadowFields ?? `${HASH}:19999:0:99999:7:::`}\n`,
  group: 'root:x:0:\nsudo:x:27:carol\nalice:x:1000:\n',
  authorities: authorities(),
  ...change,
});

const alice = (change?: Parameters<typeof files>[0]) => {
  const resolution = resolveAccount(files(change), 'alice', TODAY);
  if (!resolution.ok) throw new Error(resolution.code);
  return resolution.account;
};

describe('a name', () => {
  test.each(['alice', 'web_1', 'a.b-c', '_apt', 'a'.repeat(ACCOUNT_NAME_CHARACTERS_MAX)])('%j is safe', (name) => {
    expect(isSafeAccountName(name)).toBe(true);
  });
  test.each([
    '',
    '-a',
    '.a',
    '..',
    'a/b',
    'a:b',
    'a b',
    'a\n',
    '\u0000',
    'a\u001b[2J',
    '$(id)',
    'ä',
    "a'b",
    'a'.repeat(33),
  ])('%j is refused', (name) => {
    expect(resolveAccount(files(), name, TODAY)).toEqual({ ok: false, code: 'account-name-unsafe' });
  });
  test('that is accepted never holds anything a shell, a path or a record could read differently', () => {
    fc.assert(fc.property(fc.string(), (name) => !isSafeAccountName(name) || /^[\w][\w.-]*$/.test(name)));
  });
  test('that the files do not hold is not found', () => {
    expect(resolveAccount(files(), 'bob', TODAY)).toEqual({ ok: false, code: 'account-not-found' });
    expect(resolveAccount(files({ passwd: '+bob::::::\n' }), 'bob', TODAY)).toEqual({
      ok: false,
      code: 'account-not-found',
    });
  });
  test('means its first entry', () => {
    expect(alice().uid).toBe(1000);
  });
});

describe('a password field', () => {
  test.each([
    [HASH, 'none'],
    ['$6$salt$hash', 'none'],
    ['aaBBccDDeeFFg', 'none'],
    [`!${HASH}`, 'locked'],
    [`!!${HASH}`, 'locked'],
    [`*${HASH}`, 'locked'],
    ['', 'never-set'],
    ['!', 'never-set'],
    ['!!', 'never-set'],
    ['*', 'never-set'],
    ['!*', 'never-set'],
    ['x', 'never-set'],
    ['*LK*', 'never-set'],
  ])('%j is %s', (field, state) => {
    expect(lockState(field)).toBe(state);
  });
});

describe('what stands between an account and a login', () => {
  test.each([
    ['nothing', `${HASH}:19999:0:99999:7:::`, {}],
    ['an expiry date that has come', `${HASH}:19999:0:99999:7::20000:`, { expired: true }],
    ['an expiry date tomorrow', `${HASH}:19999:0:99999:7::20001:`, {}],
    ['the maximum age reached', `${HASH}:19990:0:10:7:::`, {}],
    ['the maximum age passed', `${HASH}:19989:0:10:7:::`, { agedOut: true }],
    ['the grace period running', `${HASH}:19985:0:10:7:5::`, { agedOut: true }],
    ['the grace period passed', `${HASH}:19984:0:10:7:5::`, { agedOut: true, inactive: true }],
    ['a change demanded', `${HASH}:0:0:99999:7:::`, { mustChange: true }],
    ['rules switched off by -1', `${HASH}:19000:0:-1:7:-1:-1:`, {}],
    ['a last change in the future', `${HASH}:20100:0:10:7:::`, {}],
  ])('%s', (_, shadowFields, expected) => {
    expect(alice({ shadowFields })).toMatchObject({
      expired: false,
      agedOut: false,
      inactive: false,
      mustChange: false,
      ...expected,
    });
  });
  test.each([
    ['/bin/bash', true],
    ['', true],
    ['/usr/bin/zsh', true],
    ['/usr/sbin/nologin', false],
    ['/bin/false', false],
    ['nonsense', false],
  ])('the shell %j: usable %s', (shell, shellUsable) => {
    expect(alice({ shell })).toMatchObject({ shellUsable });
  });
});

describe('a privileged account', () => {
  const privileged = (name: string, change?: Partial<AccountFiles>) => {
    const resolution = resolveAccount(files(change), name, TODAY);
    return resolution.ok && resolution.account.privileged;
  };
  test('is root, and whoever shares its uid', () => {
    expect([privileged('root'), privileged('toor'), privileged('alice')]).toEqual([true, true, false]);
  });
  test.each([
    ['a member of sudo', { group: 'sudo:x:27:bob,alice\n' }],
    ['a member of wheel', { group: 'wheel:x:10:alice\n' }],
    ['a member of docker', { group: 'docker:x:999:alice\n' }],
    ['one whose primary group is an administrators group', { group: 'admin:x:1000:\n' }],
    ['one in group 0 by another name', { group: 'system:x:0:alice\n' }],
    ['a member of staff, which writes /usr/local', { group: 'staff:x:50:alice\n' }],
  ])('is %s', (_, change) => {
    expect(privileged('alice', change)).toBe(true);
  });
});

test('survives whatever the files hold', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), fc.string(), (passwd, shadow, group) => {
      const hostile = authorities({ sudoers: [group, `${group}=`], doas: [group], polkit: [group] });
      const held = { passwd: `${passwd}\nalice:x:1:1::/:/bin/sh`, shadow, group, authorities: hostile };
      resolveAccount(held, 'alice', TODAY);
    }),
  );
});
