import { closeSync, fsyncSync, openSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';

const FLUSHED_BYTES = 4096;

/** Milliseconds that the disk below a directory takes to flush a small write. */
export function measureFlush(directory: string): number {
  const path = join(directory, 'latchkey-bench-flush');
  const descriptor = openSync(path, 'w', 0o600);
  try {
    writeSync(descriptor, Buffer.alloc(FLUSHED_BYTES, 1));
    const startedMs = performance.now();
    fsyncSync(descriptor);
    return performance.now() - startedMs;
  } finally {
    closeSync(descriptor);
    rmSync(path);
  }
}
