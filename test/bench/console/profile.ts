import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { CDPSession } from 'playwright-core';

/** For whoever wants to know where the time of a page goes: a CPU profile of it in that directory, which slows it down. */
export async function profiled<T>(cdp: CDPSession, name: string, run: () => Promise<T>): Promise<T> {
  const directory = process.env['LATCHKEY_BENCH_PROFILES'];
  if (directory === undefined) return run();
  await cdp.send('Profiler.enable');
  await cdp.send('Profiler.start');
  const result = await run();
  const { profile } = await cdp.send('Profiler.stop');
  await writeFile(join(directory, `console-${name}.cpuprofile`), JSON.stringify(profile));
  return result;
}
