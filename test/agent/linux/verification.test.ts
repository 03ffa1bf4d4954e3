import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { createVerifier } from '../../../agent/linux/verifier.ts';
import { judgeVerification, mayAuthenticate } from '../../../agent/linux/verification.ts';
import type { VerificationEvidence } from '../../../agent/linux/verification.ts';
import { parseEvidence } from '../../../agent/linux/evidence.ts';
import type { HelperEvidence } from '../../../agent/linux/evidence.ts';

type Change = Partial<Omit<VerificationEvidence, 'helper' | 'account'>> & {
  account?: Partial<VerificationEvidence['account']>;
  helper?: Partial<HelperEvidence> | null;
};

const evidence = ({ account, helper, ...rest }: Change): VerificationEvidence => ({
  account: {
    uid: 1000,
    lock: 'none',
    shellUsable: true,
    expired: false,
    agedOut: false,
    inactive: false,
    mustChange: false,
    ...account,
  },
  helper:
    helper === null
      ? null
      : { authenticate: 0, account: 0, hiddenPrompts: 1, visiblePrompts: 0, hash: 'not-tried', error: '', ...helper },
  pamPresent: true,
  timedOut: false,
  faillock: { failures: 0, deny: 3 },
  ...rest,
});

const refused = { authenticate: 7, account: null } as const;
const untried = { authenticate: null, account: null, hiddenPrompts: 0 } as const;

describe('proven by a login', () => {
  test('only where authentication and account checks passed and the password was asked for once', () => {
    expect(judgeVerification(evidence({}))).toEqual({ verifiedBy: 'login', warnings: [] });
  });
});

describe('proven by authentication, the account not usable', () => {
  test.each<[string, Change, string[]]>([
    ['PAM says expired', { helper: { account: 13 } }, ['account-expired']],
    ['PAM says change it', { helper: { account: 12 } }, ['password-must-change']],
    ['PAM says aged out', { helper: { account: 27 } }, ['password-aged-out']],
    ['PAM says no, the date says expired', { helper: { account: 7 }, account: { expired: true } }, ['account-expired']],
    [
      'PAM says no, the age says why',
      { helper: { account: 7 }, account: { agedOut: true, inactive: true } },
      ['password-aged-out'],
    ],
    [
      'PAM says change it, because of its age',
      { helper: { account: 12 }, account: { agedOut: true } },
      ['password-aged-out'],
    ],
    [
      'PAM says change it, because that was demanded',
      { helper: { account: 12 }, account: { mustChange: true } },
      ['password-must-change'],
    ],
    ['PAM denies it for a reason of its own', { helper: { account: 6 } }, ['login-denied']],
  ])('%s', (_, change, warnings) => {
    expect(judgeVerification(evidence(change))).toEqual({ verifiedBy: 'authenticate', warnings });
  });
});

const withoutLogin: [string, Change, string[]][] = [
  ['a lock that stays', { account: { lock: 'locked' }, helper: untried }, ['account-locked']],
  ['a shell that lets nobody in', { account: { shellUsable: false }, helper: untried }, ['nologin-shell']],
  ['both', { account: { lock: 'locked', shellUsable: false }, helper: untried }, ['account-locked', 'nologin-shell']],
  [
    'a lock on an expired account',
    { account: { lock: 'locked', expired: true }, helper: untried },
    ['account-locked', 'account-expired'],
  ],
  ['no PAM', { pamPresent: false, helper: untried }, ['login-not-tried']],
  ['a PAM that cannot be used', { helper: { ...untried, error: 'libpam.so.0' } }, ['login-not-tried']],
  ['a module that hangs', { timedOut: true, helper: untried }, ['login-not-tried']],
  ['success without a question', { helper: { hiddenPrompts: 0 } }, ['login-not-tried']],
  ['a second hidden prompt', { helper: { ...refused, hiddenPrompts: 2 } }, ['second-factor']],
  ['a visible prompt', { helper: { ...refused, visiblePrompts: 1 } }, ['second-factor']],
  ['success after a visible prompt', { helper: { hiddenPrompts: 1, visiblePrompts: 1 } }, ['second-factor']],
  ['a tally at the limit', { faillock: { failures: 3, deny: 3 }, helper: refused }, ['faillock']],
  ['an access rule, or closed logins', { helper: refused }, ['login-denied']],
  ['a tally below the limit', { faillock: { failures: 2, deny: 3 }, helper: refused }, ['login-denied']],
];

describe('no login', () => {
  test.each(withoutLogin)('%s: a matching hash is the proof', (_, change, warnings) => {
    const matching = evidence({ ...change, helper: { ...change.helper, hash: 'match' } });
    expect(judgeVerification(matching)).toEqual({ verifiedBy: 'hash', warnings });
  });
  test.each(withoutLogin)('%s: another hash means not accepted', (_, change) => {
    const other = evidence({ ...change, helper: { ...change.helper, hash: 'mismatch' } });
    expect(judgeVerification(other)).toEqual({ verifiedBy: null, code: 'password-not-accepted', warnings: [] });
  });
  test.each(withoutLogin)('%s: without a hash nothing is claimed', (_, change, warnings) => {
    for (const hash of ['absent', 'unsupported', 'not-tried'] as const) {
      const none = evidence({ ...change, helper: { ...change.helper, hash } });
      expect(judgeVerification(none)).toEqual({ verifiedBy: null, code: 'verification-inconclusive', warnings });
    }
  });
  test('a helper that never answers proves nothing', () => {
    expect(judgeVerification(evidence({ helper: null }))).toEqual({
      verifiedBy: null,
      code: 'verification-inconclusive',
      warnings: [],
    });
    expect(judgeVerification(evidence({ helper: null, timedOut: true }))).toMatchObject({
      verifiedBy: null,
      warnings: ['login-not-tried'],
    });
  });
});

test('a login is tried only where it could succeed', () => {
  const { account } = evidence({});
  expect(mayAuthenticate(account)).toBe(true);
  expect(mayAuthenticate({ ...account, expired: true })).toBe(true);
  expect(mayAuthenticate({ ...account, lock: 'locked' })).toBe(false);
  expect(mayAuthenticate({ ...account, shellUsable: false })).toBe(false);
});

describe('evidence from the helper, in which foreign modules run,', () => {
  const whole = { authenticate: 0, account: 0, hiddenPrompts: 1, visiblePrompts: 0, hash: 'match', error: '' };

  test('is read when it is whole', () => {
    expect(parseEvidence(`${JSON.stringify(whole)}\n`)).toEqual(whole);
    const untold = {
      ...whole,
      authenticate: null,
      account: null,
      hiddenPrompts: 0,
      hash: 'absent',
      error: 'no libpam',
    };
    expect(parseEvidence(JSON.stringify({ ...untold, more: true }))).toEqual(untold);
  });

  test.each([
    ...['', '5', 'null', '"match"', '[]', '{}', '{"hash":"match"}', '{"hash":"match"}\n{"hash":"match"}'],
    ...[{ authenticate: '0' }, { authenticate: undefined }, { account: 0.5 }, { account: true }],
    ...[{ hiddenPrompts: -1 }, { hiddenPrompts: null }, { visiblePrompts: '0' }, { hash: 'matches' }, { hash: 1 }],
    ...[{ error: null }, { error: undefined }],
  ])('is none when it is %j', (broken) => {
    const text = typeof broken === 'string' ? broken : JSON.stringify({ ...whole, ...broken });
    expect(parseEvidence(text)).toBeNull();
  });

  test.each([
    ['proves nothing when it is not whole', { hash: 'match' }, null],
    ['proves what it says when it is', whole, 'login'],
  ])('%s', async (_, answer, verifiedBy) => {
    const etc = mkdtempSync(join(tmpdir(), 'latchkey-etc-'));
    onTestFinished(() => rmSync(etc, { recursive: true }));
    writeFileSync(join(etc, 'passwd'), 'alice:x:1000:1000::/home/alice:/bin/sh\n');
    writeFileSync(join(etc, 'shadow'), 'alice:$6$salt$hash:20000:0:99999:7:::\n');
    const script = `cat > /dev/null; printf '%s\\n' '${JSON.stringify(answer)}' >&3`;
    const helper = { file: '/bin/sh', args: ['-c', script] };
    const verifier = createVerifier({ now: () => Date.UTC(2026, 0, 1), etc, helper, service: 'login' });
    const verdict = await verifier.prepare().verify('alice', Buffer.from('Correct-Horse-7'));
    expect(verdict.verifiedBy).toBe(verifiedBy);
  });
});
