/**
 * Runs inside the throwaway instance and answers requests, one JSON line each: bare `chpasswd`, the agent's own reset
 * without an agent around it, and a write that is flushed. The clock is read here, next to what is measured.
 */
import { once } from 'node:events';
import { mkdirSync, readFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

import { AccountName, utf8 } from '#protocol';
import { createLinuxInstance } from '../../agent/linux-instance.ts';
import { systemClock, systemRandom } from '../../agent/node/clock.ts';
import { measureFlush } from './flush.ts';
import type { Measured, WorkerRequest } from './worker-client.ts';

const STATE = '/var/lib/latchkey-bench';
const SCRIPT = readFileSync(new URL('../../scripts/instance/reset-linux.sh', import.meta.url));

mkdirSync(STATE, { recursive: true, mode: 0o700 });
const [withStandby, onDemand] = [true, false].map((standby) =>
  createLinuxInstance({ clock: systemClock, random: systemRandom, directory: STATE, standby }),
);

async function chpasswd(account: string, password: string): Promise<Measured> {
  const startedMs = performance.now();
  const child = spawn('chpasswd', { stdio: ['pipe', 'ignore', 'ignore'] });
  child.stdin.end(`${account}:${password}\n`);
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`chpasswd ended with code ${String(code)}`);
  const tookMs = performance.now() - startedMs;
  return { appliedMs: tookMs, verifiedMs: tookMs };
}

/** What the agent does when it has opened an order, from its first look at the account to the proof. */
async function reset(account: string, password: string, standby: boolean): Promise<Measured> {
  const instance = standby ? withStandby : onDemand;
  const outcome = await instance?.reset({
    account: AccountName.parse(account),
    password: async () => utf8(password),
    options: { unlock: false, unexpire: false, mustChange: false },
    privileged: false,
    script: SCRIPT,
    begun: Promise.resolve(true),
    signal: new AbortController().signal,
  });
  if (outcome?.state !== 'succeeded' || outcome.verifiedBy !== 'login') {
    throw new Error(`the reset came to ${JSON.stringify(outcome)}`);
  }
  return { appliedMs: outcome.appliedMs, verifiedMs: outcome.verifiedMs };
}

function answer(request: WorkerRequest): Promise<unknown> {
  switch (request.op) {
    case 'chpasswd':
      return chpasswd(request.account, request.password);
    case 'reset':
      return reset(request.account, request.password, request.standby);
    case 'flush':
      return Promise.resolve(measureFlush(request.directory));
    default:
      return request satisfies never;
  }
}

process.stdout.write('{"ready":true}\n');
for await (const line of createInterface({ input: process.stdin })) {
  try {
    process.stdout.write(`${JSON.stringify({ value: await answer(JSON.parse(line) as WorkerRequest) })}\n`);
  } catch (error) {
    process.stdout.write(`${JSON.stringify({ error: String(error) })}\n`);
  }
}
for (const instance of [withStandby, onDemand]) instance?.close();
