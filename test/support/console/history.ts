import { PlanReset, StartReset, type ComponentMap } from '#protocol';
import type { Actor } from '../../../control-plane/server/domain/actor.ts';
import { systemClock } from '../../../control-plane/server/runtime.ts';
import type { Clock } from '../../../control-plane/server/service/ports.ts';
import type { Store } from '../../../control-plane/server/store/store.ts';
import { openCoreWorld, sealPlan, type CoreWorld } from '../core-world.ts';
import { until, type FakeIdentity } from '../fake-agent.ts';
import { MemberAgent, type Fate } from './agents.ts';
import type { Member } from './fleet.ts';

const DAY_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;
const LIFETIME_MS = 600_000;

/** One reset of the past, and what did not succeed in it. */
interface PastReset {
  readonly daysAgo: number;
  readonly who: 'oncall' | 'rotation';
  readonly role: RegExp;
  readonly account: string | null;
  readonly fates?: Readonly<Record<string, Fate>>;
}

const NO_SUCH_ACCOUNT: Fate = { state: 'failed', code: 'account-not-found', verifiedBy: null };
const HISTORY_REFUSED: Fate = {
  ...{ state: 'failed', code: 'policy-refused', verifiedBy: null },
  detail: 'pam_pwhistory: the password has been used already',
};
const NO_LOGIN: Fate = { state: 'outcome-unknown', code: 'verification-inconclusive', verifiedBy: null };

const PAST: readonly PastReset[] = [
  { daysAgo: 13, who: 'rotation', role: /^web-/, account: 'deploy' },
  { daysAgo: 13, who: 'oncall', role: /^db-1$/, account: 'postgres', fates: { 'db-1': NO_SUCH_ACCOUNT } },
  { daysAgo: 12, who: 'rotation', role: /^api-/, account: 'deploy' },
  { daysAgo: 10, who: 'oncall', role: /^edge-/, account: null, fates: { 'edge-oslo': NO_LOGIN } },
  { daysAgo: 9, who: 'rotation', role: /^pay-/, account: 'batch', fates: { 'pay-ledger-2': HISTORY_REFUSED } },
  { daysAgo: 8, who: 'oncall', role: /^build-/, account: 'runner' },
  { daysAgo: 6, who: 'rotation', role: /^web-/, account: 'deploy', fates: { 'web-4': HISTORY_REFUSED } },
  { daysAgo: 5, who: 'rotation', role: /^(api|db)-/, account: 'deploy' },
  { daysAgo: 5, who: 'oncall', role: /^web-3$/, account: 'alice' },
  { daysAgo: 4, who: 'oncall', role: /^pay-gateway-/, account: null },
  { daysAgo: 2, who: 'rotation', role: /^pay-/, account: 'batch' },
  { daysAgo: 1, who: 'oncall', role: /^(web|edge)-/, account: 'oncall', fates: { 'edge-turin': NO_SUCH_ACCOUNT } },
];

export interface Enrolled {
  readonly member: Member;
  readonly identity: FakeIdentity;
}

/** Fills the store of a control plane that is stopped with the last two weeks, which its own core makes happen. */
export async function makeHistory(
  store: Store,
  fleet: readonly Enrolled[],
  actors: Readonly<Record<PastReset['who'], Actor>>,
): Promise<void> {
  let shiftMs = -13 * DAY_MS - HOUR_MS;
  const clock: Clock = { ...systemClock, now: () => systemClock.now() + shiftMs };
  await using world = await openCoreWorld({ clock, store });
  const agents = new Map<string, MemberAgent>();
  for (const { member, identity } of fleet) {
    const agent = new MemberAgent({ ...member, components: WELL }, identity, world.core.accept);
    agents.set(member.name, agent);
    agent.hello();
  }
  await until(async () => {
    const { running } = await world.store.read.instances.countsByState();
    return running === fleet.length ? true : null;
  });
  for (const past of PAST) {
    shiftMs = -past.daysAgo * DAY_MS;
    for (const [name, agent] of agents) agent.fate = () => past.fates?.[name] ?? {};
    const names = [...agents.keys()].filter((name) => past.role.test(name));
    await resetInThePast(world, actors[past.who], { names, account: past.account });
  }
  shiftMs = -2 * HOUR_MS;
  for (const agent of agents.values()) agent.drop();
  await world.core.settled();
}

const WELL: ComponentMap = { disk: { state: 'ok' } };

async function resetInThePast(
  { core }: CoreWorld,
  actor: Actor,
  { names, account }: { readonly names: readonly string[]; readonly account: string | null },
): Promise<void> {
  const targets = { instances: [...names], tags: [] };
  const plan = await core.resets.plan(actor, PlanReset.parse({ targets, account }));
  const { resetId } = plan;
  const notAfter = plan.now + LIFETIME_MS;
  const sealed = await sealPlan(plan, 'Correct-Horse-7', notAfter);
  const request = StartReset.parse({ resetId, notAfter, sealed, skipBlocked: false, final: true });
  await core.resets.start(actor, request, plan.now);
  for await (const event of core.resets.watch(actor, resetId, new AbortController().signal)) {
    if (event.finished) break;
  }
}
