import { setTimeout as delay } from 'node:timers/promises';
import { resetThroughApi } from '../../bench/whole-path.ts';
import { connectAgent, createEnroller } from './agents.ts';
import { createRawHttp } from './raw-http.ts';
import type { ServerUnderTest } from './server.ts';
import { createDialer } from './tls.ts';

/** How the others fared: those who do nothing wrong while somebody else does. */
export interface Wellbeing {
  readonly resets: number;
  readonly resetMs: Percentiles;
  readonly answers: number;
  readonly answerMs: Percentiles;
}
export interface Percentiles {
  readonly median: number;
  readonly p99: number;
  readonly worst: number;
}

const BETWEEN_RESETS_MS = 1_000;
const BETWEEN_ANSWERS_MS = 100;
const HEALTHZ = Buffer.from('GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n');
export const HEALTHY = 'healthy-1';

export interface Healthy {
  /** Throws what went wrong since it began, or tells how it was. */
  end(): Promise<Wellbeing>;
  /** Throws as soon as something has gone wrong. */
  check(): void;
}

/** An agent and an operator who go on working: a reset every second, and somebody who asks whether the server lives. */
export async function startHealthy(server: ServerUnderTest): Promise<Healthy> {
  const dial = createDialer(server.door);
  const enrol = await createEnroller(server, 'healthy');
  const { agent, socket } = await connectAgent(dial, await enrol(HEALTHY));
  await agent.frame('health-request');
  const over = new AbortController();
  const failures: unknown[] = [];
  const again = async (everyMs: number, times: number[], work: () => Promise<void>): Promise<void> => {
    while (!over.signal.aborted && failures.length === 0) {
      const startedAt = performance.now();
      try {
        await work();
      } catch (error) {
        failures.push(error);
        return;
      }
      times.push(performance.now() - startedAt);
      await delay(everyMs);
    }
  };
  const http = createRawHttp(dial);
  const [resetMs, answerMs]: [number[], number[]] = [[], []];
  const work = [
    again(BETWEEN_RESETS_MS, resetMs, async () => {
      // What it has received is of no interest here, and would only grow.
      agent.received.length = 0;
      await resetThroughApi(server.routes, { instance: HEALTHY, account: 'alice', password: 'Correct-Horse-7' });
    }),
    again(BETWEEN_ANSWERS_MS, answerMs, async () => {
      const answer = await http.ask(HEALTHZ);
      if (answer?.status !== 200) throw new Error(`/healthz: ${JSON.stringify(answer)}`);
    }),
  ];
  const check = (): void => {
    if (failures.length > 0) throw new Error('somebody who did nothing wrong was disturbed', { cause: failures[0] });
    if (!socket.isOpen()) throw new Error(`the healthy agent lost its session: ${String(agent.closedFor)}`);
  };
  return {
    check,
    async end() {
      over.abort();
      await Promise.all(work);
      check();
      socket.drop();
      http.close();
      return {
        ...{ resets: resetMs.length, resetMs: percentiles(resetMs) },
        ...{ answers: answerMs.length, answerMs: percentiles(answerMs) },
      };
    },
  };
}

function percentiles(times: readonly number[]): Percentiles {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share: number): number => Math.round((sorted[Math.floor(share * (sorted.length - 1))] ?? NaN) * 10) / 10;
  return { median: at(0.5), p99: at(0.99), worst: at(1) };
}
