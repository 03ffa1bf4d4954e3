import {
  fromBase64Url,
  parseJsonBytes,
  PlanReset,
  SealingKeyStatement,
  StartReset,
  type AccountRef,
  type InstanceId,
  type ResetId,
  type ResetPlan,
  type SealContext,
  type SealedPassword,
  type TokenId,
} from '#protocol';
import type { Actor } from '../../../control-plane/server/domain/actor.ts';
import { ApiError } from '../../../control-plane/server/service/errors.ts';
import type { Prng } from '../engine/prng.ts';
import type { Scheduler } from '../engine/scheduler.ts';
import { short } from '../engine/trace.ts';
import { ACCOUNTS } from '../fakes/accounts.ts';
import { seal } from '../fakes/crypto.ts';
import type { Known } from '../truth/known.ts';
import type { ControlPlane } from './control-plane.ts';
import type { Machine } from './machine.ts';

const SECOND_MS = 1_000;
const MINUTE_MS = 60 * SECOND_MS;

export interface OperatorsDeps {
  readonly scheduler: Scheduler;
  readonly random: Prng;
  readonly known: Known;
  readonly controlPlane: ControlPlane;
  readonly machines: readonly Machine[];
  readonly onFault: (what: string) => void;
}

/** Those who ask for resets: some with all rights, some with few, one whose token is taken away. */
export class Operators {
  readonly #deps: OperatorsDeps;
  readonly #actors: readonly Actor[];
  readonly #asked: ResetId[] = [];
  #passwords = 0;
  #awayUntilMs = 0;

  constructor(deps: OperatorsDeps) {
    this.#deps = deps;
    const actor = (name: string, rights: Partial<Actor>): Actor => ({
      ...{ tokenId: deps.random.uuid() as TokenId, name, role: 'operator', projects: null },
      ...{ accounts: null, privileged: true, expiresAt: null },
      ...rights,
    });
    this.#actors = [
      actor('all', { role: 'administrator' }),
      actor('leaving', {}),
      actor('alice-only', { accounts: ['alice'], privileged: false }),
      actor('unprivileged', { privileged: false }),
    ];
  }

  async arrive(): Promise<void> {
    for (const actor of this.#actors) await this.#deps.controlPlane.grant(actor);
  }

  /** When the last of those comes back who let a plan lie. */
  get awayUntilMs(): number {
    return this.#awayUntilMs;
  }

  /** One of them does something. Whoever is talking to a process that is killed never hears the end of it. */
  act(): void {
    const { random } = this.#deps;
    const roll = random.fraction();
    if (roll < 0.86) this.#begin(this.#reset());
    else if (roll < 0.96) this.#begin(this.#cancel());
    else this.#begin(this.#deps.controlPlane.revoke(this.#actors[1]!.tokenId));
  }

  #begin(work: Promise<void>): void {
    work.catch((error: unknown) => {
      // A refusal is an answer; what else goes wrong is not.
      if (error instanceof ApiError) this.#deps.known.trace.add('operator', `is refused: ${error.code}`);
      else this.#deps.onFault(`an operator's request broke: ${error instanceof Error ? String(error.stack) : ''}`);
    });
  }

  async #reset(): Promise<void> {
    const { random, controlPlane, machines, known } = this.#deps;
    const core = controlPlane.core;
    if (core === null) return;
    const actor = random.pick([...this.#actors, this.#actors[0]!]);
    const named = random.some(machines, 0.6);
    const request = PlanReset.parse({
      targets: { instances: [...new Set(named.map((machine) => machine.instanceId))] },
      account: random.pick<string>([...ACCOUNTS, ...ACCOUNTS, ...ACCOUNTS, 'nobody']),
      options: { unlock: random.chance(0.2), unexpire: false, mustChange: random.chance(0.2) },
      supersede: random.chance(0.6),
    });
    const plan = await core.resets.plan(actor, request);
    known.trace.add('operator', `${actor.name} planned ${short(plan.resetId)} for ${plan.targets.length}`);
    // Most start at once; some were called away.
    await this.#goAway(random.chance(0.9) ? random.int(0, 3_000) : random.int(3_000, 60_000));
    if (random.chance(0.005)) await this.#goAway(16 * MINUTE_MS);
    await this.#start(actor, plan);
    // An answer that got lost is asked for again.
    if (random.chance(0.05)) await this.#start(actor, plan);
  }

  async #start(actor: Actor, plan: ResetPlan): Promise<void> {
    const { random, controlPlane, known } = this.#deps;
    const core = controlPlane.core;
    if (core === null) return;
    const now = controlPlane.now();
    const notAfter = now + this.#lifetimeMs();
    const sealed = this.#sealAll(plan, notAfter, now);
    const skipBlocked = random.chance(0.7);
    const body = { resetId: plan.resetId, notAfter, skipBlocked };
    const isChunked = sealed.length > 1 && random.chance(0.3);
    const first = isChunked ? sealed.slice(0, 1) : [];
    if (isChunked) await core.resets.start(actor, StartReset.parse({ ...body, sealed: first, final: false }), now);
    const rest = StartReset.parse({ ...body, sealed: sealed.slice(first.length) });
    this.#asked.push(plan.resetId);
    await core.resets.start(actor, rest, now);
    known.trace.add('operator', `${actor.name} started ${short(plan.resetId)}`);
  }

  #goAway(ms: number): Promise<void> {
    const { scheduler } = this.#deps;
    this.#awayUntilMs = Math.max(this.#awayUntilMs, scheduler.now() + ms);
    return scheduler.sleep(ms);
  }

  async #cancel(): Promise<void> {
    const { random, controlPlane } = this.#deps;
    if (this.#asked.length === 0) return;
    await controlPlane.core?.resets.cancel(this.#actors[0]!, random.pick(this.#asked.slice(-3)));
  }

  #lifetimeMs(): number {
    const { random } = this.#deps;
    return random.pick([
      random.int(1, 5_000),
      random.int(5_000, 60_000),
      random.int(20_000, 2 * MINUTE_MS),
      10 * MINUTE_MS,
      24 * 60 * MINUTE_MS,
    ]);
  }

  #sealAll(plan: ResetPlan, notAfter: number, now: number): { instanceId: InstanceId; password: SealedPassword }[] {
    const { random, known } = this.#deps;
    return plan.targets.flatMap((target) => {
      if (target.sealingKey === null) return [];
      const statement = parseJsonBytes(SealingKeyStatement, fromBase64Url(target.sealingKey.bytes));
      // A client refuses a key that has expired, by its own clock.
      if (!statement.ok || statement.body.notAfter <= now) return [];
      const { instanceId, account } = target;
      const { resetId, mode, options } = plan;
      const context: SealContext = {
        ...{ instanceId, account, resetId, mode, options, notAfter },
        identity: statement.body.identity,
      };
      const password = this.#newPassword(account);
      const sealed = seal(random, statement.body, context, password);
      known.addWish(password, { resetId, instanceId, ciphertext: sealed.ciphertext });
      return [{ instanceId, password: sealed }];
    });
  }

  /** Another one for each target, so that each tells by itself where it belongs; some break the rules. */
  #newPassword(account: AccountRef): string {
    this.#passwords += 1;
    const isWeak = this.#deps.random.chance(0.03);
    return isWeak ? `${account}-${this.#passwords}` : `Pass-Word-${this.#passwords}`;
  }
}
