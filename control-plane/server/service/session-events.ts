import {
  TaskResult,
  judgeSealingKey,
  openSigned,
  utf8,
  type AuditEvent,
  type CloseReason,
  type Code,
  type Digest,
  type Nonce,
  type Signed,
  type TaskId,
  type Verify,
} from '#protocol';
import type { Bus } from '../bus/bus.ts';
import { continues, handOver } from '../domain/continuity.ts';
import type { TaskEvent } from '../domain/task.ts';
import type { Continuation, GatewayListener, SessionFrame } from '../gateway/gateway.ts';
import type { Proven } from '../gateway/handshake.ts';
import type { Session } from '../gateway/session.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories, Store } from '../store/store.ts';
import type { AgentBoard } from './agent-board.ts';
import type { Dispatcher } from './dispatcher.ts';
import type { Clock, Hash, Log } from './ports.ts';
import type { RefusalCounter } from './refusal-counter.ts';
import { changeTask, type TaskNews } from './task-flow.ts';

export interface SessionEventsDeps {
  readonly store: Store;
  readonly board: AgentBoard;
  readonly dispatcher: Pick<Dispatcher, 'deliver'>;
  readonly bus: Bus;
  readonly verify: Verify;
  readonly hash: Hash;
  readonly clock: Clock;
  readonly refusals: RefusalCounter;
  readonly log: Log;
  /** Sealed bytes were erased: their pages are to be overwritten soon. */
  readonly onErased: () => void;
  /** Told of every result once it is recorded. */
  readonly resultTaken?: (task: TaskRecord) => void;
}

/** What instances say, turned into what the store knows. */
export function createSessionEvents(deps: SessionEventsDeps): GatewayListener {
  return {
    proven: (proven, handedOver) => recordProof(deps, proven, handedOver),
    opened: (session) => {
      // Health comes first: the delivery waits for the first report, which says whether the agent is fit for it.
      deps.board.connected(session.instanceId);
      session.send({ type: 'health-request' });
      return Promise.resolve();
    },
    lost: (session, why) => deps.board.disconnected(session.instanceId, why),
    frame: (session, frame) => onFrame(deps, session, frame),
    refused: (source, reason) => {
      const subject = `source:${source}`;
      deps.refusals.count({ action: 'session.refuse', code: reason, actor: 'anonymous', subject, decision: 'deny' });
    },
    incompatible: (claimed) => deps.board.incompatible(claimed),
  };
}

async function recordProof(deps: SessionEventsDeps, proven: Proven, handedOver: Nonce): Promise<Continuation> {
  const digestOf = (secret: Nonce | null): Digest | null => (secret === null ? null : deps.hash(utf8(secret)));
  const presented = digestOf(proven.continuity);
  const next = deps.hash(utf8(handedOver));
  const continuation = await deps.store.transaction(async (tx): Promise<Continuation> => {
    const { continuityCurrent, continuityPrevious } = proven.before;
    // Decided on what the hello read, and written only where that still holds: a fleet that comes back reads once.
    if (!continues({ current: continuityCurrent, previous: continuityPrevious }, presented)) {
      return whyNot(tx, proven);
    }
    const { current, previous } = handOver(presented, next);
    const written = await tx.instances.updateIf(proven.instanceId, proven.before, {
      continuityCurrent: current,
      continuityPrevious: previous,
      agentVersion: proven.agentVersion,
      facts: proven.facts,
      sealingKey: proven.sealingKey,
      // It speaks, so it runs; only a provider knows better, and there is none here.
      power: 'running',
    });
    if (!written) return whyNot(tx, proven);
    for (const { account, generation } of proven.generations) {
      await tx.generations.raise(proven.instanceId, account, generation);
    }
    return 'continues';
  });
  if (continuation === 'copied') await deps.board.fence(proven.instanceId, 'continuity-lost');
  return continuation;
}

/** Of a proof that may not stand: whether it is a copy's, or comes after what has happened since its hello. */
async function whyNot(tx: Repositories, { instanceId, before }: Proven): Promise<Exclude<Continuation, 'continues'>> {
  const fields = ['identity', 'continuityCurrent', 'fencedAt'] as const;
  const instance = await tx.instances.getPart(instanceId, fields);
  if (instance?.fencedAt !== null) return 'copied';
  // The proof was held up on its way until another handshake of the instance was through. An agent has one at a time:
  // it has given this one up. To believe it would hand over a secret that nobody receives, and forget the one that
  // the agent holds; its next session would look like that of a copy. Nor does it speak for a newer identity.
  const overtaken = instance.continuityCurrent !== before.continuityCurrent || instance.identity !== before.identity;
  return overtaken ? 'overtaken' : 'copied';
}

async function onFrame(deps: SessionEventsDeps, session: Session, frame: SessionFrame): Promise<void> {
  switch (frame.type) {
    case 'health': {
      const complete = await deps.board.reported(session.instanceId, frame);
      if (!complete) session.send({ type: 'health-request' });
      else if (frame.full) deps.dispatcher.deliver(session.instanceId);
      return;
    }
    case 'task-progress':
      return onTaskWord(deps, session, frame.taskId, { type: 'progress', state: frame.state });
    case 'order-refused':
      return onOrderRefused(deps, session, frame.orderDigest, frame.code);
    case 'result':
      return onResult(deps, session, frame.result);
    case 'sealing-key':
      return onSealingKey(deps, session, frame.sealingKey);
    case 'key-set-refused':
      note(deps, session, 'key-set.refused', frame.code);
      return;
    case 'goodbye':
      return onGoodbye(deps, session, frame.reason);
    default:
      return frame satisfies never;
  }
}

async function onTaskWord(
  deps: SessionEventsDeps,
  session: Session,
  taskId: TaskId,
  event: TaskEvent,
  news: TaskNews = {},
): Promise<void> {
  const changed = await deps.store.transaction(async (tx) => {
    const task = await tx.tasks.get(taskId);
    // An instance speaks of its own tasks only; of others it learns not even that they exist.
    if (task?.instanceId !== session.instanceId) return null;
    const cause = { actor: `instance:${session.instanceId}`, at: deps.clock.now() };
    const next = await changeTask(tx, task, event, cause, news);
    return next === null ? null : task;
  });
  if (changed !== null) deps.bus.changed(changed.resetId, [taskId]);
}

async function onOrderRefused(deps: SessionEventsDeps, session: Session, digest: Digest, code: Code): Promise<void> {
  const sent = [...session.sent].find(([, order]) => order.digest === digest);
  note(deps, session, 'order.refused', code);
  if (sent === undefined) return;
  await onTaskWord(deps, session, sent[0], { type: 'refuse' }, { code });
  deps.onErased();
}

const RESULT_REFUSALS = { malformed: 'result-malformed', 'bad-signature': 'result-bad-signature' } as const;

async function onResult(deps: SessionEventsDeps, session: Session, signed: Signed): Promise<void> {
  const instance = await deps.store.read.instances.getPart(session.instanceId, ['identityKey', 'identity']);
  if (!instance?.identityKey || signed.key !== instance.identity) {
    note(deps, session, 'result.refused', 'result-other-identity');
    return;
  }
  const opened = await openSigned(deps.verify, instance.identityKey, 'result', TaskResult, signed);
  if (!opened.ok || opened.body.instanceId !== session.instanceId) {
    note(deps, session, 'result.refused', opened.ok ? 'result-other-instance' : RESULT_REFUSALS[opened.why]);
    return;
  }
  const result = opened.body;
  const taken = await deps.store.transaction(async (tx) => {
    await tx.generations.raise(session.instanceId, result.account, result.generation);
    const task = await tx.tasks.get(result.taskId);
    // A store restored from a backup does not know the task: its generation is what matters of it.
    if (task?.instanceId !== session.instanceId || task.sealedDigest !== result.sealedDigest) return null;
    // The same word again, since its acknowledgement got lost: it stands already.
    if (task.result !== null && task.state === result.state) return null;
    const cause = { actor: `instance:${session.instanceId}`, at: deps.clock.now() };
    const news = {
      code: result.code,
      outcome: { result, signed, sentAt: session.sent.get(result.taskId)?.at ?? null },
    };
    const next = await changeTask(tx, task, { type: 'result', state: result.state }, cause, news);
    return next === null ? null : tx.tasks.get(task.id);
  });
  if (taken === null) note(deps, session, 'result.unexpected', null);
  else deps.bus.changed(taken.resetId, [taken.id]);
  // Only now: before the commit a crash would lose what the agent would then have forgotten.
  session.send({ type: 'result-ack', taskId: result.taskId });
  deps.onErased();
  if (taken !== null) deps.resultTaken?.(taken);
}

async function onSealingKey(deps: SessionEventsDeps, session: Session, sealingKey: Signed): Promise<void> {
  const instance = await deps.store.read.instances.getPart(session.instanceId, ['identityKey']);
  if (!instance?.identityKey) return;
  const expected = { instanceId: session.instanceId, identityKey: instance.identityKey, now: 0 };
  const verdict = await judgeSealingKey(deps.verify, expected, sealingKey);
  if (!verdict.ok) {
    note(deps, session, 'sealing-key.refused', verdict.code);
    return;
  }
  await deps.store.transaction((tx) => tx.instances.update(session.instanceId, { sealingKey }));
}

async function onGoodbye(deps: SessionEventsDeps, session: Session, reason: string): Promise<void> {
  if (reason === 'instance-stopping') {
    await deps.store.transaction((tx) => tx.instances.update(session.instanceId, { power: 'stopped' }));
  }
  deps.log.info({ instance: session.instanceId, reason }, 'an agent said goodbye');
}

/** Counted, as refusals are: an instance can say such things as often as it likes. */
function note(
  { refusals }: SessionEventsDeps,
  session: Session,
  action: AuditEvent,
  code: Code | CloseReason | null,
): void {
  const subject = `instance:${session.instanceId}`;
  refusals.count({ action, code, actor: subject, subject, decision: null });
}
