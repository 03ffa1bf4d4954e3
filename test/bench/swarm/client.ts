import { startProgram } from './channel.ts';
import type { WorkMs } from './shift.ts';

export type SwarmRequest =
  | { readonly op: 'enrol'; readonly databaseFile: string; readonly count: number }
  | { readonly op: 'bare'; readonly count: number }
  | { readonly op: 'connect'; readonly port: number; readonly ca: string; readonly atOnce: number }
  | { readonly op: 'stay'; readonly port: number; readonly ca: string; readonly atOnce: number }
  | { readonly op: 'work'; readonly work: WorkMs }
  | { readonly op: 'count' };

export interface Connected {
  /** From the moment somebody listens to the last session. */
  readonly tookMs: number;
  /** Tries that came to nothing, and were made again at once. */
  readonly failures: number;
}

/** Simulated peers in a process of their own. */
export interface Swarm extends AsyncDisposable {
  readonly pid: number;
  /** Makes agents and enrols them in the store of a control plane that is stopped. They replace those there were. */
  enrol(databaseFile: string, count: number): Promise<void>;
  /** Makes sockets that only connect. */
  bare(count: number): Promise<void>;
  /** Waits until the port is open, then connects all that are not, so many at the same time. */
  connect(to: { readonly port: number; readonly ca: string; readonly atOnce: number }): Promise<Connected>;
  /** Has whoever loses its session come back, for ever: a machine with too much to do misses heartbeats. */
  stay(to: { readonly port: number; readonly ca: string; readonly atOnce: number }): Promise<void>;
  /** Has agents carry out what they are told, from now on and for ever; until then orders wait. */
  work(work: WorkMs): Promise<void>;
  /** How many are connected now. */
  count(): Promise<number>;
}

export async function startSwarm(logFile: string): Promise<Swarm> {
  const program = await startProgram('swarm-program.ts', { logFile });
  // Requests are written here alone, so the types of the answers are known here.
  const ask = <T>(request: SwarmRequest): Promise<T> => program.ask<T>(request);
  return {
    pid: program.pid,
    enrol: (databaseFile, count) => ask({ op: 'enrol', databaseFile, count }),
    bare: (count) => ask({ op: 'bare', count }),
    connect: (to) => ask({ op: 'connect', ...to }),
    stay: (to) => ask({ op: 'stay', ...to }),
    work: (work) => ask({ op: 'work', work }),
    count: () => ask({ op: 'count' }),
    [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
  };
}
