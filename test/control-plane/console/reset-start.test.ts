import {
  fromUtf8,
  InstanceId,
  InstanceName,
  PlanReset,
  pinOf,
  sealedDigest,
  unsealPassword,
  type PlannedTarget,
  type SealedPassword,
} from '#protocol';
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { ApiFailure, ownFailure } from '../../../control-plane/console/api/failure.ts';
import { createPins, type Pins } from '../../../control-plane/console/parts/reset/pins.ts';
import { createSentResets, type SentResets } from '../../../control-plane/console/parts/reset/sent.ts';
import {
  planReset,
  startReset,
  type Consent,
  type JudgedPlan,
  type StartOutcome,
} from '../../../control-plane/console/parts/reset/start.ts';
import { newIdentity } from '../../support/fake-agent.ts';
import { MemoryStore } from './support/memory-store.ts';
import { ALICE, plannedInstance, PlanningClient, type PlannedInstance } from './support/planning.ts';

const SERVER = 'https://console.test';
const PASSWORD = 'Blue-Kettle-2026';
/** Whoever says OK has looked at the fingerprints. */
const CONSENT: Consent = { skipBlocked: false, trustStrangers: true };

let web: PlannedInstance;
let db: PlannedInstance;
let client: PlanningClient;
let store: MemoryStore;
let pins: Pins;
let sent: SentResets;
let sealed: number;
let waitedMs: number;

beforeEach(async () => {
  web = await plannedInstance('web-1');
  db = await plannedInstance('db-1');
  client = new PlanningClient([web.target, db.target]);
  store = new MemoryStore();
  pins = createPins(store, SERVER);
  sent = createSentResets(store);
  sealed = 0;
  waitedMs = 0;
});

interface StartOptions {
  readonly consent?: Partial<Consent>;
  readonly password?: string;
  readonly instances?: readonly string[];
  /** What the instances were called in the list. */
  readonly names?: ReadonlyMap<InstanceId, string>;
  /** What stood in the dialog; by default what the control plane plans now. */
  readonly shown?: JudgedPlan | null;
  readonly signal?: AbortSignal;
  readonly onSealed?: () => void;
}

async function start(options: StartOptions = {}) {
  const request = PlanReset.parse({
    targets: { instances: options.instances ?? client.targets.map(({ instanceId }) => instanceId) },
    account: 'alice',
  });
  const question = { request, names: options.names ?? namesOf(client.targets) };
  const consent = { ...CONSENT, ...options.consent };
  const wait = (ms: number): Promise<void> => {
    waitedMs += ms;
    return Promise.resolve();
  };
  const ports = { client, pins, sent, now: () => Date.now(), monotonic: () => waitedMs, wait };
  const onSealed = (): void => {
    sealed += 1;
    options.onSealed?.();
  };
  const { password = PASSWORD, signal = new AbortController().signal } = options;
  const shown = options.shown === undefined ? await planReset(question, ports) : options.shown;
  return startReset({ question, shown, consent, password, onSealed, signal }, ports);
}

const namesOf = (targets: readonly PlannedTarget[]) =>
  new Map(targets.map(({ instanceId, name }) => [instanceId, name]));

/** The code of what stood in the way. */
function hindrance(outcome: StartOutcome): string {
  if (outcome.kind !== 'hindered') return outcome.kind;
  return outcome.obstacle.kind === 'refused' ? outcome.obstacle.failure.code : outcome.obstacle.kind;
}

function pinned({ target, identity }: PlannedInstance, key = identity.signer.key) {
  return pinOf(SERVER, { instanceId: target.instanceId, name: target.name, identity: key });
}

describe('a reset that is started in a browser', () => {
  test('is sealed to each instance, which alone can open it', async () => {
    expect(await start()).toEqual({ kind: 'started', resetId: client.resetId });
    expect(sealed).toBe(1);
    const [chunk] = client.chunks;
    if (chunk === undefined) throw new Error('nothing was sent');
    expect(chunk).toMatchObject({ final: true, skipBlocked: false });
    const open = async ({ identity }: PlannedInstance, password: SealedPassword) => {
      const { instanceId, statement, sealingPrivateKey } = identity;
      const options = { unlock: false, unexpire: false, mustChange: false };
      const terms = { resetId: client.resetId, mode: 'online', options, notAfter: chunk.notAfter } as const;
      const context = { ...terms, instanceId, identity: statement.identity, account: ALICE };
      const opened = await unsealPassword(sealingPrivateKey, context, password);
      return opened === null ? null : fromUtf8(opened);
    };
    const [first, second] = chunk.sealed;
    if (first === undefined || second === undefined) throw new Error('an instance was left out');
    expect(await open(web, first.password)).toBe(PASSWORD);
    expect(await open(db, second.password)).toBe(PASSWORD);
    expect(await open(db, first.password)).toBeNull();
  });

  test('keeps what proves the results, and nothing of the password', async () => {
    await start();
    const [first] = client.chunks[0]?.sealed ?? [];
    if (first === undefined) throw new Error('nothing was sent');
    expect(sent.load(client.resetId)?.get(first.instanceId)).toMatchObject({
      name: 'web-1',
      account: 'alice',
      identityKey: web.target.identityKey,
      digest: await sealedDigest(first.password),
    });
    expect(store.text + JSON.stringify(client.chunks)).not.toContain(PASSWORD);
  });

  test('sends nothing for a key that the identity did not certify', async () => {
    const mallory = await newIdentity(InstanceId.parse(randomUUID()));
    client.targets = [{ ...web.target, sealingKey: mallory.sealingKey }];
    expect(hindrance(await start())).toBe('sealing-key-unsigned');
    expect(client.chunks).toEqual([]);
  });

  test('sends nothing to an identity that is not the remembered one, until a person has compared it', async () => {
    pins.learn([pinned(web, db.identity.signer.key), pinned(db)]);
    const outcome = await start();
    expect(hindrance(outcome)).toBe('identity-changed');
    const details = outcome.kind === 'hindered' ? JSON.stringify(outcome.judged.verdict.refusals) : '';
    expect(details).toContain(`SHA256:${db.identity.signer.key}`);
    expect(details).toContain(`SHA256:${web.identity.signer.key}`);
    expect([client.chunks, sealed]).toEqual([[], 0]);
    pins.trust(pinned(web));
    expect((await start()).kind).toBe('started');
  });

  test('asks before strangers get a password that others have as well', async () => {
    const asked = { consent: { trustStrangers: false } };
    expect(await start(asked)).toMatchObject({ kind: 'hindered', obstacle: { names: ['web-1', 'db-1'] } });
    pins.learn([pinned(web)]);
    expect(await start(asked)).toMatchObject({ kind: 'hindered', obstacle: { kind: 'strangers', names: ['db-1'] } });
    expect((await start()).kind).toBe('started');
    client.targets = [db.target];
    expect((await start(asked)).kind).toBe('started');
  });

  test('asks about one that is known under another name, as about a stranger', async () => {
    pins.learn([pinned(web), { ...pinned(db), name: 'evil' }]);
    expect(await start({ consent: { trustStrangers: false } })).toMatchObject({
      obstacle: { kind: 'strangers', names: ['db-1'] },
    });
  });

  test('sends nothing to whom nobody was shown, nor to one that has changed since', async () => {
    expect(await start({ shown: null })).toMatchObject({ obstacle: { kind: 'unseen', names: ['web-1', 'db-1'] } });
    const before = await start({ consent: { trustStrangers: false } });
    if (before.kind !== 'hindered') throw new Error('it was to be asked about');
    // Somebody writes a key and an identity of his own into the database.
    const mallory = await newIdentity(db.identity.instanceId);
    const { sealingKey, signer } = mallory;
    client.targets = [web.target, { ...db.target, sealingKey, identityKey: signer.publicKey }];
    const outcome = await start({ shown: before.judged });
    expect(outcome).toMatchObject({ kind: 'hindered', obstacle: { kind: 'unseen', names: ['db-1'] } });
    expect([client.chunks, sealed]).toEqual([[], 0]);
  });

  test('sends nothing where a known instance answers to a name that was chosen for another', async () => {
    pins.learn([pinned(db)]);
    const names = new Map([[db.target.instanceId, 'web-1']]);
    client.targets = [db.target];
    const outcome = await start({ names });
    expect(hindrance(outcome)).toBe('instance-renamed');
    expect(JSON.stringify(outcome)).toContain('chosen as web-1, now called db-1');
    client.targets = [{ ...db.target, name: InstanceName.parse('web-1') }];
    expect((await start({ names })).kind).toBe('started');
  });

  test('does not start with somebody blocked, unless he is left out', async () => {
    const blocked = { code: 'agent-offline', message: '', remedy: '' } as const;
    client.targets = [web.target, { ...db.target, sealingKey: null, blocked }];
    expect(hindrance(await start())).toBe('blocked');
    expect((await start({ consent: { skipBlocked: true } })).kind).toBe('started');
    expect(client.chunks[0]?.sealed.map(({ instanceId }) => instanceId)).toEqual([web.target.instanceId]);
    expect(client.chunks[0]?.skipBlocked).toBe(true);
  });

  test('does not believe a plan about others than were asked for', async () => {
    expect(hindrance(await start({ instances: [web.target.instanceId] }))).toBe('control-plane-answer-invalid');
  });

  test('does not believe a clock that is far off', async () => {
    client.now = Date.now() - 3_600_000;
    expect(hindrance(await start())).toBe('clock-disagrees');
  });

  test('meets the rules of the plan, also where they became stricter', async () => {
    client.policy = { charsMin: 20, classesMin: 3 };
    expect(hindrance(await start())).toBe('password-weak');
    expect(client.chunks).toEqual([]);
  });
});

describe('a reset that nobody wants any more', () => {
  test('sends nothing when it is given up before the plan has come', async () => {
    const signal = AbortSignal.abort();
    await start({ signal }).catch((reason: unknown) => expect(reason).toBe(signal.reason));
    expect([client.chunks, sent.load(client.resetId)]).toEqual([[], null]);
  });

  test('sends nothing when it is given up while passwords are sealed, and keeps no record of it', async () => {
    const stop = new AbortController();
    expect(await start({ signal: stop.signal, onSealed: () => stop.abort() })).toEqual({ kind: 'given-up' });
    expect([client.chunks, sent.load(client.resetId)]).toEqual([[], null]);
  });

  test('asks no longer whether it has started, and says that it is not known', async () => {
    const stop = new AbortController();
    client.lost = { failure: ownFailure('control-plane-unreachable'), isTaken: true };
    client.get = () => {
      stop.abort();
      return Promise.reject(ownFailure('control-plane-unreachable'));
    };
    expect(await start({ signal: stop.signal })).toMatchObject({ kind: 'unknown' });
    expect(sent.load(client.resetId)).not.toBeNull();
  });
});

describe('the answer to the last chunk', () => {
  test('that is lost is asked for', async () => {
    client.lost = { failure: ownFailure('control-plane-unreachable'), isTaken: true };
    expect((await start()).kind).toBe('started');
  });

  test('that is lost with the request leaves nothing behind', async () => {
    client.lost = { failure: ownFailure('control-plane-unreachable'), isTaken: false };
    await expect(start()).rejects.toMatchObject({ code: 'control-plane-unreachable' });
    expect(sent.load(client.resetId)).toBeNull();
  });

  test('that refuses is told', async () => {
    const failure = new ApiFailure(409, { code: 'agent-key-changed', message: '', remedy: '', details: [] });
    client.lost = { failure, isTaken: false };
    await expect(start()).rejects.toBe(failure);
    expect(sent.load(client.resetId)).toBeNull();
  });

  test('that nobody gives in a minute leaves it open whether it has started', async () => {
    client.lost = { failure: ownFailure('control-plane-unreachable'), isTaken: true };
    let asked = 0;
    client.get = () => {
      asked += 1;
      return Promise.reject(ownFailure('control-plane-unreachable'));
    };
    expect(await start()).toEqual({ kind: 'unknown', resetId: client.resetId });
    expect([asked, waitedMs]).toEqual([30, 60_000]);
    expect(sent.load(client.resetId)).not.toBeNull();
  });
});
