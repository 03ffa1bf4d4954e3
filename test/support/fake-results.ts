import { randomUUID } from 'node:crypto';
import { signJson, type Signed, TaskResult, type VerifiedBy, type Warning } from '#protocol';
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

type About = Pick<TaskResult, 'taskId' | 'resetId' | 'instanceId' | 'account' | 'sealedDigest'>;

/** What an instance that behaves so has to say of a task. */
export function resultOf(about: About, behaviour: Exclude<Behaviour, { kind: 'hangs' }>): TaskResult {
  const account = about.account === '@rid-500' ? 'Administrator' : about.account;
  const common = { v: 1, ...about, account, generation: 1 };
  if (behaviour.kind === 'fails') {
    const { code } = behaviour;
    const nothing = { verifiedBy: null, warnings: [], appliedMs: null, verifiedMs: null };
    return TaskResult.parse({ ...common, ...nothing, state: 'failed', code, detail: null });
  }
  const { verifiedBy = 'login', warnings = [] } = behaviour.kind === 'succeeds' ? behaviour : {};
  const proof = { verifiedBy, warnings: [...warnings], appliedMs: 40, verifiedMs: 90 };
  return TaskResult.parse({ ...common, ...proof, state: 'succeeded', code: null, detail: null });
}

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
