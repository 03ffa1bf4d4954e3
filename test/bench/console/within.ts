import { setTimeout as sleep } from 'node:timers/promises';

/** What `promise` resolves to; rejects when it has not by then. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const inTime = new AbortController();
  const late = async (): Promise<never> => {
    await sleep(ms, undefined, { signal: inTime.signal });
    throw new Error(`gave up after ${ms} ms waiting for ${what}`);
  };
  try {
    return await Promise.race([promise, late()]);
  } finally {
    inTime.abort();
  }
}
