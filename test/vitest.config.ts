import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';

import { defineConfig } from 'vitest/config';

const root = fileURLToPath(new URL('..', import.meta.url));

const LONG = 'test/**/*.long.test.ts';
/** Tests of a part that need root and namespaces of their own, but no booted host. */
const SANDBOX = 'test/**/*.sandbox.test.ts';
const WORKERS_MAX = 8;
const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;

/**
 * Tiers, by what they need and how long they take. `scripts/test` runs them one after another; a machine that cannot
 * run one is told so there.
 */
export default defineConfig({
  root,
  cacheDir: 'node_modules/.cache/vite',
  test: {
    // A test that is not there cannot fail: a tier whose pattern matches nothing is an error.
    passWithNoTests: false,
    // A test that was committed with `.only` hides all others.
    allowOnly: false,
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
    pool: 'forks',
    execArgv: ['--disable-warning=ExperimentalWarning'],
    projects: [
      {
        // Runs anywhere, in seconds.
        extends: true,
        test: {
          name: 'unit',
          include: ['test/{protocol,agent,control-plane,contract,support,scripts}/**/*.test.ts'],
          exclude: [LONG, SANDBOX],
          maxWorkers: Math.min(WORKERS_MAX, availableParallelism()),
          testTimeout: 10 * SECOND_MS,
          sequence: { groupOrder: 1 },
        },
      },
      {
        // Runs anywhere: the real parts under a fake clock, network and disk, with faults.
        extends: true,
        test: {
          name: 'simulation',
          include: ['test/simulation/**/*.test.ts'],
          exclude: [LONG, SANDBOX],
          maxWorkers: Math.min(WORKERS_MAX, availableParallelism()),
          testTimeout: 2 * MINUTE_MS,
          sequence: { groupOrder: 2 },
        },
      },
      {
        // Boots real hosts, or acts on a sandbox of this one: needs root and Debian packages. One at a time, since hosts share the machine's network,
        // memory and mounts.
        extends: true,
        test: {
          name: 'host',
          include: ['test/e2e/**/*.test.ts', SANDBOX],
          exclude: [LONG],
          fileParallelism: false,
          testTimeout: 5 * MINUTE_MS,
          hookTimeout: 15 * MINUTE_MS,
          sequence: { groupOrder: 3 },
        },
      },
      {
        // Whatever takes longer than a person waits: fleets, soaks, exhaustive searches. Needs what `host` needs.
        extends: true,
        test: {
          name: 'long',
          include: [LONG],
          fileParallelism: false,
          testTimeout: 60 * MINUTE_MS,
          hookTimeout: 15 * MINUTE_MS,
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
