import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import { runCampaign } from '../../support/fuzz/campaign.ts';
import { routesToFuzz } from '../../support/fuzz/requests.ts';
import { NO_LIMITS, startServerUnderTest } from '../../support/fuzz/server.ts';

/** `LATCHKEY_SEED` brings the same cases about again, and with `LATCHKEY_FUZZ_CASE` that one alone. */
const SEED = process.env['LATCHKEY_SEED'] ?? randomUUID();
const ONLY = process.env['LATCHKEY_FUZZ_CASE'];

test('two thousand hostile frames and requests disturb nobody', async () => {
  console.log(`LATCHKEY_SEED=${SEED}`);
  await using server = await startServerUnderTest(NO_LIMITS);
  const only = ONLY === undefined ? {} : { only: ONLY };
  const found = await runCampaign(server, { seed: SEED, frames: 1_000, requests: 1_000, ...only });
  expect(found.wellbeing.resets).toBeGreaterThan(0);
  if (ONLY !== undefined) return;
  expect(found.routes.size).toBe(routesToFuzz().length);
  // It is no fuzzing when everything is refused at the door.
  expect(found.answers['200'] ?? 0).toBeGreaterThan(100);
  expect(found.answers['400 body-malformed'] ?? 0).toBeGreaterThan(50);
  expect(found.ends['session frame-malformed'] ?? 0).toBeGreaterThan(20);
  expect(found.ends['stranger frame-malformed'] ?? 0).toBeGreaterThan(5);
}, 120_000);
