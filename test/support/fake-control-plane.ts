import { randomUUID } from 'node:crypto';
import {
  API_CODES,
  defaultAccount,
  explain,
  PlanReset,
  ResetId,
  sealedDigest,
  StartReset,
  TaskId,
  unsealPassword,
  InstanceId,
  InstanceName,
  ProjectName,
  type AccountRef,
  type ApiCode,
  type Instance,
  type Reset,
  type ResetPlan,
  type Task,
} from '#protocol';
import type * as z from 'zod';
import { newIdentity, type FakeIdentity } from './fake-agent.ts';
import { resultOf, sign, type Behaviour } from './fake-results.ts';

export interface FakeInstance {
  readonly id: InstanceId;
  name: string;
  readonly os: 'linux' | 'windows';
  identity: FakeIdentity;
  blocked: ApiCode | null;
  behaviour: Behaviour;
  /** Passwords that arrived and could be unsealed, by account. */
  readonly passwords: Map<string, string>;
  tags: Record<string, string>;
}

interface PlannedReset {
  readonly plan: ResetPlan;
  readonly account: AccountRef | null;
  readonly batch: Pick<Reset, 'concurrency' | 'stopAfterFailures' | 'retryOf'>;
  readonly sealed: z.output<typeof StartReset>['sealed'];
  started: { reset: Reset; tasks: Map<InstanceId, Task> } | null;
}

export type Answer =
  | { readonly status: number; readonly json: unknown }
  | { readonly status: 200; readonly events: AsyncIterable<string> };

export interface SeenRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string;
}

/** How a control plane that is not to be trusted changes what it says. */
export interface Tamper {
  plan?: (plan: ResetPlan) => ResetPlan;
  task?: (task: Task) => Task;
  /** Says nothing of any task, and that all is well. */
  isSilent?: boolean;
  reset?: (reset: Reset) => Reset;
}

export const FAKE_TOKEN = 'lk_0123456789abcdef';

/** A control plane in memory that speaks the real protocol, with instances that unseal, apply and sign. */
export class FakeControlPlane {
  readonly instances: FakeInstance[] = [];
  readonly requests: SeenRequest[] = [];
  tamper: Tamper = {};
  /** So many event streams break after their first event. */
  streamsToBreak = 0;
  /** So many requests, of those that this matches, fail as if the connection were cut after they were carried out. */
  lostAnswers: { count: number; matching: RegExp } = { count: 0, matching: /^$/ };
  /** So many requests, of those that this matches, are answered with 503 and not carried out. */
  unavailable: { count: number; matching: RegExp } = { count: 0, matching: /^$/ };
  passwordPolicy = { charsMin: 8, classesMin: 3 };
  readonly #resets = new Map<string, PlannedReset>();

  async add(name: string, more: Partial<Pick<FakeInstance, 'os' | 'blocked' | 'behaviour' | 'tags'>> = {}) {
    const id = InstanceId.parse(randomUUID());
    const instance: FakeInstance = {
      ...{ id, name, os: 'linux', identity: await newIdentity(id), blocked: null, tags: {} },
      ...{ behaviour: { kind: 'succeeds' }, passwords: new Map() },
      ...more,
    };
    this.instances.push(instance);
    return instance;
  }

  /** The bodies of the requests that carried sealed passwords. */
  get chunks(): z.output<typeof StartReset>[] {
    const sent = this.requests.filter(({ method, path }) => method === 'POST' && path === '/api/v1/resets');
    return sent.map(({ body }) => StartReset.parse(JSON.parse(body)));
  }

  async handle(method: string, target: string, authorization: string, body: string): Promise<Answer> {
    const url = new URL(target, 'https://control-plane.test');
    this.requests.push({ method, path: url.pathname, body });
    if (authorization !== `Bearer ${FAKE_TOKEN}`) return refusal('unauthenticated');
    if (take(this.unavailable, `${method} ${url.pathname}`)) return refusal('shutting-down');
    const answer = await this.#route(method, url, body);
    if (take(this.lostAnswers, `${method} ${url.pathname}`)) throw new Error('the connection was cut');
    return answer;
  }

  async #route(method: string, url: URL, body: string): Promise<Answer> {
    const [, id, action] = /^\/api\/v1\/resets\/([^/]+)(?:\/(\w+))?$/.exec(url.pathname) ?? [];
    switch (`${method} ${url.pathname}`) {
      case 'GET /api/v1/instances':
        return { status: 200, json: { items: this.#find(url.searchParams.get('name')), nextCursor: null } };
      case 'POST /api/v1/resets/plan':
        return this.#plan(PlanReset.parse(JSON.parse(body)));
      case 'POST /api/v1/resets':
        return this.#start(StartReset.parse(JSON.parse(body)));
    }
    const started = this.#resets.get(id ?? '')?.started;
    if (id === undefined) return refusal('route-not-found');
    if (started === null || started === undefined) return refusal('reset-not-found');
    if (method === 'POST') return held(started, action);
    if (action === 'events') return { status: 200, events: this.#events(started) };
    if (action === 'tasks') return { status: 200, json: { items: this.#tasks(started), nextCursor: null } };
    const reset = withCounts(started);
    return { status: 200, json: this.tamper.reset?.(reset) ?? reset };
  }

  #find(name: string | null): Instance[] {
    return this.instances
      .filter((instance) => name === null || instance.name === name || instance.id === name)
      .map(({ id, name: found, os, identity, tags }) => ({
        ...{ id, name: InstanceName.parse(found), os, tags, power: 'running', createdAt: 0 },
        project: ProjectName.parse('default'),
        agent: {
          ...{ state: 'running', reasons: [], components: {}, version: '0.1.0', hostname: found, osVersion: null },
          ...{ identityKey: identity.signer.publicKey, identity: identity.signer.key },
          ...{ connectedSince: 0, lastSeenAt: 0 },
        },
      }));
  }

  #plan({ targets, mode, account, options, supersede, ...batch }: z.output<typeof PlanReset>): Answer {
    const wanted = new Set<string>(targets.instances);
    const chosen = this.instances.filter(({ id, name, tags }) => {
      const tagged = targets.tags.length > 0 && targets.tags.every(({ key, value }) => tags[key] === value);
      return wanted.has(id) || wanted.has(name) || tagged;
    });
    const plan: ResetPlan = {
      ...{ resetId: ResetId.parse(randomUUID()), mode, options, supersede, passwordPolicy: this.passwordPolicy },
      ...{ now: Date.now(), expiresAt: Date.now() + 60_000 },
      targets: chosen.map(({ id, name, os, identity, blocked }) => ({
        ...{ instanceId: id, name: InstanceName.parse(name), os, project: ProjectName.parse('default') },
        ...{ account: account ?? defaultAccount(os), identityKey: identity.signer.publicKey },
        sealingKey: identity.sealingKey,
        blocked: blocked === null ? null : { code: blocked, ...sentences(blocked) },
      })),
    };
    this.#resets.set(plan.resetId, { plan, account, batch, sealed: [], started: null });
    return { status: 200, json: this.tamper.plan?.(plan) ?? plan };
  }

  async #start(request: z.output<typeof StartReset>): Promise<Answer> {
    const planned = this.#resets.get(request.resetId);
    if (planned?.started !== null) return refusal('reset-not-planned');
    planned.sealed.push(...request.sealed);
    if (!request.final) {
      return { status: 202, json: { resetId: request.resetId, received: planned.sealed.length } };
    }
    const { plan, account } = planned;
    const reset: Reset = {
      ...{ id: plan.resetId, mode: plan.mode, account: account === '@rid-500' ? null : account, options: plan.options },
      ...{ requestedBy: 'test', requestedAt: Date.now(), notAfter: request.notAfter, finishedAt: null },
      ...{ ...BATCH_FIELDS, ...planned.batch, retriedBy: [] },
      counts: { total: 0, succeeded: 0, failed: 0, blocked: 0, pending: 0 },
    };
    planned.started = { reset, tasks: new Map() };
    const retried = this.#resets.get(reset.retryOf ?? '')?.started?.reset;
    retried?.retriedBy.unshift(reset.id);
    for (const target of plan.targets) {
      const instance = this.instances.find(({ id }) => id === target.instanceId);
      const sealed = planned.sealed.find(({ instanceId }) => instanceId === target.instanceId)?.password;
      if (instance === undefined) continue;
      const task = await this.#apply(planned, instance, target.account, sealed, request.notAfter);
      planned.started.tasks.set(instance.id, this.tamper.task?.(task) ?? task);
    }
    return { status: 201, json: withCounts(planned.started) };
  }

  async #apply(
    { plan }: PlannedReset,
    instance: FakeInstance,
    account: AccountRef,
    sealed: z.output<typeof StartReset>['sealed'][number]['password'] | undefined,
    notAfter: number,
  ): Promise<Task> {
    const { id: instanceId, identity, behaviour, blocked } = instance;
    const task: Task = {
      ...{ id: TaskId.parse(randomUUID()), instanceId, instance: instance.name, os: instance.os, account },
      ...{ state: 'pending', code: null, message: null, remedy: null, detail: null, verifiedBy: null, warnings: [] },
      ...{ appliedMs: null, verifiedMs: null, generation: 1, result: null, sealedDigest: null, updatedAt: Date.now() },
    };
    if (blocked !== null) return { ...task, state: 'blocked', code: blocked, ...sentences(blocked) };
    if (sealed === undefined) throw new Error('nothing was sealed for a target that is not blocked');
    const { resetId, mode, options } = plan;
    const context = { instanceId, identity: identity.signer.key, account, resetId, mode, options, notAfter };
    const password = await unsealPassword(identity.sealingPrivateKey, context, sealed);
    if (password === null) return { ...task, state: 'failed', code: 'seal-broken', ...sentences('seal-broken') };
    instance.passwords.set(account, Buffer.from(password).toString('utf8'));
    if (behaviour.kind === 'hangs') return { ...task, state: 'running' };
    const about = { taskId: task.id, resetId, instanceId, account, sealedDigest: await sealedDigest(sealed) };
    const result = resultOf(about, behaviour);
    const { state, code, verifiedBy, warnings } = result;
    const detail = behaviour.kind === 'fails' ? (behaviour.detail ?? null) : null;
    const spans = state === 'succeeded' ? { appliedMs: 55, verifiedMs: 105 } : {};
    const told = { state, code, detail, verifiedBy, warnings, ...(code === null ? {} : sentences(code)), ...spans };
    return { ...task, ...told, result: await sign(result, identity, behaviour) };
  }

  #tasks({ tasks }: { tasks: Map<InstanceId, Task> }): Task[] {
    return this.tamper.isSilent === true ? [] : [...tasks.values()];
  }

  async *#events(started: { reset: Reset; tasks: Map<InstanceId, Task> }): AsyncGenerator<string> {
    const tasks = this.#tasks(started);
    const running = tasks.map((task): Task => ({ ...task, state: 'running', result: null, verifiedBy: null }));
    const { counts, finishedAt, id: resetId } = withCounts(started);
    const event = (some: Task[], finished: boolean) =>
      `event: progress\ndata: ${JSON.stringify({ resetId, counts, state: 'running', finished, tasks: some })}\n\n`;
    yield 'retry: 2000\n\n';
    yield event(running, false);
    if (this.streamsToBreak > 0) {
      this.streamsToBreak -= 1;
      throw new Error('the connection was cut');
    }
    for (const task of tasks) yield event([task], false);
    if (finishedAt !== null) yield event([], true);
    else await new Promise(() => undefined); // Stays open, like a reset that goes on.
  }
}

const BATCH_FIELDS: Pick<
  Reset,
  'inFlight' | 'state' | 'concurrency' | 'stopAfterFailures' | 'pausedAt' | 'stoppedAt' | 'retryOf' | 'retriedBy'
> = {
  ...{ inFlight: 0, concurrency: 50, stopAfterFailures: null, pausedAt: null, stoppedAt: null, retryOf: null },
  state: 'running',
  retriedBy: [],
};

/** What it says to a pause, a resume and a cancellation; the tasks go on as they are. */
function held(started: { reset: Reset; tasks: Map<InstanceId, Task> }, action: string | undefined): Answer {
  if (action === 'cancel') return { status: 200, json: { cancelled: 1, tooLate: 0 } };
  if (withCounts(started).finishedAt !== null) return refusal('reset-finished');
  started.reset =
    action === 'pause'
      ? { ...started.reset, state: 'paused', pausedAt: Date.now() }
      : { ...started.reset, state: 'running', pausedAt: null };
  return { status: 200, json: withCounts(started) };
}

function withCounts({ reset, tasks }: { reset: Reset; tasks: Map<InstanceId, Task> }): Reset {
  const states = [...tasks.values()].map(({ state }) => state);
  const count = (wanted: string) => states.filter((state) => state === wanted).length;
  const pending = count('pending') + count('running');
  return {
    ...reset,
    counts: {
      ...{ total: states.length, succeeded: count('succeeded'), failed: count('failed'), blocked: count('blocked') },
      pending,
    },
    inFlight: count('running'),
    ...(pending === 0 ? { finishedAt: Date.now(), state: 'finished' as const } : { finishedAt: null }),
  };
}

function sentences(code: Parameters<typeof explain>[0]): { message: string; remedy: string } {
  const { message, remedy } = explain(code);
  return { message, remedy };
}

function refusal(code: ApiCode): Answer {
  return { status: API_CODES[code].status, json: { code, ...sentences(code), details: [], requestId: 'r-1' } };
}

function take(faults: { count: number; matching: RegExp }, request: string): boolean {
  if (faults.count === 0 || !faults.matching.test(request)) return false;
  faults.count -= 1;
  return true;
}
