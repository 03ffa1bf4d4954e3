import type { CloseReason, InstanceId, OperatingSystem, PasswordPolicy, Verify } from '#protocol';
import { createInProcessBus, type Bus } from './bus/bus.ts';
import type { Connection, ConnectionHandler } from './gateway/connection.ts';
import { acceptConnection } from './gateway/gateway.ts';
import type { ServerIdentity } from './gateway/handshake.ts';
import { createSessionDirectory, type SessionDirectory } from './gateway/session-directory.ts';
import { createAgentBoard, type AgentBoard } from './service/agent-board.ts';
import { createBackground } from './service/background.ts';
import { createDispatcher, type Dispatcher } from './service/dispatcher.ts';
import { createExpress } from './service/express.ts';
import { createGate, type Gate } from './service/gate.ts';
import type { CatalogueScript, Clock, Hash, Log, Random } from './service/ports.ts';
import { createPacer } from './service/pacer.ts';
import { createRefusalCounter, type RefusalCounter } from './service/refusal-counter.ts';
import type { ResetService } from './service/reset-service.ts';
import { createResetService } from './service/resets/service.ts';
import { createSessionEvents } from './service/session-events.ts';
import { createSweep, type Sweep } from './service/sweep.ts';
import type { TaskRecord } from './store/records.ts';
import type { Store } from './store/store.ts';

/** When agents come back after a drain: spread out, so that a restart is no storm. */
const DRAIN_RECONNECT_MS = { min: 500, max: 10_000 };

export interface CoreDeps {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly hash: Hash;
  readonly verify: Verify;
  readonly log: Log;
  readonly identity: () => ServerIdentity;
  readonly script: (os: OperatingSystem) => CatalogueScript | null;
  readonly passwordPolicy: PasswordPolicy;
  /** Told of every result once it is recorded, for figures. */
  readonly resultTaken?: (task: TaskRecord) => void;
}

/** The control plane without sockets and files: runs the same under HTTP and TLS and inside a simulation. */
export interface Core {
  readonly gate: Gate;
  readonly refusals: RefusalCounter;
  readonly bus: Bus;
  readonly resets: ResetService;
  readonly directory: SessionDirectory;
  readonly board: AgentBoard;
  readonly dispatcher: Dispatcher;
  readonly sweep: Sweep;
  /** A peer has opened a socket. */
  readonly accept: (connection: Connection) => ConnectionHandler;
  /** Ends the sessions of an instance that was removed or re-enrolled, and forgets its health. */
  dismiss(instanceId: InstanceId, reason: CloseReason): void;
  /** Tells who watches that these tasks have ended, and has their sealed bytes overwritten. */
  tasksEnded(tasks: readonly Pick<TaskRecord, 'id' | 'resetId'>[]): void;
  /** Asks every agent to come back later, and stops delivering. */
  drain(): Promise<void>;
  /** Resolves when nothing is under way that needs the store: before it is closed, and after every socket is. */
  settled(): Promise<void>;
}

/** Builds it and takes up what a former run left: nobody is connected yet, open tasks wait in the store. */
export async function createCore(deps: CoreDeps): Promise<Core> {
  const { store, clock, log } = deps;
  const bus = createInProcessBus();
  const gate = createGate({ store, clock });
  const refusals = createRefusalCounter({ store, clock, log });
  const sweep = createSweep({ store, bus, clock, log });
  const onErased = () => {
    sweep.erased();
  };
  const tasksEnded: Core['tasksEnded'] = (tasks) => {
    for (const task of tasks) bus.changed(task.resetId, [task.id]);
    if (tasks.length > 0) sweep.erased();
  };
  const background = createBackground(log);
  const board = createAgentBoard({ store, clock, log, background, tasksEnded });
  const directory = createSessionDirectory({
    clock,
    onClone: (instanceId) => board.fence(instanceId, 'identity-cloned'),
    onVacant: (session) => board.disconnected(session.instanceId, 'closed'),
  });
  const orderSigner = () => deps.identity().orderSigner;
  const deliveryDeps = { ...deps, directory, orderSigner, bus };
  const dispatcher = createDispatcher({
    ...deliveryDeps,
    onTried: (instance, held) => pacer.tried(instance, held),
  });
  const express = createExpress({ ...deliveryDeps, dispatcher });
  const pacer = createPacer({ store, clock, log, bus, directory, onErased, deliver: (id) => dispatcher.deliver(id) });
  const listener = createSessionEvents({ ...deps, board, dispatcher, bus, refusals, onErased });
  const resets = createResetService({ ...deps, gate, bus, express, onErased });
  bus.onWake((ids) => pacer.wake(ids));
  await store.transaction((tx) => tx.instances.markAllDisconnected());
  const gatewayDeps = { ...deps, instances: store.read.instances, directory, listener, background };
  return {
    gate,
    refusals,
    bus,
    resets,
    directory,
    board,
    dispatcher,
    sweep,
    tasksEnded,
    accept: (connection) => acceptConnection(gatewayDeps, connection),
    dismiss(instanceId, reason) {
      directory.closeAll(instanceId, reason);
      board.forget(instanceId);
    },
    async drain() {
      const swept = sweep.stop();
      pacer.stop();
      for (const session of directory.all()) {
        session.send({
          type: 'drain',
          reconnectAfterMsMin: DRAIN_RECONNECT_MS.min,
          reconnectAfterMsMax: DRAIN_RECONNECT_MS.max,
        });
        session.close('draining');
      }
      await Promise.all([swept, dispatcher.idle()]);
    },
    async settled() {
      // Each may have started the next.
      await background.settled();
      await pacer.settled();
      await dispatcher.idle();
      await pacer.settled();
      await refusals.settled();
    },
  };
}
