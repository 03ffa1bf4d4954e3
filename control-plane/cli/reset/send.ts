import type { SendingPorts } from '#protocol';
import type { Routes } from '../api/routes.ts';
import { CliError } from '../errors.ts';
import type { Clock } from '../ports.ts';

/** How the command line hands sealed passwords over, and what it takes from errors. `signal` gives it up. */
export function sendingPorts(
  resets: Pick<Routes['resets'], 'send' | 'show'>,
  clock: Clock,
  signal: AbortSignal,
): SendingPorts {
  return {
    send: (chunk) => resets.send(chunk),
    show: (resetId) => resets.show(resetId),
    meaningOf(error) {
      if (!(error instanceof CliError)) return 'refused';
      if (error.code === 'reset-not-found') return 'not-found';
      const isLost = error.code.startsWith('control-plane-') || (error.status !== null && error.status >= 500);
      return isLost ? 'lost' : 'refused';
    },
    monotonic: () => clock.monotonic(),
    wait: (ms) => clock.sleep(ms, signal),
    isGivenUp: () => signal.aborted,
  };
}
