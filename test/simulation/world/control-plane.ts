import { DEFAULT_PASSWORD_POLICY, utf8, type KeySet, type ProjectName, type Signed, type TokenId } from '#protocol';
import { createCore, type Core, type CoreDeps } from '../../../control-plane/server/core.ts';
import type { Actor } from '../../../control-plane/server/domain/actor.ts';
import { openSqliteStore, type SqliteStore } from '../../../control-plane/server/store/sqlite-store.ts';
import type { Store } from '../../../control-plane/server/store/store.ts';
import { Life, type Hazard } from '../engine/life.ts';
import type { Prng } from '../engine/prng.ts';
import type { Scheduler } from '../engine/scheduler.ts';
import { digestOf, verify } from '../fakes/crypto.ts';
import type { Network } from '../fakes/network.ts';
import type { InstanceTruth } from '../truth/instance-truth.ts';
import type { Known } from '../truth/known.ts';
import { observeStore } from '../truth/observed-store.ts';
import type { Machine } from './machine.ts';
import type { Sabotage } from './sabotage.ts';
import { makeKeys, rotated, type Keys } from './server-keys.ts';
import { WORLD_BEGINS_MS } from './wall-clock.ts';

export const PROJECT = 'default' as ProjectName;

const RESTART_MS = { min: 50, max: 10_000 };

export interface ControlPlaneDeps {
  readonly scheduler: Scheduler;
  readonly random: Prng;
  readonly known: Known;
  readonly truth: InstanceTruth;
  readonly network: Network;
  readonly hazard: Hazard;
  readonly sabotage: Sabotage;
  /** How long the store takes for something, in virtual milliseconds. */
  readonly storeLatencyMs: () => number;
  /** Whether a word on the bus gets lost. */
  readonly losesWord: () => boolean;
  readonly onFault: (what: string) => void;
}

interface Backup {
  readonly bytes: Uint8Array;
  readonly commits: number;
}

/** Databases start as a copy of one that was migrated once: most of a short life would be spent on that. */
let emptyDatabase: Promise<Uint8Array> | null = null;

async function migratedOnce(): Promise<Uint8Array> {
  const store = await openSqliteStore({ path: ':memory:', now: () => 0 });
  const bytes = await store.snapshot();
  await store.close();
  return bytes;
}

/** The control plane: the store and the keys that outlive its process, and the process that runs now. */
export class ControlPlane {
  readonly #deps: ControlPlaneDeps;
  #keys: Keys;
  #disk: SqliteStore;
  #life: Life | null = null;
  #core: Core | null = null;
  #backup: Backup | null = null;
  #busy = false;

  private constructor(deps: ControlPlaneDeps, keys: Keys, disk: SqliteStore) {
    this.#deps = deps;
    this.#keys = keys;
    this.#disk = disk;
  }

  static async open(deps: ControlPlaneDeps): Promise<ControlPlane> {
    emptyDatabase ??= migratedOnce();
    const disk = await openSqliteStore({ path: ':memory:', snapshot: await emptyDatabase });
    return new ControlPlane(deps, await makeKeys(deps.random), disk);
  }

  get keySet(): KeySet {
    return this.#keys.keySet;
  }

  get signedKeySet(): Signed {
    return this.#keys.signedKeySet;
  }

  /** What was committed, past every process. */
  get disk(): SqliteStore {
    return this.#disk;
  }

  /** The process that serves; null while there is none. */
  get core(): Core | null {
    return this.#life?.isDead() === false ? this.#core : null;
  }

  now(): number {
    return WORLD_BEGINS_MS + this.#deps.scheduler.now();
  }

  /** Starts the process, unless it runs. */
  async start(): Promise<void> {
    if (this.#life?.isDead() === false || this.#busy) return;
    const { scheduler, hazard, known, truth, network } = this.#deps;
    const life = new Life({
      scheduler,
      hazard,
      onKilled: (where) => {
        known.trace.count(`server killed ${where}`);
        this.#killed(`killed ${where}`);
      },
    });
    this.#life = life;
    known.trace.add('server', 'starts');
    const store = observeStore({
      ...{ store: this.#disk, life, known, instances: truth },
      latencyMs: this.#deps.storeLatencyMs,
    });
    const core = await createCore(this.#deps.sabotage.server(this.#ports(life, store)));
    if (life.isDead()) return;
    this.#loseWords(core, life);
    this.#core = core;
    network.listener = { life, accept: (connection) => core.accept(connection) };
  }

  /** SIGKILL. False when nothing runs. */
  kill(why = 'killed'): boolean {
    if (this.#life?.isDead() !== false) return false;
    this.#life.end();
    this.#killed(why);
    return true;
  }

  /** SIGTERM, and again. */
  async restart(): Promise<void> {
    const [core, life] = [this.core, this.#life];
    if (core === null || life === null) return;
    this.#deps.known.trace.add('server', 'drains');
    this.#deps.network.listener = null;
    await core.drain();
    if (life.isDead()) return;
    life.end();
    this.#killed('stopped');
  }

  get restorable(): boolean {
    return this.#backup !== null && !this.#busy;
  }

  async backUp(): Promise<void> {
    const { known } = this.#deps;
    // In this order: a transaction that comes in between is in the bytes, and counted as if it were not.
    const { commits } = known;
    this.#backup = { bytes: await this.#disk.snapshot(), commits };
    known.trace.add('server', 'is backed up');
  }

  /** Back to the backup, with what the design says must be done then. */
  async restore(): Promise<void> {
    const backup = this.#backup;
    if (backup === null || this.#busy) return;
    const { known, truth } = this.#deps;
    this.#busy = true;
    this.#life?.end();
    this.#core = null;
    this.#deps.network.listener = null;
    await this.#disk.close();
    known.trace.add('server', 'is restored from a backup');
    this.#disk = await openSqliteStore({ path: ':memory:', snapshot: backup.bytes });
    known.rewind(backup.commits);
    const life = new Life({
      scheduler: this.#deps.scheduler,
      hazard: { strikes: () => false },
      onKilled: () => undefined,
    });
    const store = observeStore({ store: this.#disk, life, known, instances: truth, latencyMs: () => 0 });
    await this.#deps.sabotage.cleanUp(store, this.now());
    this.#backup = null;
    this.#busy = false;
    this.#restartSoon();
  }

  /** As enrolment does: the instance, its identity, nothing handed over yet. */
  async enrol(machine: Machine): Promise<void> {
    const { name, instanceId: id, identity } = machine;
    await this.#disk.transaction((tx) =>
      tx.instances.insert({
        ...{ id, name: name as never, os: 'linux', project: PROJECT, tags: {}, power: 'unknown' },
        ...{ createdAt: this.now(), identityKey: identity.publicKey, identity: identity.key, sealingKey: null },
        ...{ continuityCurrent: null, continuityPrevious: null, fencedAt: null, agentState: 'offline' },
        ...{ agentVersion: null, facts: null, components: {}, reasons: [], connectedSince: null, lastSeenAt: null },
      }),
    );
  }

  async enable(serviceEnabled: boolean): Promise<void> {
    const by = { statementVersion: 1, enabledBy: 'simulation', enabledAt: this.now() };
    await this.#disk.transaction((tx) => tx.projects.put({ name: PROJECT, serviceEnabled, ...by }));
  }

  async grant(actor: Actor): Promise<void> {
    const { tokenId: id, name, role, projects, accounts, privileged } = actor;
    const secretDigest = digestOf(utf8(id));
    await this.#disk.transaction((tx) =>
      tx.tokens.insert({
        ...{ id, type: 'api', name, secretDigest, role, projects, accounts, privileged, instanceId: null },
        ...{ reEnrol: false, usesLeft: null, createdAt: this.now(), createdBy: 'simulation', expiresAt: null },
        ...{ revokedAt: null, lastUsedAt: null },
      }),
    );
  }

  async revoke(id: TokenId): Promise<void> {
    await this.#disk.transaction((tx) => tx.tokens.revoke(id, this.now()));
  }

  /** From the next start on, orders are signed by another key; agents hear of it in a newer key set. */
  async rotateOrderKey(): Promise<void> {
    this.#keys = await rotated(this.#keys, this.#deps.random);
  }

  async close(): Promise<void> {
    this.#life?.end();
    await this.#disk.close();
  }

  #killed(how: string): void {
    this.#deps.known.trace.add('server', how);
    this.#core = null;
    this.#deps.network.listener = null;
    this.#restartSoon();
  }

  #restartSoon(): void {
    const { scheduler, random, onFault } = this.#deps;
    scheduler.after(random.int(RESTART_MS.min, RESTART_MS.max), () => {
      this.start().catch((error: unknown) => onFault(`the control plane does not start: ${String(error)}`));
    });
  }

  #ports(life: Life, store: Store): CoreDeps {
    const { scheduler, random, onFault } = this.#deps;
    const startedAt = scheduler.now();
    const keys = this.#keys;
    return {
      store,
      clock: {
        now: () => this.now(),
        monotonic: () => scheduler.now() - startedAt + 0.375,
        after: (delayMs, run) => life.after(delayMs, run),
      },
      random,
      hash: digestOf,
      verify,
      log: {
        info: () => undefined,
        warn: () => undefined,
        error: (fields, message) => {
          const { err } = fields;
          if (!life.isDead())
            onFault(`the control plane logs: ${message} ${err instanceof Error ? String(err.stack) : ''}`);
        },
      },
      identity: () => keys,
      script: (os) => (os === 'linux' ? keys.script : null),
      passwordPolicy: DEFAULT_PASSWORD_POLICY,
    };
  }

  /** The bus promises nothing: some of its words are not heard, and the process may end before any is said. */
  #loseWords(core: Core, life: Life): void {
    const wake = core.bus.wake.bind(core.bus);
    Object.assign(core.bus, {
      wake: (resets: Parameters<typeof wake>[0]) => {
        if (life.hazard('before a wake-up') || this.#deps.losesWord()) return;
        wake(resets);
      },
    });
  }
}
