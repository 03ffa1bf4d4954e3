import { readFileSync } from 'node:fs';
import {
  DEFAULT_PASSWORD_POLICY,
  SEALED_PASSWORDS_PER_CHUNK_MAX,
  sealPassword,
  signJson,
  toBase64Url,
  utf8,
  verifyEd25519,
  type InstanceId,
  type InstanceName,
  type KeySet,
  type OperatingSystem,
  type PlanReset,
  type ProjectName,
  type Reset,
  type ResetPlan,
  type SealContext,
  type SealedPassword,
  type TokenId,
  PlanReset as PlanResetSchema,
  StartReset as StartResetSchema,
} from '#protocol';
import type { Actor } from '../../control-plane/server/domain/actor.ts';
import { createCore, type Core } from '../../control-plane/server/core.ts';
import { sha256Sync, systemClock, systemRandom } from '../../control-plane/server/runtime.ts';
import type { Clock, Log } from '../../control-plane/server/service/ports.ts';
import type { Store } from '../../control-plane/server/store/store.ts';
import { openSqliteStore } from '../../control-plane/server/store/sqlite-store.ts';
import type { FakeIdentity } from './fake-agent.ts';
import { newSigner } from './keys.ts';
import { statementOf } from './statements.ts';

export const QUIET: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/** A log that fails the test: nothing in it may go wrong unnoticed. */
export function strictLog(failures: unknown[]): Log {
  return { ...QUIET, error: (fields, message) => failures.push({ ...fields, message }) };
}

export const ADMINISTRATOR: Actor = {
  tokenId: '7d9b6a8e-52f7-4b57-8d2c-2f0c8f6f4a01' as TokenId,
  name: 'admin',
  role: 'administrator',
  projects: null,
  accounts: null,
  privileged: true,
  expiresAt: null,
};

export interface CoreWorld extends AsyncDisposable {
  readonly core: Core;
  readonly store: Store;
  readonly failures: unknown[];
  /** Adds an enrolled instance, as enrolment would. */
  enrol(name: string, identity: FakeIdentity, os?: OperatingSystem): Promise<void>;
  plan(request: PlanReset, actor?: Actor): Promise<ResetPlan>;
  /** Seals to what the plan names and starts. */
  start(plan: ResetPlan, options?: { skipBlocked?: boolean; password?: string; notAfter?: number }): Promise<Reset>;
  finished(reset: Reset): Promise<Reset>;
}

/** The control plane's core over a store in memory, with keys of its own and the project `default` enabled. */
export async function openCoreWorld(options: { clock?: Clock; store?: Store } = {}): Promise<CoreWorld> {
  const clock = options.clock ?? systemClock;
  const failures: unknown[] = [];
  // One that is handed in outlives this world, as a disk does a process.
  const store = options.store ?? (await openSqliteStore({ path: ':memory:' }));
  const [scriptSigner, orderSigner] = [await newSigner(), await newSigner()];
  const entry = (signer: typeof orderSigner, role: 'order' | 'script') => ({
    role,
    publicKey: signer.publicKey,
    key: signer.key,
    status: 'active' as const,
  });
  const keySet: KeySet = {
    v: 1,
    version: 1,
    serverId: scriptSigner.key,
    keys: [entry(orderSigner, 'order'), entry(scriptSigner, 'script')],
    issuedAt: clock.now(),
  };
  const signedKeySet = await signJson(scriptSigner, 'key-set', keySet);
  const bytes = readFileSync(new URL('../../scripts/instance/reset-linux.sh', import.meta.url));
  const digest = sha256Sync(bytes);
  const statement = { v: 1, name: 'reset-linux', os: 'linux', version: 1, digest };
  const script = {
    digest,
    script: { statement: await signJson(scriptSigner, 'script', statement), bytes: toBase64Url(bytes) },
  };
  const core = await createCore({
    store,
    clock,
    random: systemRandom,
    hash: sha256Sync,
    verify: verifyEd25519,
    log: strictLog(failures),
    identity: () => ({ orderSigner, keySet, signedKeySet }),
    script: (os) => (os === 'linux' ? script : null),
    passwordPolicy: DEFAULT_PASSWORD_POLICY,
  });
  if ((await store.read.tokens.get(ADMINISTRATOR.tokenId)) === null) await prepareStore(store, clock.now());
  return {
    core,
    store,
    failures,
    enrol: (name, identity, os = 'linux') => insertInstance(store, clock.now(), name, identity, os),
    plan: (request, actor = ADMINISTRATOR) => core.resets.plan(actor, PlanResetSchema.parse(request)),
    async start(plan, { skipBlocked = false, password = 'Correct-Horse-7', notAfter = clock.now() + 600_000 } = {}) {
      const sealed = await sealPlan(plan, password, notAfter);
      // In chunks as a client's, of which the last may be empty.
      for (let from = 0; ; from += SEALED_PASSWORDS_PER_CHUNK_MAX) {
        const chunk = sealed.slice(from, from + SEALED_PASSWORDS_PER_CHUNK_MAX);
        const final = from + chunk.length >= sealed.length;
        const request = StartResetSchema.parse({ resetId: plan.resetId, notAfter, sealed: chunk, skipBlocked, final });
        const started = await core.resets.start(ADMINISTRATOR, request, clock.now());
        if (started.done) return started.reset;
        if (final) throw new Error('the reset waits for more chunks');
      }
    },
    async finished(reset) {
      for await (const event of core.resets.watch(ADMINISTRATOR, reset.id, new AbortController().signal)) {
        if (event.finished) break;
      }
      return core.resets.get(ADMINISTRATOR, reset.id);
    },
    async [Symbol.asyncDispose]() {
      await core.drain();
      await core.settled();
      if (options.store === undefined) await store.close();
    },
  };
}

/** Seals one password to every target that is not blocked. */
export async function sealPlan(
  plan: ResetPlan,
  password: string,
  notAfter: number,
): Promise<{ instanceId: InstanceId; password: SealedPassword }[]> {
  const sealed: { instanceId: InstanceId; password: SealedPassword }[] = [];
  for (const target of plan.targets) {
    if (target.blocked !== null || target.sealingKey === null) continue;
    const statement = statementOf(target.sealingKey);
    const context: SealContext = {
      instanceId: target.instanceId,
      identity: statement.identity,
      account: target.account,
      resetId: plan.resetId,
      mode: plan.mode,
      options: plan.options,
      notAfter,
    };
    sealed.push({ instanceId: target.instanceId, password: await sealPassword(statement, context, utf8(password)) });
  }
  return sealed;
}

async function prepareStore(store: Store, now: number): Promise<void> {
  await store.transaction(async (tx) => {
    await tx.projects.put({
      name: 'default' as ProjectName,
      serviceEnabled: true,
      statementVersion: 1,
      enabledBy: 'test',
      enabledAt: now,
    });
    await tx.tokens.insert({
      id: ADMINISTRATOR.tokenId,
      type: 'api',
      name: 'admin',
      secretDigest: sha256Sync(utf8('unused')),
      role: 'administrator',
      projects: null,
      accounts: null,
      privileged: true,
      instanceId: null,
      reEnrol: false,
      usesLeft: null,
      createdAt: now,
      createdBy: 'test',
      expiresAt: null,
      revokedAt: null,
      lastUsedAt: null,
    });
  });
}

/** Adds an enrolled instance, as enrolment would. */
export async function insertInstance(
  store: Store,
  now: number,
  name: string,
  identity: FakeIdentity,
  os: OperatingSystem,
): Promise<void> {
  await store.transaction((tx) =>
    tx.instances.insert({
      id: identity.instanceId,
      name: name as InstanceName,
      os,
      project: 'default' as ProjectName,
      tags: {},
      power: 'unknown',
      createdAt: now,
      identityKey: identity.signer.publicKey,
      identity: identity.signer.key,
      sealingKey: null,
      continuityCurrent: null,
      continuityPrevious: null,
      fencedAt: null,
      agentState: 'offline',
      agentVersion: null,
      facts: null,
      components: {},
      reasons: [],
      connectedSince: null,
      lastSeenAt: null,
    }),
  );
}
