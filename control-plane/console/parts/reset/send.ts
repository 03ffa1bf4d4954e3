import { API_PREFIX, ChunkAccepted, Reset, type Chunk } from '#protocol';
import * as z from 'zod';
import type { Client } from '../../api/client.ts';
import { ApiFailure } from '../../api/failure.ts';

const CONFIRM_TRIES_MAX = 30;
const CONFIRM_EVERY_MS = 2_000;

/** The answer to a chunk: more is awaited, or the reset has begun. */
const Started = z.union([Reset, ChunkAccepted]);

/**
 * Hands the sealed passwords over. Nothing starts before the last chunk is taken, so a rejection means that nothing was
 * started, with one exception: the last chunk may have been taken while its answer was lost. Then the control plane is
 * asked, and `unknown` means that it did not say.
 */
export async function sendChunks(
  chunks: readonly Chunk[],
  client: Pick<Client, 'get' | 'send'>,
  wait: (ms: number) => Promise<void>,
): Promise<'started' | 'unknown'> {
  for (const chunk of chunks) {
    try {
      await client.send('POST', `${API_PREFIX}/resets`, Started, { body: chunk });
    } catch (error) {
      if (!chunk.final || !isLostAnswer(error)) throw error;
      return confirm(chunk, error, client, wait);
    }
  }
  return 'started';
}

async function confirm(
  { resetId }: Chunk,
  cause: unknown,
  client: Pick<Client, 'get'>,
  wait: (ms: number) => Promise<void>,
): Promise<'started' | 'unknown'> {
  for (let tries = 0; tries < CONFIRM_TRIES_MAX; tries += 1) {
    if (tries > 0) await wait(CONFIRM_EVERY_MS);
    try {
      await client.get(`${API_PREFIX}/resets/${resetId}`, Reset);
      return 'started';
    } catch (error) {
      if (error instanceof ApiFailure && error.code === 'reset-not-found') throw cause;
      if (!isLostAnswer(error)) return 'unknown';
    }
  }
  return 'unknown';
}

/** Whether the request may have been carried out all the same. */
function isLostAnswer(error: unknown): boolean {
  if (!(error instanceof ApiFailure)) return false;
  return error.status === 0 || error.status >= 500 || error.code === 'answer-malformed';
}
