import type { Repositories } from '../store/store.ts';
import type { TokenRecord } from '../store/records.ts';
import type { Clock, Hash, Random } from './ports.ts';
import { blankToken } from './token-creation.ts';
import { formatApiToken, newSecret } from './token-secrets.ts';

/** A token that may do everything, made by nobody who holds one: at the first start, or when all others are lost. */
export interface AdministratorToken {
  /** What its holder presents; kept nowhere. */
  readonly text: string;
  /** Makes it good, with the audit record of it. */
  insert(tx: Repositories): Promise<void>;
}

/** `rule`: why it may be made at all, for the audit. */
export function newAdministratorToken(
  deps: { readonly clock: Clock; readonly random: Random; readonly hash: Hash },
  { name, rule }: { readonly name: string; readonly rule: string },
): AdministratorToken {
  const { secret, digest } = newSecret(deps.random, deps.hash);
  const role = 'administrator' as const;
  const blank = blankToken(deps, 'system');
  const record: TokenRecord = { ...blank, type: 'api', name, secretDigest: digest, role, privileged: true };
  return {
    text: formatApiToken({ id: record.id, secret }),
    async insert(tx) {
      await tx.tokens.insert(record);
      await tx.audit.append({
        at: record.createdAt,
        actor: 'system',
        action: 'token.create',
        resource: `token:${record.id}`,
        decision: 'allow',
        rule,
        code: null,
        detail: { type: 'api', name, role, privileged: true },
      });
    },
  };
}
