import {
  Digest,
  ResetId,
  verifyEd25519,
  type KnownInstance,
  type ProgressEvent,
  type ResetCounts,
  type Task,
  type TaskState,
} from '#protocol';
import { randomUUID } from 'node:crypto';
import { beforeEach, describe, expect, test } from 'vitest';
import { followReset, type FollowPorts, type ResetHearing } from '../../../control-plane/console/pages/reset/follow.ts';
import { createProgressStore, type Progress } from '../../../control-plane/console/pages/reset/progress.ts';
import { retryable, rowOf, type Row } from '../../../control-plane/console/pages/reset/row.ts';
import type { SentTargets } from '../../../control-plane/console/parts/reset/sent.ts';
import { resultOf, sign, type Behaviour } from '../../support/fake-results.ts';
import { ALICE, plannedInstance, toldTask, type PlannedInstance } from './support/planning.ts';
import { Timers } from './support/timers.ts';

const DIGEST = Digest.parse('d'.repeat(42) + 'A');
const resetId = ResetId.parse(randomUUID());

let web: PlannedInstance;
let sent: SentTargets;
beforeEach(async () => {
  web = await plannedInstance('web-1');
  const { instanceId, signer } = web.identity;
  const target = { resetId, instanceId, name: 'web-1', account: ALICE, identityKey: signer.publicKey, digest: DIGEST };
  sent = new Map([[instanceId, target]]);
});

async function signedTask(behaviour: Exclude<Behaviour, { kind: 'hangs' }>): Promise<Task> {
  const { instanceId } = web.identity;
  const task = toldTask({ instanceId });
  const result = resultOf({ taskId: task.id, resetId, instanceId, account: ALICE, sealedDigest: DIGEST }, behaviour);
  return { ...task, result: await sign(result, web.identity, behaviour) };
}

function progressOf(tasks: readonly Task[], counts: Partial<ResetCounts> = {}, finished = false): Progress {
  const sums = { total: tasks.length, succeeded: 0, failed: 0, blocked: 0, pending: 0, ...counts };
  return { counts: sums, state: finished ? 'finished' : 'running', finished, tasks: [...tasks] };
}

describe('a success', () => {
  test('is proven by the signature of the instance over what was sent from here', async () => {
    const row = await rowOf(await signedTask({ kind: 'succeeds' }), sent, verifyEd25519);
    expect(row).toMatchObject({ state: 'succeeded', proof: 'here', verifiedBy: 'login' });
  });

  test('is the word of the control plane where nothing was sent from here', async () => {
    const row = await rowOf(await signedTask({ kind: 'succeeds' }), null, verifyEd25519);
    expect(row).toMatchObject({ state: 'succeeded', proof: 'told' });
  });

  test.each(['unsigned', 'other-key', 'other-password', 'other-reset', 'other-account', 'other-task'] as const)(
    'is none with a result of the kind %s',
    async (how) => {
      const row = await rowOf(await signedTask({ kind: 'forges', how }), sent, verifyEd25519);
      expect(row).toMatchObject({ state: 'outcome-unknown', code: 'result-unproven', proof: null, verifiedBy: null });
    },
  );

  test('is none on an instance to which nothing was sent', async () => {
    const db = await plannedInstance('db-1');
    const row = await rowOf(toldTask({ instanceId: db.identity.instanceId }), sent, verifyEd25519);
    expect(row).toMatchObject({ state: 'outcome-unknown', code: 'result-unproven' });
  });
});

describe('what may be tried again', () => {
  const rows = async (states: readonly TaskState[]): Promise<Row[]> =>
    Promise.all(
      states.map(async (state) => {
        const { identity } = await plannedInstance('x');
        const task = toldTask({ instanceId: identity.instanceId, instance: state, state });
        return rowOf(task, null, verifyEd25519);
      }),
    );

  test('is what did not succeed, and what was cancelled only if it is wanted', async () => {
    const all = await rows(['succeeded', 'failed', 'blocked', 'cancelled', 'running', 'outcome-unknown', 'superseded']);
    expect(retryable(all, false).map(({ name }) => name)).toEqual(['failed', 'blocked', 'outcome-unknown']);
    expect(retryable(all, true).map(({ name }) => name)).toContain('cancelled');
  });

  test('is no instance that was removed', async () => {
    const { instanceId } = web.identity;
    const task = toldTask({ instanceId, instance: instanceId, state: 'failed' });
    expect(retryable([await rowOf(task, null, verifyEd25519)], true)).toEqual([]);
  });
});

describe('the tasks of a reset', () => {
  const storeOf = (timers: Timers, proven: KnownInstance[] = []) =>
    createProgressStore({
      sent,
      verify: verifyEd25519,
      server: 'https://console.test',
      onProven: (seen) => void proven.push(...seen),
      after: timers.after,
      breathe: () => Promise.resolve(),
    });

  test('are told at most four times a second, and the last word is told', async () => {
    const timers = new Timers();
    const store = storeOf(timers);
    let told = 0;
    store.subscribe(() => (told += 1));
    const { instanceId } = web.identity;
    for (let n = 1; n <= 20; n += 1) {
      const task = toldTask({ instanceId, state: 'running', updatedAt: n });
      await store.take(progressOf([task], { pending: 1 }));
    }
    expect(told).toBe(1);
    await store.take(progressOf([toldTask({ instanceId, state: 'failed', updatedAt: 21 })], { failed: 1 }, true));
    timers.pass(250);
    expect(told).toBe(2);
    expect(store.snapshot()).toMatchObject({ finished: true, known: 1, counts: { failed: 1 } });
    timers.pass(250);
    expect(told).toBe(2);
  });

  test('count as successes only where that is proven, once all are known', async () => {
    const store = storeOf(new Timers());
    const forged = await signedTask({ kind: 'forges', how: 'unsigned' });
    await store.take(progressOf([forged], { succeeded: 1 }, true));
    expect(store.snapshot()).toMatchObject({ counts: { succeeded: 0, failed: 1 }, proven: 0 });
  });

  test('of which nothing is said at the end count as failed, and are named', async () => {
    const db = await plannedInstance('db-1');
    const { instanceId, signer } = db.identity;
    const [target] = sent.values();
    if (target === undefined) throw new Error('there is one');
    const identityKey = signer.publicKey;
    sent = new Map([...sent, [instanceId, { ...target, instanceId, name: 'db-1', identityKey }]]);
    const timers = new Timers();
    const store = storeOf(timers);
    await store.take(progressOf([await signedTask({ kind: 'succeeds' })], { succeeded: 1 }));
    expect(store.snapshot()).toMatchObject({ silent: [], known: 1 });
    await store.take(progressOf([], { total: 1, succeeded: 1 }, true));
    timers.pass(250);
    expect(store.snapshot()).toMatchObject({
      silent: ['db-1'],
      known: 2,
      counts: { total: 2, succeeded: 1, failed: 1 },
    });
  });

  test('make the identity of an instance known once it has proven a success', async () => {
    const proven: KnownInstance[] = [];
    const store = storeOf(new Timers(), proven);
    await store.take(progressOf([await signedTask({ kind: 'succeeds' })], { succeeded: 1 }, true));
    expect(proven).toMatchObject([{ name: 'web-1', fingerprint: `SHA256:${web.identity.signer.key}` }]);
    expect(store.snapshot().proven).toBe(1);
  });

  test('make identities known together where many prove one after the other', async () => {
    const known: KnownInstance[] = [];
    const timers = new Timers();
    const targets = await Promise.all(['a-1', 'b-2', 'c-3'].map((name) => plannedInstance(name)));
    const [like] = sent.values();
    sent = new Map(
      targets.map(({ identity: { instanceId, signer } }, n) => {
        const named = { name: `n-${String(n)}`, identityKey: signer.publicKey };
        return [instanceId, { ...like!, instanceId, ...named }];
      }),
    );
    const store = storeOf(timers, known);
    for (const target of targets) {
      web = target;
      await store.take(progressOf([await signedTask({ kind: 'succeeds' })], { total: 3, succeeded: 1 }));
    }
    const names = () => known.map(({ name }) => name);
    expect(names()).toEqual(['n-0']);
    timers.pass(2_000);
    expect(names()).toEqual(['n-0', 'n-1', 'n-2']);
  });

  test('do not go back to what they were', async () => {
    const store = storeOf(new Timers());
    const { instanceId } = web.identity;
    await store.take(progressOf([toldTask({ instanceId, state: 'failed', updatedAt: 5 })]));
    await store.take(progressOf([toldTask({ instanceId, state: 'running', updatedAt: 4 })]));
    expect(store.row(instanceId)?.state).toBe('failed');
  });
});

describe('following a reset', () => {
  type Handlers = Parameters<FollowPorts['openStream']>[0];
  const event = (finished: boolean): string => {
    const counts = { total: 1, succeeded: 0, failed: 0, blocked: 0, pending: 1 };
    const body: ProgressEvent = { resetId, counts, state: finished ? 'finished' : 'running', finished, tasks: [] };
    return JSON.stringify(body);
  };
  const follow = (poll: FollowPorts['poll'] = () => Promise.reject(new Error('nobody answers'))) => {
    const timers = new Timers();
    const streams: (Handlers & { isOpen: boolean })[] = [];
    const heard: (ResetHearing | 'progress' | 'trouble')[] = [];
    const openStream: FollowPorts['openStream'] = (handlers) => {
      const stream = { ...handlers, isOpen: true };
      streams.push(stream);
      return { close: () => void (stream.isOpen = false) };
    };
    const stop = followReset(
      { openStream, poll, after: timers.after },
      {
        onProgress: () => void heard.push('progress'),
        onHearing: (hearing) => void heard.push(hearing),
        onTrouble: () => void heard.push('trouble'),
      },
    );
    return { timers, streams, heard, stop };
  };

  test('ends with the reset', () => {
    const { streams, heard } = follow();
    streams[0]?.onEvent(event(false));
    streams[0]?.onEvent(event(true));
    expect(heard).toEqual(['connecting', 'live', 'progress', 'live', 'progress', 'over']);
    expect(streams.map(({ isOpen }) => isOpen)).toEqual([false]);
  });

  test('opens the stream again after it was lost', () => {
    const { streams, timers, heard } = follow();
    for (let n = 0; n < 10; n += 1) {
      streams.at(-1)?.onEvent(event(false));
      streams.at(-1)?.onError();
      timers.pass(2_000);
    }
    expect(streams.map(({ isOpen }) => isOpen)).toEqual([...Array.from({ length: 10 }, () => false), true]);
    expect(heard.at(-1)).toBe('connecting');
  });

  test('asks instead after three streams that said nothing, and tries a stream again later', async () => {
    const { streams, timers, heard } = follow(() => Promise.resolve(progressOf([], { pending: 1 })));
    streams[0]?.onError();
    timers.pass(2_000);
    timers.pass(10_000); // The second is open, and silent.
    timers.pass(2_000);
    streams[2]?.onEvent('{"not": "understood"}');
    timers.pass(2_000);
    for (let n = 0; n < 10; n += 1) {
      await Promise.resolve();
      timers.pass(3_000);
    }
    expect(heard.filter((what) => what === 'polling')).toHaveLength(10);
    expect(streams).toHaveLength(4);
    expect(streams[3]?.isOpen).toBe(true);
  });

  test('says so when nothing can be heard, and goes on', async () => {
    const { streams, timers, heard } = follow();
    for (let n = 0; n < 3; n += 1) {
      streams[n]?.onError();
      timers.pass(2_000);
    }
    await expect.poll(() => heard.at(-1)).toBe('trouble');
    timers.pass(3_000);
    await expect.poll(() => heard.filter((what) => what === 'trouble').length).toBe(2);
  });

  test('leaves nothing open when it is stopped', () => {
    const { streams, timers, stop } = follow();
    stop();
    timers.pass(60_000);
    expect(streams.map(({ isOpen }) => isOpen)).toEqual([false]);
  });
});
