import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const MAIN = fileURLToPath(new URL('../../../control-plane/main.ts', import.meta.url));

test('a control plane whose port is taken says so and ends', async () => {
  const top = mkdtempSync(join(tmpdir(), 'latchkey-listen-'));
  const other = createServer().listen(0, '127.0.0.1');
  await once(other, 'listening');
  const taken = other.address();
  if (taken === null || typeof taken === 'string') throw new Error('no port');
  const address = `127.0.0.1:${String(taken.port)}`;
  const directories = ['--data', join(top, 'data'), '--keys', join(top, 'keys')];
  const flags = ['--listen', address, '--public-url', `https://${address}`, ...directories];
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, 'server', ...flags]);
  try {
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    expect(code).toBe(1);
    expect(said).toContain(`Something listens on ${address} already.`);
    expect(said).toContain('--listen');
    expect(said).not.toContain('EADDRINUSE');
  } finally {
    child.kill('SIGKILL');
    other.close();
    rmSync(top, { recursive: true, force: true });
  }
});
