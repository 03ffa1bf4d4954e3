import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { runCampaign, type Findings } from '../../support/fuzz/campaign.ts';
import { NO_LIMITS, startServerUnderTest, type ServerUnderTest } from '../../support/fuzz/server.ts';
import { until } from '../../support/hosts/until.ts';

/** Frames and requests together. `LATCHKEY_FUZZ_CASES` makes a shorter trial of it. */
const CASES = Number(process.env['LATCHKEY_FUZZ_CASES'] ?? '1000000');
const SEED = process.env['LATCHKEY_SEED'] ?? randomUUID();
/** How much of it meets the limits that a server has when nobody sets any. */
const LIMITED = 0.1;

/** From a quarter of the cases to the end. What grows with the cases would grow by hundreds. */
const HEAP_GROWTH_MEBIBYTES_MAX = 24;
const RSS_GROWTH_MEBIBYTES_MAX = 128;
/** Of those who did nothing wrong, on a machine that has no core of its own for anybody. */
const ANSWER_P99_MS_MAX = 2_000;
const RESET_P99_MS_MAX = 10_000;
/** Connections of the test's own client, and the timers that go with them. */
const SPARE = 8;
const SETTLE_MS_MAX = 60_000;
const HOURS = 3;

/** What anybody can bring about as often as they like: one record for each kind and minute. */
const COUNTED = [
  ...['authenticate', 'session.refuse', 'result.refused', 'result.unexpected'],
  ...['order.refused', 'sealing-key.refused', 'key-set.refused'],
];
const AUDIT_ROWS_MAX = 100_000;

async function expectBoundedAudit({ routes }: ServerUnderTest): Promise<void> {
  for (const action of COUNTED) {
    const records = await routes.audit.list({ action }, AUDIT_ROWS_MAX);
    const kinds = records.map(({ code, actor, resource, at }) =>
      [code, actor, resource, Math.floor(at / 60_000)].join(' '),
    );
    expect(new Set(kinds).size, `records of ${action}`).toBe(records.length);
  }
}

/** Nothing is left of whoever has gone. */
async function expectNothingLeft(server: ServerUnderTest, { before }: Findings): Promise<void> {
  let left: unknown;
  await until(
    async () => {
      const { resources } = await server.figures();
      left = resources;
      return ['TCPSocketWrap', 'TLSWrap', 'Timeout'].every(
        (type) => (resources[type] ?? 0) <= (before.resources[type] ?? 0) + SPARE,
      );
    },
    { what: () => `sockets and timers to go: ${JSON.stringify(left)}`, deadlineMs: SETTLE_MS_MAX, everyMs: 1_000 },
  );
}

function expectWell({ wellbeing, quarter, whole }: Findings): void {
  expect(whole.heapMebibytes - quarter.heapMebibytes, 'growth of the heap').toBeLessThan(HEAP_GROWTH_MEBIBYTES_MAX);
  expect(whole.rssMebibytes - quarter.rssMebibytes, 'growth of the memory').toBeLessThan(RSS_GROWTH_MEBIBYTES_MAX);
  expect(wellbeing.answerMs.p99).toBeLessThan(ANSWER_P99_MS_MAX);
  expect(wellbeing.resetMs.p99).toBeLessThan(RESET_P99_MS_MAX);
}

describe(`${String(CASES)} hostile frames and requests`, () => {
  test.each([
    ['without limits', NO_LIMITS, 1 - LIMITED],
    ['with the normal limits', {}, LIMITED],
  ])(
    'disturb nobody and leave nothing behind, %s',
    async (name, limits, share) => {
      console.log(`LATCHKEY_SEED=${SEED}`);
      await using server = await startServerUnderTest(limits);
      const half = Math.ceil((CASES * share) / 2);
      const isLimited = limits !== NO_LIMITS;
      const found = await runCampaign(server, {
        seed: SEED,
        frames: half,
        requests: half,
        isLimited,
        sayEvery: 10_000,
      });
      const { routes, ...figures } = found;
      console.log(`${name}, ${String(routes.size)} routes: ${JSON.stringify(figures)}`);
      expectWell(found);
      const limited = Object.entries(found.answers).filter(([answer]) => answer.startsWith('429'));
      expect(limited.length > 0, `refused by a limit: ${JSON.stringify(limited)}`).toBe(isLimited);
      await expectNothingLeft(server, found);
      await expectBoundedAudit(server);
    },
    HOURS * 3_600_000,
  );
});
