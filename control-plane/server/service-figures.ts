import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Overview } from '#protocol';
import { SERVER_VERSION } from './version.ts';

const NS_PER_MS = 1e6;

/** Begins to watch this process; what it returns says how it does. */
export function watchService(startedAt: number): () => Overview['controlPlane'] {
  const delay = monitorEventLoopDelay({ resolution: 20 });
  delay.enable();
  return () => {
    const eventLoopDelayMsMax = Math.round(delay.max / NS_PER_MS);
    delay.reset();
    return { version: SERVER_VERSION, startedAt, eventLoopDelayMsMax, residentBytes: process.memoryUsage.rss() };
  };
}
