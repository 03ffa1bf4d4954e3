import { randomUUID } from 'node:crypto';
import { signJson, type Signed, type TaskResult, type VerifiedBy, type Warning } from '#protocol';
import type { FakeIdentity } from './fake-agent.ts';
import { newSigner } from './keys.ts';

/** What an instance does with a password that it is sent; `forges` is a control plane that lies about it. */
export type Behaviour =
  | { readonly kind: 'succeeds'; readonly verifiedBy?: VerifiedBy; readonly warnings?: readonly Warning[] }
  | { readonly kind: 'fails'; readonly code: 'account-not-found' | 'script-timeout'; readonly detail?: string }
  | { readonly kind: 'hangs' }
  | {
      readonly kind: 'forges';
      readonly how: 'unsigned' | 'other-key' | 'other-password' | 'other-reset' | 'other-account' | 'other-task';
    };

/** The word of an instance on a task, or what somebody makes of it who has not got its key. */
export async function sign(result: TaskResult, { signer }: FakeIdentity, behaviour: Behaviour): Promise<Signed | null> {
  if (behaviour.kind !== 'forges') return signJson(signer, 'result', result);
  switch (behaviour.how) {
    case 'unsigned':
      return null;
    case 'other-key':
      // The signature of someone else under the name of the instance's key.
      return { ...(await signJson(await newSigner(), 'result', result)), key: signer.key };
    case 'other-password':
      return signJson(signer, 'result', { ...result, sealedDigest: otherDigest(result.sealedDigest) });
    case 'other-reset':
      return signJson(signer, 'result', { ...result, resetId: randomUUID() });
    case 'other-account':
      return signJson(signer, 'result', { ...result, account: 'mallory' });
    case 'other-task':
      return signJson(signer, 'result', { ...result, taskId: randomUUID() });
    default:
      return behaviour.how satisfies never;
  }
}

/** Differs from `digest` in its first character, whatever that is. */
function otherDigest(digest: string): string {
  return digest.replace(/./, (first) => (first === 'A' ? 'B' : 'A'));
}
