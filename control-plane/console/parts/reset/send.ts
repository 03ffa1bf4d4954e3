import { API_PREFIX, ChunkAccepted, Reset, type SendingPorts } from '#protocol';
import * as z from 'zod';
import type { Client } from '../../api/client.ts';
import { ApiFailure } from '../../api/failure.ts';

/** The answer to a chunk: more is awaited, or the reset has begun. */
const Started = z.union([Reset, ChunkAccepted]);

/** How the console hands sealed passwords over, and what it takes from failures. `signal` gives it up. */
export function sendingPorts(
  client: Pick<Client, 'get' | 'send'>,
  clock: Pick<SendingPorts, 'monotonic' | 'wait'>,
  signal: AbortSignal,
): SendingPorts {
  return {
    send: (chunk) => client.send('POST', `${API_PREFIX}/resets`, Started, { body: chunk }),
    show: (resetId) => client.get(`${API_PREFIX}/resets/${resetId}`, Reset),
    meaningOf(error) {
      if (!(error instanceof ApiFailure)) return 'refused';
      if (error.code === 'reset-not-found') return 'not-found';
      const isLost = error.status === 0 || error.status >= 500 || error.code === 'control-plane-answer-invalid';
      return isLost ? 'lost' : 'refused';
    },
    monotonic: clock.monotonic,
    wait: clock.wait,
    isGivenUp: () => signal.aborted,
  };
}
