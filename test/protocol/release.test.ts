import { expect, test } from 'vitest';
import {
  archiveNameOf,
  compareVersions,
  openRelease,
  ReleaseStatement,
  ReleaseVersion,
  verifyEd25519,
  type SignedRelease,
  type SignedType,
} from '#protocol';
import { publicKey, signedBy, thumbprint, type KeyName } from './support/cast.ts';

const RELEASE = {
  v: 1,
  name: 'latchkey-agent',
  version: '1.2.3',
  platform: 'linux-x64',
  bytes: 1000,
  digest: 'A'.repeat(43),
} as const;

async function signed(body: unknown, type: SignedType = 'release', by: KeyName = 'release'): Promise<SignedRelease> {
  return { statement: await signedBy(by, type, body), publicKey: publicKey(by) };
}

test('believes a release that the pinned key has signed', async () => {
  const verdict = await openRelease(verifyEd25519, thumbprint('release'), await signed(RELEASE));
  expect(verdict).toEqual({ ok: true, release: RELEASE });
});

test('refuses a release of another key, though its own signature is good', async () => {
  const verdict = await openRelease(verifyEd25519, thumbprint('order'), await signed(RELEASE));
  expect(verdict).toEqual({ ok: false, why: 'other-key' });
});

test('refuses a statement that names the pinned key and was signed by another', async () => {
  const forged = await signed(RELEASE, 'release', 'order');
  const named = { ...forged, statement: { ...forged.statement, key: thumbprint('release') } };
  expect(await openRelease(verifyEd25519, thumbprint('release'), named)).toEqual({ ok: false, why: 'other-key' });
  const dressed = { ...named, publicKey: publicKey('release') };
  expect(await openRelease(verifyEd25519, thumbprint('release'), dressed)).toEqual({ ok: false, why: 'bad-signature' });
});

test('takes no signature of another purpose for one of a release', async () => {
  const verdict = await openRelease(verifyEd25519, thumbprint('release'), await signed(RELEASE, 'script'));
  expect(verdict).toEqual({ ok: false, why: 'bad-signature' });
});

test.each([
  { ...RELEASE, extra: 1 },
  { ...RELEASE, version: '../../etc' },
  { ...RELEASE, version: '1.2.3-../x' },
  { ...RELEASE, platform: 'linux' },
  { ...RELEASE, bytes: 0 },
  { ...RELEASE, name: 'other' },
])('refuses a statement that is signed and not one of a release: %j', async (body) => {
  const verdict = await openRelease(verifyEd25519, thumbprint('release'), await signed(body));
  expect(verdict).toEqual({ ok: false, why: 'malformed' });
});

test('names an archive by what it holds', () => {
  expect(archiveNameOf(ReleaseStatement.parse(RELEASE))).toBe('latchkey-agent-1.2.3-linux-x64.tar.gz');
});

test('puts the newest version first', () => {
  const newest = ['1.10.0', '1.9.0', '1.9.0-rc.10', '1.9.0-rc.2', '1.9.0-rc', '1.9.0-beta.1', '1.9.0-1', '0.99.99'];
  const mixed = newest.toSorted().map((version) => ReleaseVersion.parse(version));
  expect(mixed.toSorted(compareVersions)).toEqual(newest);
});
