import type * as z from 'zod';
import type { Digest } from '../encoding.ts';
import type { InstanceId, ResetId } from '../ids.ts';
import { BODY_BYTES_MAX, ONLINE_RESET_LIFETIME_MS, SEALED_PASSWORDS_PER_CHUNK_MAX } from '../limits.ts';
import type { SealedPassword } from '../order.ts';
import type { StartReset } from '../rest/resets.ts';
import { sealedDigest, sealPassword } from '../sealing.ts';
import type { ResetMode, ResetOptions } from '../tasks.ts';
import type { ReadyTarget } from './judge-plan.ts';
import type { Expectation } from './outcome.ts';

/** An offline reset waits for a boot, which somebody has to bring about. */
const OFFLINE_RESET_LIFETIME_MS = 7 * 24 * 3_600_000;

/** Room in a body for everything that is not a sealed password. */
const ENVELOPE_BYTES = 4 * 1024;
/** How many passwords are sealed at once. */
const PARALLEL = 32;

/** The body of one request. */
export type Chunk = z.output<typeof StartReset>;

export interface SealedTarget {
  readonly instanceId: InstanceId;
  readonly password: SealedPassword;
}

/** The moment after which a sealed password must not be applied; `now` is the control plane's, within five minutes. */
export function notAfterOf(mode: ResetMode, now: number): number {
  return now + (mode === 'online' ? ONLINE_RESET_LIFETIME_MS : OFFLINE_RESET_LIFETIME_MS);
}

export interface SealTerms {
  readonly resetId: ResetId;
  readonly mode: ResetMode;
  readonly options: ResetOptions;
  readonly notAfter: number;
}

/** Each target's password sealed to it, and the digest by which its result must name it. */
export async function sealAll(
  targets: readonly ReadyTarget[],
  terms: SealTerms,
  passwords: { bytesFor(instanceId: InstanceId): Uint8Array },
): Promise<{ sealed: SealedTarget[]; digests: Map<InstanceId, Digest> }> {
  const sealed: SealedTarget[] = [];
  const digests = new Map<InstanceId, Digest>();
  for (let at = 0; at < targets.length; at += PARALLEL) {
    const some = targets.slice(at, at + PARALLEL).map(async (target) => {
      const { instanceId, identity, account, sealingKey } = target;
      const context = { ...terms, instanceId, identity, account };
      const password = await sealPassword(sealingKey, context, passwords.bytesFor(instanceId));
      digests.set(instanceId, await sealedDigest(password));
      return { instanceId, password };
    });
    sealed.push(...(await Promise.all(some)));
  }
  return { sealed, digests };
}

/** What is needed to check the results later; `digests` as `sealAll` made them. Nothing in it is secret. */
export function expectationsOf(
  ready: readonly ReadyTarget[],
  { resetId }: { readonly resetId: ResetId },
  digests: ReadonlyMap<InstanceId, Digest>,
): Map<InstanceId, Expectation> {
  const expectations = new Map<InstanceId, Expectation>();
  for (const { instanceId, account, identityKey } of ready) {
    const digest = digests.get(instanceId);
    if (digest === undefined) throw new Error('a target was not sealed to');
    expectations.set(instanceId, { resetId, instanceId, account, identityKey, digest });
  }
  return expectations;
}

/** The bodies to send one after another: each below the limits of one request, the last one final. */
export function chunksOf(
  sealed: readonly SealedTarget[],
  terms: { readonly resetId: ResetId; readonly notAfter: number; readonly skipBlocked: boolean },
): Chunk[] {
  const groups: SealedTarget[][] = [[]];
  let bytes = ENVELOPE_BYTES;
  for (const one of sealed) {
    const size = JSON.stringify(one).length + 1; // base64url and UUIDs: a character is a byte.
    const group = groups.at(-1);
    if (group !== undefined && group.length < SEALED_PASSWORDS_PER_CHUNK_MAX && bytes + size <= BODY_BYTES_MAX) {
      group.push(one);
      bytes += size;
    } else {
      groups.push([one]);
      bytes = ENVELOPE_BYTES + size;
    }
  }
  return groups.map((group, at) => ({ ...terms, sealed: group, final: at === groups.length - 1 }));
}
