import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { API_PREFIX, InstanceName, parseJoinToken, type InstallProgress, type ResetId } from '#protocol';
import type { Routes } from '../../../control-plane/cli/api/routes.ts';
import { startControlPlane, type ControlPlane } from '../../bench/control-plane.ts';
import { sealPlan } from '../core-world.ts';
import { createRawHttp, requestBytes } from '../fuzz/raw-http.ts';
import { createDialer, type Dial } from '../fuzz/tls.ts';
import { until } from '../hosts/until.ts';
import { connectMember, type MemberAgent } from './agents.ts';
import { FLEET } from './fleet.ts';
import { prepare } from './prepare.ts';

const READY_MS_MAX = 120_000;
const LIFETIME_MS = 600_000;
const PASSWORD = 'Correct-Horse-7';

/** What is to be reset in the name of the administrator. */
interface Wanted {
  readonly instances: readonly string[];
  readonly account: string;
  readonly concurrency?: number;
  readonly stopAfterFailures?: number;
  readonly options?: { readonly unlock?: boolean; readonly mustChange?: boolean };
}

/**
 * A control plane on loopback, a process of its own, with a small fleet on an ordinary day: simulated agents that speak
 * the real protocol, two weeks of resets, and some of today. It needs no root.
 */
export interface ConsoleWorld extends AsyncDisposable {
  readonly url: string;
  /** The administrator's. */
  readonly token: string;
  readonly routes: Routes;
  readonly agents: ReadonlyMap<string, MemberAgent>;
  /** Resets of today, each of which ended in another way. */
  readonly resets: { readonly failed: ResetId; readonly stopped: ResetId };
  /** Starts one, and resolves once all of it is with the control plane. */
  startReset(wanted: Wanted): Promise<ResetId>;
  /** One that hangs half-way for some minutes: most have it, some work on it, some wait. */
  held(): Promise<ResetId>;
  /** The same, paused. */
  paused(): Promise<ResetId>;
}

export async function openConsoleWorld(signal: AbortSignal): Promise<ConsoleWorld> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'latchkey-console-')); // 0700
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const enrolled = await prepare(directory, signal);
  const controlPlane = await startControlPlane(directory, signal);
  stack.use(controlPlane);
  const { routes, url, caFile, tokenFile } = controlPlane;
  const [ca, token] = [await readFile(caFile, 'utf8'), (await readFile(tokenFile, 'utf8')).trim()];
  const dial = createDialer({ host: '127.0.0.1', port: Number(new URL(url).port), ca });
  const agents = new Map<string, MemberAgent>();
  for (const { member, identity } of enrolled) {
    if (member.agent !== 'connected') continue;
    const { agent, drop } = await connectMember(dial, member, identity);
    stack.defer(drop);
    agents.set(member.name, agent);
  }
  await stopPower(routes);
  await installing(routes, dial);
  await untilAsMeant(controlPlane);
  const startReset = (wanted: Wanted): Promise<ResetId> => start(routes, wanted);
  const resets = await today(routes, agents, startReset);
  const parts = stack.move();
  const holding = { agents, accounts: HELD_ACCOUNTS.values() };
  return {
    ...{ url, token, routes, agents, resets, startReset },
    held: fresh(() => startHeld(holding, startReset)),
    paused: fresh(async () => {
      const id = await startHeld(holding, startReset);
      await routes.resets.pause(id);
      return id;
    }),
    [Symbol.asyncDispose]: () => parts.disposeAsync(),
  };
}

/** What somebody says of machines whose agent cannot. */
async function stopPower({ instances }: Routes): Promise<void> {
  for (const { name, power } of FLEET) {
    if (power === 'stopped') await instances.change((await instances.find(name)).id, { power });
  }
}

/** One installation is under way, and one has failed, as the installer on the machine says. */
async function installing({ tokens }: Routes, dial: Dial): Promise<void> {
  const http = createRawHttp(dial);
  const say = async (name: string, said: DistributiveOmit<InstallProgress, 'tokenId' | 'secret'>): Promise<void> => {
    const { token } = await tokens.create({ type: 'join', instance: InstanceName.parse(name) });
    const credential = parseJoinToken(token);
    if (credential === null) throw new Error('the control plane made a join token that cannot be read');
    const body = JSON.stringify({ ...said, tokenId: credential.id, secret: credential.secret });
    const answer = await http.ask(requestBytes('POST', `${API_PREFIX}/agents/install-progress`, body));
    if (answer === null || answer.status >= 300) throw new Error(`${name}: ${JSON.stringify(answer)}`);
  };
  await say('standby-2', { state: 'installing' });
  await say('standby-3', { state: 'install-failed', code: 'install-noexec', detail: '/usr/local/lib/latchkey-agent' });
  http.close();
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** What fails has to have failed for a while before it shows. */
async function untilAsMeant({ routes }: ControlPlane): Promise<void> {
  const isBroken = new Set(
    FLEET.filter(({ components }) => Object.values(components).some(({ state }) => state === 'failing')).map(
      ({ name }) => name,
    ),
  );
  const missing = async (): Promise<string[]> => {
    const instances = new Map((await routes.instances.list({})).map((instance) => [instance.name as string, instance]));
    return FLEET.filter(({ agent }) => agent === 'connected')
      .filter(({ name }) => {
        const { state, reasons } = instances.get(name)?.agent ?? { state: 'gone', reasons: [] };
        return isBroken.has(name) ? reasons.length === 0 : state !== 'running';
      })
      .map(({ name }) => name);
  };
  let late: readonly string[] = [];
  await until(
    async () => {
      late = await missing();
      return late.length === 0;
    },
    { what: () => `${late.join(', ')} to be as they are meant to be`, deadlineMs: READY_MS_MAX, everyMs: 500 },
  );
}

async function start({ resets }: Routes, wanted: Wanted): Promise<ResetId> {
  const { instances, account, concurrency, stopAfterFailures, options } = wanted;
  const plan = await resets.plan({
    ...{ targets: { instances: [...instances], tags: [] }, account },
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(stopAfterFailures === undefined ? {} : { stopAfterFailures }),
    ...(options === undefined ? {} : { options }),
  });
  const notAfter = plan.now + LIFETIME_MS;
  const sealed = await sealPlan(plan, PASSWORD, notAfter);
  await resets.send({ resetId: plan.resetId, notAfter, sealed, skipBlocked: true, final: true });
  return plan.resetId;
}

/** What is sealed to whom, and how it ended there. */
async function today(
  routes: Routes,
  agents: ReadonlyMap<string, MemberAgent>,
  startReset: ConsoleWorld['startReset'],
): Promise<ConsoleWorld['resets']> {
  const fates: Readonly<Record<string, ReturnType<MemberAgent['fate']>>> = {
    'web-2': { verifiedBy: 'hash', warnings: ['nologin-shell', 'login-not-tried'] },
    'web-4': { verifiedBy: 'authenticate', warnings: ['account-expired'] },
    'web-6': { state: 'failed', code: 'account-not-found', verifiedBy: null },
    'api-2': {
      ...{ state: 'failed', code: 'policy-refused', verifiedBy: null },
      detail: 'pam_pwhistory: the password has been used already',
    },
    'api-4': { state: 'outcome-unknown', code: 'verification-inconclusive', verifiedBy: null },
  };
  for (const [name, agent] of agents) agent.fate = () => fates[name] ?? {};
  const instances = FLEET.filter(({ name }) => /^(web|api|db)-/.test(name)).map(({ name }) => name);
  const failed = await startReset({ instances, account: 'deploy', options: { unlock: true } });
  await untilFinished(routes, failed);
  for (const agent of agents.values()) {
    agent.fate = () => ({ state: 'failed', code: 'account-not-found', verifiedBy: null });
  }
  const edge = FLEET.filter(({ project }) => project === 'edge').map(({ name }) => name);
  const stopped = await startReset({ instances: edge, account: 'kiosk', concurrency: 1, stopAfterFailures: 2 });
  await untilFinished(routes, stopped);
  for (const agent of agents.values()) agent.fate = () => ({});
  return { failed, stopped };
}

async function untilFinished({ resets }: Routes, id: ResetId): Promise<void> {
  let seen: unknown;
  await until(
    async () => {
      seen = await resets.show(id);
      return (seen as Awaited<ReturnType<Routes['resets']['show']>>).finishedAt !== null;
    },
    { what: () => `the end of ${JSON.stringify(seen)}`, deadlineMs: READY_MS_MAX },
  );
}

/** What was made is good for a while, then made anew: a reset that hangs ends by its limit. */
function fresh(make: () => Promise<ResetId>): () => Promise<ResetId> {
  let made: { readonly id: Promise<ResetId>; readonly atMs: number } | null = null;
  return () => {
    if (made === null || performance.now() - made.atMs > LIFETIME_MS / 4)
      made = { id: make(), atMs: performance.now() };
    return made.id;
  };
}

const HELD_ACCOUNTS = ['ops', 'backup', 'batch', 'metrics', 'kiosk', 'mirror', 'support', 'reports'];

async function startHeld(
  { agents, accounts }: { readonly agents: ReadonlyMap<string, MemberAgent>; readonly accounts: Iterator<string> },
  startReset: ConsoleWorld['startReset'],
): Promise<ResetId> {
  const instances = [...agents.keys()].filter((name) => /^(web|pay)-/.test(name));
  // Those that hang take the places, one after the other, and then nobody gets any further.
  const hang = new Set(instances.filter((_, at) => at % 3 === 2));
  for (const [name, agent] of agents) agent.fate = () => (hang.has(name) ? 'held' : {});
  // An account of its own for each, since one waits for the other of the same account.
  const account = accounts.next();
  if (account.done === true) throw new Error('there are no more accounts to hold a reset with');
  return startReset({ instances, account: account.value, concurrency: hang.size });
}
