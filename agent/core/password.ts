import { fromUtf8, passwordViolations, type AccountName, type OperatingSystem, type Order } from '#protocol';
import { judgePolicy } from '../domain/policy.ts';
import type { StartedAt } from '../domain/policy.ts';
import type { AgentCrypto, Instance, ReadPolicy } from '../ports.ts';
import type { Journal } from './journal.ts';
import type { Refusal } from './results.ts';
import type { SealingKeys } from './sealing-keys.ts';

export interface PasswordOptions {
  readonly crypto: Pick<AgentCrypto, 'unseal'>;
  readonly instance: Pick<Instance, 'nameOf'>;
  readonly policy: ReadPolicy;
  readonly journal: Pick<Journal, 'ledger'>;
  readonly sealingKeys: Pick<SealingKeys, 'privateKey'>;
  readonly os: OperatingSystem;
  readonly moment: () => StartedAt;
  readonly believedNow: () => number;
}

type Refused = { readonly ok: false; readonly refusal: Refusal };

const refused = (code: Refusal['code'], detail: string | null = null): Refused => {
  return { ok: false, refusal: { state: 'failed', code, detail } };
};

/** Whose password may be set now: local policy and the client's limit allow it. */
export async function allowReset(
  options: Omit<PasswordOptions, 'crypto' | 'sealingKeys'>,
  order: Order,
  begun: boolean,
): Promise<{ readonly ok: true; readonly account: AccountName } | Refused> {
  const named = await options.instance.nameOf(order.account);
  if (!named.ok) return refused(named.code);
  // A reset that is run again has been counted when it was begun.
  const started = begun ? [] : options.journal.ledger().started;
  const policy = judgePolicy(options.policy(), named.name, started, options.moment());
  if (!policy.allow) return refused(policy.code, `rule ${policy.rule}`);
  if (options.believedNow() > order.notAfter) return refused('reset-expired');
  return { ok: true, account: named.name };
}

/** The password, to be zeroed by the caller, if the seal is whole and the rules are kept. */
export async function openPassword(
  options: Pick<PasswordOptions, 'crypto' | 'sealingKeys' | 'os'>,
  order: Order,
  name: AccountName,
): Promise<{ readonly ok: true; readonly password: Uint8Array } | Refused> {
  const privateKey = await options.sealingKeys.privateKey(order.sealed.keyId);
  if (privateKey === null) return refused('sealing-key-unknown');
  const { instanceId, identity, account, resetId, mode, notAfter } = order;
  const context = { instanceId, identity, account, resetId, mode, options: order.options, notAfter };
  const password = await options.crypto.unseal(privateKey, context, order.sealed).finally(() => privateKey.fill(0));
  if (password === null) return refused('seal-broken');
  const broken = brokenRules(password, name, options.os, order);
  if (broken.length === 0) return { ok: true, password };
  password.fill(0);
  return refused('password-rejected', broken.join(', '));
}

function brokenRules(password: Uint8Array, account: string, os: OperatingSystem, order: Order): string[] {
  try {
    // The rules work on text: the one string that is made of a password here, and it goes nowhere.
    return passwordViolations({ os, account, password: fromUtf8(password), policy: order.passwordPolicy });
  } catch {
    return ['character']; // Not even text.
  }
}
