import * as z from 'zod';
import { Digest } from './encoding.ts';
import { PublicKey, type Thumbprint } from './ids.ts';
import { RELEASE_BYTES_MAX } from './limits.ts';
import { openSigned, Signed, thumbprintOf, type Verify } from './signing.ts';

/** The version of a release: three numbers, and perhaps a mark of one that is not finished. */
export const ReleaseVersion = z
  .string()
  .max(40)
  .regex(
    /^(?:0|[1-9]\d{0,5})(?:\.(?:0|[1-9]\d{0,5})){2}(?:-[0-9A-Za-z]+(?:\.[0-9A-Za-z]+)*)?$/,
    'like 1.2.3 or 1.2.3-rc.1',
  )
  .brand<'ReleaseVersion'>();
export type ReleaseVersion = z.infer<typeof ReleaseVersion>;

/** What it runs on, as Node names systems and processors. */
export const ReleasePlatform = z.enum(['linux-x64', 'linux-arm64', 'win32-x64']);
export type ReleasePlatform = z.infer<typeof ReleasePlatform>;

/** One archive of the agent, signed by a release key (`release`). */
export const ReleaseStatement = z.strictObject({
  v: z.literal(1),
  name: z.literal('latchkey-agent'),
  version: ReleaseVersion,
  platform: ReleasePlatform,
  /** The size of the archive. */
  bytes: z.int().min(1).max(RELEASE_BYTES_MAX),
  /** SHA-256 of the archive. */
  digest: Digest,
});
export type ReleaseStatement = z.infer<typeof ReleaseStatement>;

/** A statement as it travels and lies beside its archive: with the whole key, of which it names the thumbprint. */
export const SignedRelease = z.strictObject({
  statement: Signed,
  /** Ed25519: the release key. Worth something only to who knows its thumbprint from elsewhere. */
  publicKey: PublicKey,
});
export type SignedRelease = z.infer<typeof SignedRelease>;

export type ReleaseVerdict =
  | { readonly ok: true; readonly release: ReleaseStatement }
  | { readonly ok: false; readonly why: 'other-key' | 'bad-signature' | 'malformed' };

/** Believes a statement only if that release key has signed it. Null takes whatever key signed: for a first look. */
export async function openRelease(
  verify: Verify,
  releaseKey: Thumbprint | null,
  { statement, publicKey }: SignedRelease,
): Promise<ReleaseVerdict> {
  const named = await thumbprintOf(publicKey);
  if (named !== statement.key || (releaseKey !== null && named !== releaseKey)) return { ok: false, why: 'other-key' };
  const opened = await openSigned(verify, publicKey, 'release', ReleaseStatement, statement);
  return opened.ok ? { ok: true, release: opened.body } : opened;
}

/** What an archive is called; its statement has the same name with `.json` in place of `.tar.gz`. */
export function archiveNameOf({
  name,
  version,
  platform,
}: Pick<ReleaseStatement, 'name' | 'version' | 'platform'>): string {
  return `${name}-${version}-${platform}.tar.gz`;
}

/** Newest first; a version with a mark comes after the one without. */
export function compareVersions(one: ReleaseVersion, other: ReleaseVersion): number {
  const [a, b] = [partsOf(one), partsOf(other)];
  for (const [at, number] of a.numbers.entries()) {
    const difference = (b.numbers[at] ?? 0) - number;
    if (difference !== 0) return difference;
  }
  if (a.mark === b.mark) return 0;
  if (a.mark === '' || b.mark === '') return a.mark === '' ? -1 : 1;
  return compareMarks(b.mark.split('.'), a.mark.split('.'));
}

function partsOf(version: ReleaseVersion) {
  const [numbers = '', ...mark] = version.split('-');
  return { numbers: numbers.split('.').map(Number), mark: mark.join('-') };
}

/** By the rules of semantic versioning: numbers by value and before words, and the shorter of two that begin alike first. */
function compareMarks(one: readonly string[], other: readonly string[]): number {
  for (const [at, a] of one.entries()) {
    const b = other[at];
    if (b === undefined) return 1;
    if (a === b) continue;
    const numbers = [a, b].map((text) => /^\d+$/.test(text));
    if (numbers[0] === true && numbers[1] === true) return Number(a) - Number(b);
    if (numbers[0] !== numbers[1]) return numbers[0] === true ? -1 : 1;
    return a < b ? -1 : 1;
  }
  return one.length - other.length;
}
