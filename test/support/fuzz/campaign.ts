import type { Route } from '../../../control-plane/server/http/route.ts';
import { createPrng } from '../../simulation/engine/prng.ts';
import { createEnroller, type Enrol } from './agents.ts';
import { converse } from './frames.ts';
import { HEALTHY, startHealthy, type Healthy, type Wellbeing } from './healthy.ts';
import { createRawHttp } from './raw-http.ts';
import { askOnce, routesToFuzz } from './requests.ts';
import type { ServerFigures, ServerUnderTest } from './server.ts';
import { createDialer } from './tls.ts';
import { createValues, type Values } from './values.ts';

export interface CampaignPlan {
  readonly seed: string;
  readonly frames: number;
  readonly requests: number;
  /** Whether the server keeps to its normal limits; nobody new can join then, when many have tried. */
  readonly isLimited?: boolean;
  /** One case to be repeated instead of all, such as `frames/123`. */
  readonly only?: string;
  /** Every so many cases something is printed; never when absent. */
  readonly sayEvery?: number;
}

export interface Findings {
  readonly frames: number;
  readonly requests: number;
  /** How conversations ended, and what requests were answered with; how often each. */
  readonly ends: Readonly<Record<string, number>>;
  readonly answers: Readonly<Record<string, number>>;
  /** Methods and paths of the route table that were asked. */
  readonly routes: ReadonlySet<string>;
  readonly wellbeing: Wellbeing;
  /** Before the first case, after a quarter of them, and after all of them. */
  readonly before: ServerFigures;
  readonly quarter: ServerFigures;
  readonly whole: ServerFigures;
}

const WORKERS = { frames: 6, requests: 6 };
const QUARTER = 0.25;
/** Close codes after which an identity is worth nothing any more: unknown, fenced. */
const SPENT: readonly (number | null)[] = [4401, 4404];

interface Campaign {
  readonly plan: CampaignPlan;
  readonly server: ServerUnderTest;
  readonly values: { readonly any: Values; readonly expendable: Values };
  readonly tokens: readonly string[];
  readonly enrol: Enrol;
  readonly names: string[];
  readonly tally: Tally;
  readonly isOver: () => boolean;
}

interface Tally {
  frames: number;
  requests: number;
  readonly ends: Record<string, number>;
  readonly answers: Record<string, number>;
  readonly routes: Set<string>;
}

const count = (counts: Record<string, number>, what: string): void => {
  counts[what] = (counts[what] ?? 0) + 1;
};

/** Fuzzes the gateway and the API at the same time, while others go on working. Throws at the first fault. */
export async function runCampaign(server: ServerUnderTest, plan: CampaignPlan): Promise<Findings> {
  const names: string[] = ['default', 'alice'];
  const before = await server.figures();
  const healthy = await startHealthy(server);
  const others = [...(await idsOf(server)), 'healthy', HEALTHY];
  const tally: Tally = { frames: 0, requests: 0, ends: {}, answers: {}, routes: new Set() };
  let broken = false;
  const campaign: Campaign = {
    ...{ plan, server, names, tally },
    values: { any: createValues(() => [...names, ...others]), expendable: createValues(() => names) },
    tokens: await tokensOf(server),
    enrol: await createEnroller(server, 'default'),
    isOver: () => broken,
  };
  const routes = routesToFuzz();
  const quarter: Promise<ServerFigures>[] = [];
  const watch = (): void => {
    healthy.check();
    const done = (tally.frames + tally.requests) / (plan.frames + plan.requests);
    if (done >= QUARTER && quarter.length === 0) quarter.push(server.figures());
    if (server.complaints.length > 0)
      throw new Error(`the server complains: ${server.complaints.slice(0, 3).join('\n')}`);
    if (!server.isAlive()) throw new Error('the server has ended');
  };
  const guarded = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      broken = true;
      throw error;
    }
  };
  const workers = [
    ...Array.from({ length: WORKERS.frames }, (_, n) => guarded(() => frameWorker(campaign, n, watch))),
    ...Array.from({ length: WORKERS.requests }, (_, n) => guarded(() => requestWorker(campaign, routes, n, watch))),
  ];
  await Promise.allSettled(workers);
  const wellbeing = await endHealthy(healthy, workers);
  const whole = await server.figures();
  return { ...tally, wellbeing, before, quarter: (await quarter[0]) ?? whole, whole };
}

/** What the workers found comes before what it did to others. */
async function endHealthy(healthy: Healthy, workers: readonly Promise<void>[]): Promise<Wellbeing> {
  const wellbeing = healthy.end();
  await Promise.allSettled([wellbeing]);
  await Promise.all(workers);
  return wellbeing;
}

async function frameWorker(campaign: Campaign, worker: number, watch: () => void): Promise<void> {
  const { plan, server, names, tally, enrol, values, isOver } = campaign;
  const dial = createDialer(server.door);
  const overheard: string[] = [];
  let joined = 0;
  const join = async () => {
    joined += 1;
    const name = `fuzz-${String(worker)}-${String(joined)}`;
    const made = await enrol(name);
    // The newest are enough: a list of all that ever were would only grow.
    names.splice(2 + worker * 2, names.length > 2 + WORKERS.frames * 2 ? 2 : 0, name, made.instanceId);
    return made;
  };
  let identity = await join();
  for (const n of casesOf(plan, 'frames', worker)) {
    if (tally.frames >= plan.frames || isOver()) return;
    const name = `frames/${String(n)}`;
    const prng = createPrng(`${plan.seed}/${name}`);
    const { frames, kind, end } = await named(plan, name, () =>
      converse({ dial, identity, values: values.any, overheard }, prng),
    );
    say(campaign, tally.frames, frames);
    tally.frames += frames;
    count(tally.ends, `${kind} ${end === null ? 'refused' : end.reason || String(end.code ?? 'cut')}`);
    if (plan.isLimited !== true && kind === 'session' && SPENT.includes(end?.code ?? null)) identity = await join();
    watch();
  }
}

async function requestWorker(
  campaign: Campaign,
  routes: readonly Route[],
  worker: number,
  watch: () => void,
): Promise<void> {
  const { plan, server, tally, values, tokens, isOver } = campaign;
  const http = createRawHttp(createDialer(server.door));
  const { administrator } = server;
  for (const n of casesOf(plan, 'requests', worker)) {
    if (tally.requests >= plan.requests || isOver()) break;
    const name = `requests/${String(n)}`;
    const prng = createPrng(`${plan.seed}/${name}`);
    const { route, status, code } = await named(plan, name, () =>
      askOnce({ http, values, tokens, administrator }, routes, prng),
    );
    tally.requests += 1;
    tally.routes.add(route);
    count(tally.answers, `${String(status ?? 'none')} ${code ?? ''}`.trim());
    watch();
  }
  http.close();
}

/** The numbers of a worker's cases, without end; or of the one case that is to be repeated. */
function* casesOf({ only }: CampaignPlan, kind: keyof typeof WORKERS, worker: number): Generator<number> {
  if (only === undefined) {
    for (let n = worker; ; n += WORKERS[kind]) yield n;
  }
  const [its, number] = only.split('/');
  if (its === kind && worker === 0) yield Number(number);
}

/** A fault names its case, which the same seed brings about again. */
async function named<T>({ seed }: CampaignPlan, name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const words = [error, (error as Error).cause].map((one) => (one instanceof Error ? one.message : String(one)));
    throw new Error(`LATCHKEY_SEED=${seed}, case ${name}: ${words.join(': ')}`, { cause: error });
  }
}

function say({ plan, tally }: Campaign, before: number, more: number): void {
  const every = plan.sayEvery ?? Infinity;
  if (Math.floor(before / every) === Math.floor((before + more) / every)) return;
  console.log(`${String(before + more)} frames, ${String(tally.requests)} requests`);
}

/** Of each role, of one that is revoked, and of nobody. */
async function tokensOf({ routes, administrator }: ServerUnderTest): Promise<string[]> {
  const make = (role: 'operator' | 'viewer', projects: readonly string[] | null) =>
    routes.tokens.create({ type: 'api', name: role, role, projects: projects as never });
  const made = [await make('operator', ['default']), await make('viewer', ['default']), await make('viewer', null)];
  const revoked = await make('viewer', null);
  await routes.tokens.revoke(revoked.id);
  const nobodys = administrator.slice(0, -4) + 'AAAA';
  const good = made.map(({ token }) => token);
  // Mostly good ones: behind a refusal of the token, nothing is tried.
  return [...good, ...good, ...good, ...good, revoked.token, nobodys, 'x'];
}

/** Ids of what belongs to others: who may not touch it must not be able to. */
async function idsOf({ routes }: ServerUnderTest): Promise<string[]> {
  const { id } = await routes.instances.find(HEALTHY);
  const tokens = await routes.tokens.list();
  const resets = await routes.resets.list(5);
  return [id, ...tokens.map((token) => token.id), ...resets.map((reset) => reset.id)];
}
