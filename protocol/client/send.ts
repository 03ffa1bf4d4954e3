import type { ResetId } from '../ids.ts';
import type { Chunk } from './seal.ts';

const CONFIRM_MS_MAX = 60_000;
const CONFIRM_EVERY_MS = 2_000;

export interface SendingPorts {
  /** Hands one chunk over. */
  readonly send: (chunk: Chunk) => Promise<unknown>;
  /** Asks for a reset that has started. */
  readonly show: (resetId: ResetId) => Promise<unknown>;
  /** What it means that one of the two has rejected. */
  readonly meaningOf: (error: unknown) => CallFailure;
  /** Milliseconds on a clock that nobody sets. */
  readonly monotonic: () => number;
  /** May come back early when it is given up. */
  readonly wait: (ms: number) => Promise<void>;
  /** Nobody wants it any more. What has started goes on all the same. */
  readonly isGivenUp: () => boolean;
}

/** `lost`: it may have been carried out all the same. `not-found`: there is no such reset. */
export type CallFailure = 'lost' | 'not-found' | 'refused';

/** `given-up`: in time, so that nothing was started. `unknown`: perhaps started, and nobody says. */
export type Sending = 'started' | 'given-up' | 'unknown';

/**
 * Hands the sealed passwords over. Nothing starts before the last chunk is taken, so a rejection means that nothing was
 * started, with one exception: the last chunk may have been taken while its answer was lost. Then the control plane is
 * asked, and `unknown` means that it did not say.
 */
export async function sendChunks(chunks: readonly Chunk[], ports: SendingPorts): Promise<Sending> {
  for (const chunk of chunks) {
    if (ports.isGivenUp()) return 'given-up';
    try {
      await ports.send(chunk);
    } catch (error) {
      if (!chunk.final || ports.meaningOf(error) !== 'lost') throw error;
      return confirm(chunk, error, ports);
    }
  }
  return 'started';
}

async function confirm({ resetId }: Chunk, cause: unknown, ports: SendingPorts): Promise<Sending> {
  const until = ports.monotonic() + CONFIRM_MS_MAX;
  do {
    try {
      await ports.show(resetId);
      return 'started';
    } catch (error) {
      const meaning = ports.meaningOf(error);
      if (meaning === 'not-found') throw cause;
      if (meaning === 'refused') return 'unknown';
    }
    await ports.wait(CONFIRM_EVERY_MS);
  } while (!ports.isGivenUp() && ports.monotonic() < until);
  return 'unknown';
}
