import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { resetThroughApi } from '../bench/whole-path.ts';
import { createPrng } from '../simulation/engine/prng.ts';
import { connectAgent, createEnroller } from '../support/fuzz/agents.ts';
import { NO_LIMITS, startServerUnderTest, type ServerUnderTest } from '../support/fuzz/server.ts';
import { createDialer } from '../support/fuzz/tls.ts';
import { secondHalf, slopePerHour, type Sample } from '../support/fuzz/trend.ts';
import { liveUnsteadily, newLife } from '../support/fuzz/unsteady.ts';
import { until } from '../support/hosts/until.ts';
import type { FakeIdentity } from '../support/fake-agent.ts';

const AGENTS = 500;
/** Of them, those that stay: a reset of theirs has no reason to fail. */
const STEADY = 20;
const SECONDS_FULL = 1_800;
/** `LATCHKEY_SOAK_SECONDS` makes a shorter trial of it. */
const SECONDS = Number(process.env['LATCHKEY_SOAK_SECONDS'] ?? String(SECONDS_FULL));
const SEED = process.env['LATCHKEY_SEED'] ?? randomUUID();
const JOINING_AT_ONCE = 8;
const SAMPLE_MS = 10_000;
const RESET_MS = 5_000;
const SETTLE_MS_MAX = 120_000;
const SPARE = 8;

/**
 * How much each may grow in an hour, by the second half of the run. Connections come and go, so that all of them swing;
 * one that is lost a session would grow by some twenty thousand.
 */
const GROWTH_PER_HOUR_MAX = { heap: 24, rss: 96, descriptors: 120, timers: 120 };
type Measure = keyof typeof GROWTH_PER_HOUR_MAX;

async function look(server: ServerUnderTest): Promise<Record<Measure, number>> {
  const { heapMebibytes, rssMebibytes, resources } = await server.figures();
  const descriptors = await server.descriptors();
  return { heap: heapMebibytes, rss: rssMebibytes, descriptors, timers: resources['Timeout'] ?? 0 };
}

async function joinAll(server: ServerUnderTest): Promise<FakeIdentity[]> {
  const enrol = await createEnroller(server, 'default');
  const identities: FakeIdentity[] = [];
  for (let from = 0; from < AGENTS; from += JOINING_AT_ONCE) {
    const some = Array.from({ length: Math.min(JOINING_AT_ONCE, AGENTS - from) }, (_, n) => nameOf(from + n));
    identities.push(...(await Promise.all(some.map((name) => enrol(name)))));
  }
  return identities;
}

const nameOf = (n: number): string => `soak-${String(n).padStart(3, '0')}`;

test(
  `${String(AGENTS)} agents that come and go for ${String(SECONDS)} s leave nothing behind`,
  async () => {
    console.log(`LATCHKEY_SEED=${SEED}`);
    const chance = createPrng(SEED);
    await using server = await startServerUnderTest({ enrolment: NO_LIMITS.enrolment });
    const identities = await joinAll(server);
    const before = await look(server);
    const dial = createDialer(server.door);
    const life = newLife();
    const over = new AbortController();
    const steady = [];
    for (const identity of identities.slice(0, STEADY)) steady.push(await connectAgent(dial, identity));
    const failures: unknown[] = [];
    const unsteady = identities.slice(STEADY).map((identity, n) =>
      liveUnsteadily({ dial, identity, life }, chance.fork(String(n)), over.signal).catch((error: unknown) => {
        failures.push(error);
      }),
    );

    const samples: Record<Measure, Sample[]> = { heap: [], rss: [], descriptors: [], timers: [] };
    let resets = 0;
    const startedAt = performance.now();
    const isOver = (): boolean => failures.length > 0 || performance.now() - startedAt > SECONDS * 1_000;
    const resetting = (async () => {
      for (; !isOver(); resets += 1) {
        await resetThroughApi(server.routes, {
          ...{ instance: nameOf(resets % STEADY), account: 'alice', password: 'Correct-Horse-7' },
        });
        for (const { agent } of steady) agent.received.length = 0;
        await delay(RESET_MS);
      }
    })();
    const sampling = (async () => {
      while (!isOver()) {
        await delay(SAMPLE_MS);
        const atMs = performance.now() - startedAt;
        for (const [name, value] of Object.entries(await look(server))) samples[name as Measure].push({ atMs, value });
      }
    })();
    await Promise.all([resetting, sampling]);
    over.abort();
    for (const { socket } of steady) expect(socket.isOpen(), 'a session that nobody ended').toBe(true);
    for (const { socket } of steady) socket.drop();
    await Promise.all(unsteady);

    expect(failures).toEqual([]);
    const slopes = Object.fromEntries(
      Object.entries(samples).map(([name, all]) => [name, Math.round(slopePerHour(secondHalf(all)) * 10) / 10]),
    ) as Record<Measure, number>;
    const ranges = Object.entries(samples).map(([name, all]) => {
      const values = secondHalf(all).map(({ value }) => value);
      return `${name} ${Math.min(...values).toFixed(0)} to ${Math.max(...values).toFixed(0)}`;
    });
    console.log(`${JSON.stringify(life)}, ${String(resets)} resets; before ${JSON.stringify(before)}`);
    console.log(`growth an hour: ${JSON.stringify(slopes)}; second half: ${ranges.join(', ')}`);
    // What swings looks steeper in a shorter window.
    const allowance = Math.max(1, (SECONDS_FULL / SECONDS) ** 1.5);
    for (const [name, perHour] of Object.entries(GROWTH_PER_HOUR_MAX))
      expect(slopes[name as Measure], `growth of ${name} an hour`).toBeLessThan(perHour * allowance);
    expect(life.sessions).toBeGreaterThanOrEqual(AGENTS - STEADY);
    expect(server.complaints).toEqual([]);
    await expectNothingLeft(server, before);
  },
  SECONDS * 1_000 + 900_000,
);

/** All have gone: so have their sockets and timers. */
async function expectNothingLeft(server: ServerUnderTest, before: Record<Measure, number>): Promise<void> {
  let left: unknown;
  await until(
    async () => {
      const now = await look(server);
      left = now;
      return now.descriptors <= before.descriptors + SPARE && now.timers <= before.timers + SPARE;
    },
    { what: () => `descriptors and timers to go: ${JSON.stringify(left)}`, deadlineMs: SETTLE_MS_MAX, everyMs: 2_000 },
  );
}
