import { homedir } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { randomBytes } from 'node:crypto';
import type { Ports } from '../ports.ts';
import { createFiles } from './files.ts';
import { createTerminal } from './terminal.ts';

/** The command line's ports on this machine and in this process. */
export function createNodePorts(): Ports {
  return {
    env: process.env,
    home: homedir(),
    terminal: createTerminal(process),
    files: createFiles(),
    clock: {
      now: () => Date.now(),
      monotonic: () => performance.now(),
      sleep: (delayMs, signal) => delay(delayMs, undefined, { signal }).catch(() => undefined),
    },
    random: { bytes: randomBytes, fraction: Math.random },
    interrupts: {
      listen(onInterrupt) {
        const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
        for (const signal of signals) process.on(signal, onInterrupt);
        return () => {
          for (const signal of signals) process.off(signal, onInterrupt);
        };
      },
    },
    async connect(options) {
      // The HTTP library takes longer to load than all the rest: only for commands that use it.
      const { createUndiciTransport } = await import('../api/undici-transport.ts');
      return createUndiciTransport(options);
    },
  };
}
