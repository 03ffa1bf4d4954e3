import { BACKOFF_BASE_MS, type Chunk } from '#protocol';
import type { Routes } from '../api/routes.ts';
import { CliError } from '../errors.ts';
import type { Clock } from '../ports.ts';

const CONFIRM_MS_MAX = 60_000;
const CONFIRM_EVERY_MS = 4 * BACKOFF_BASE_MS;

/**
 * Hands the sealed passwords over. Nothing starts before the last chunk is taken, so an error means that nothing was
 * started, with one exception: the last chunk may have been taken while its answer was lost. Then the control plane is
 * asked, and `unknown` means that it did not say.
 */
export async function sendChunks(
  chunks: readonly Chunk[],
  resets: Pick<Routes['resets'], 'send' | 'show'>,
  clock: Clock,
  signal: AbortSignal,
): Promise<'started' | 'unknown'> {
  for (const chunk of chunks) {
    try {
      await resets.send(chunk);
    } catch (error) {
      if (!chunk.final || !isLostAnswer(error)) throw error;
      return confirm(chunk, error, resets, clock, signal);
    }
  }
  return 'started';
}

async function confirm(
  { resetId }: Chunk,
  cause: unknown,
  resets: Pick<Routes['resets'], 'show'>,
  clock: Clock,
  signal: AbortSignal,
): Promise<'started' | 'unknown'> {
  const until = clock.monotonic() + CONFIRM_MS_MAX;
  do {
    try {
      await resets.show(resetId);
      return 'started';
    } catch (error) {
      if (error instanceof CliError && error.code === 'reset-not-found') throw cause;
      if (!isLostAnswer(error)) return 'unknown';
    }
    await clock.sleep(CONFIRM_EVERY_MS, signal);
  } while (!signal.aborted && clock.monotonic() < until);
  return 'unknown';
}

/** Whether the request may have been carried out all the same. */
function isLostAnswer(error: unknown): boolean {
  if (!(error instanceof CliError)) return false;
  return error.code.startsWith('control-plane-') || (error.status !== null && error.status >= 500);
}
