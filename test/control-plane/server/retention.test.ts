import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import type { Retention } from '../../../control-plane/server/domain/retention.ts';
import { createRetentionSweep, type RetentionSweep } from '../../../control-plane/server/service/retention.ts';
import type { ResetRecord, StoredAuditEntry } from '../../../control-plane/server/store/records.ts';
import { openSqliteStore } from '../../../control-plane/server/store/sqlite-store.ts';
import type { Store } from '../../../control-plane/server/store/store.ts';
import { aReset, aTask, anEntry } from '../../contract/store-records.ts';
import { strictLog } from '../../support/core-world.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/hosts/until.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

let store: Store;
let clock: FakeClock;
let failures: unknown[];
let sweep: RetentionSweep;
let erased: number;

beforeEach(async () => {
  store = await openSqliteStore({ path: ':memory:' });
  clock = new FakeClock();
  failures = [];
  erased = 0;
});
afterEach(async () => {
  await sweep.stop();
  await store.close();
  expect(failures).toEqual([]);
});

function start(retention: Retention): void {
  const onErased = () => {
    erased += 1;
  };
  sweep = createRetentionSweep({ store, clock, log: strictLog(failures), retention, onErased });
}

async function finishedReset(daysAgo: number): Promise<ResetRecord> {
  const finishedAt = clock.now() - daysAgo * DAY_MS;
  const reset = aReset({ requestedAt: finishedAt - 1_000, notAfter: finishedAt, finishedAt });
  await store.transaction(async (tx) => {
    await tx.resets.insert(reset, []);
    await tx.tasks.insert([aTask(reset, { state: 'succeeded' }), aTask(reset, { state: 'failed' })]);
    await tx.audit.append(anEntry({ at: finishedAt, action: 'reset.start', resource: `reset:${reset.id}` }));
  });
  return reset;
}

const audit = async (filter: { action?: string; resource?: string } = {}): Promise<readonly StoredAuditEntry[]> =>
  (await store.read.audit.list(filter, { limit: 1_000, after: null })).rows;
const removals = () => audit({ action: 'retention.remove' });

describe('what is past its time', () => {
  test('goes, and that is on record with how much it was; the record of who asked for it stays', async () => {
    start({ resetsDays: 90, auditDays: 400 });
    const [old, young] = [await finishedReset(91), await finishedReset(89)];
    expect(await sweep.run()).toBe(false);
    expect(await store.read.resets.get(old.id)).toBeNull();
    expect(await store.read.resets.get(young.id)).toEqual(young);
    expect(await audit({ resource: `reset:${old.id}` })).toHaveLength(1);
    expect(await removals()).toMatchObject([
      {
        actor: 'system',
        resource: 'store',
        rule: 'retention',
        detail: { resets: 1, tasks: 2, audit: 0, resetsUntil: clock.now() - 90 * DAY_MS },
      },
    ]);
    expect(erased).toBe(1);
  });

  test('is looked for every hour, and not before the first one is over', async () => {
    start({ resetsDays: 90, auditDays: null });
    const old = await finishedReset(91);
    clock.advance(HOUR_MS - 1);
    expect(await store.read.resets.get(old.id)).not.toBeNull();
    clock.advance(1);
    await until(async () => (await store.read.resets.get(old.id)) === null, {
      what: 'the first pass',
      deadlineMs: 5_000,
    });
    const later = await finishedReset(90);
    await until(
      async () => {
        // The next pass is set only when the first is through.
        clock.advance(HOUR_MS);
        return (await store.read.resets.get(later.id)) === null;
      },
      { what: 'another pass', deadlineMs: 5_000 },
    );
  });

  test('goes in passes of a limited size, one record each', async () => {
    start({ resetsDays: 90, auditDays: 400 });
    for (let n = 0; n < 150; n += 1) await finishedReset(500);
    expect(await sweep.run()).toBe(true);
    expect(await sweep.run()).toBe(false);
    const [second, first] = await removals();
    expect(first?.detail).toMatchObject({ resets: 100, tasks: 200, audit: 149 });
    expect(second?.detail).toMatchObject({ resets: 50, tasks: 100, audit: 1 });
    expect(await audit()).toHaveLength(2);
  });

  test('leaves no record where nothing went', async () => {
    start({ resetsDays: 90, auditDays: 400 });
    await finishedReset(5);
    await sweep.run();
    expect(await removals()).toEqual([]);
    expect(erased).toBe(0);
  });

  test('stays for ever where nothing was said of an end', async () => {
    start({ resetsDays: null, auditDays: null });
    const old = await finishedReset(20_000);
    await sweep.run();
    expect(await store.read.resets.get(old.id)).toEqual(old);
    expect(await audit()).toHaveLength(1);
  });

  test('stays as long as a clock that was set has not stood for an hour', async () => {
    const warnings: string[] = [];
    const log = { ...strictLog(failures), warn: (_: object, message: string) => warnings.push(message) };
    let setMs = 0;
    const wall = { after: clock.after.bind(clock), monotonic: () => clock.monotonic(), now: () => clock.now() + setMs };
    const retention = { resetsDays: 90, auditDays: 400 };
    sweep = createRetentionSweep({ store, clock: wall, log, retention, onErased: () => undefined });
    const reset = await finishedReset(1);
    setMs = 3_650 * DAY_MS;
    await sweep.run();
    setMs = 0;
    await sweep.run();
    await sweep.run();
    expect(await store.read.resets.get(reset.id)).toEqual(reset);
    expect(warnings).toHaveLength(2);
    setMs = 3_650 * DAY_MS;
    await sweep.run();
    await sweep.run();
    expect(await store.read.resets.get(reset.id)).toBeNull();
  });
});
