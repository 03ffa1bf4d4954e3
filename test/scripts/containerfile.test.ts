import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { until } from '../support/hosts/until.ts';

/** What scripts/server/Containerfile puts into an image, without an image: building one needs a base and a registry. */
const CHECKOUT = fileURLToPath(new URL('../..', import.meta.url));
const LINES = readFileSync(join(CHECKOUT, 'scripts/server/Containerfile'), 'utf8')
  .replaceAll(/^#.*\n/gm, '')
  .replaceAll(/\\\n/g, ' ')
  .split('\n')
  .filter((line) => line !== '');
const words = (instruction: string): string[][] =>
  LINES.filter((line) => line.startsWith(`${instruction} `)).map((line) => line.split(/\s+/).slice(1));
/** From the checkout into the last stage: all but the last word are sources. */
const COPIES = words('COPY')
  .filter(([first, ...rest]) => first !== '--from=build' && !rest.includes('.npmrc'))
  .map((copy) => ({ from: copy.slice(0, -1), to: copy.at(-1) ?? '' }));

let image: string;
beforeEach(() => {
  image = mkdtempSync(join(tmpdir(), 'latchkey-image-'));
  for (const { from, to } of COPIES) {
    for (const path of from) {
      const target = to === './' ? path : to;
      cpSync(join(CHECKOUT, path), join(image, target), { recursive: true });
    }
  }
  symlinkSync(join(CHECKOUT, 'node_modules'), join(image, 'node_modules'));
});
afterEach(() => rmSync(image, { recursive: true }));

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** The exit code of the image's health check. */
async function health(port: number): Promise<number> {
  const run = promisify(execFile)(join(image, 'scripts/server/healthcheck'), [String(port)]);
  return run.then(
    () => 0,
    (error: unknown) => Number((error as { code?: unknown }).code),
  );
}

describe('the container recipe', () => {
  test('copies all that the server needs: it starts, is healthy, and ends in order', { timeout: 60_000 }, async () => {
    const port = await freePort();
    expect(await health(port)).toBe(1);
    const [entry = '', ...entryWords] = JSON.parse(words('ENTRYPOINT')[0]?.join(' ') ?? '[]') as string[];
    const directories = ['--data', join(image, 'volume/data'), '--keys', join(image, 'volume/keys')];
    const where = ['--listen', `127.0.0.1:${String(port)}`, ...directories];
    const server = spawn(entry.replace('/opt/latchkey', image), [...entryWords, ...where], { stdio: 'ignore' });
    const exit = once(server, 'exit');
    try {
      await until(async () => (await health(port)) === 0, { what: 'a healthy server', deadlineMs: 40_000 });
      server.kill('SIGTERM');
      expect(await exit).toEqual([0, null]);
    } finally {
      server.kill('SIGKILL');
    }
  });

  test('runs as a user that is a number and not root, on bases that have to be named', () => {
    expect(words('USER')).toEqual([[expect.stringMatching(/^[1-9]\d+:[1-9]\d+$/) as string]]);
    expect(words('ARG').map(([name]) => name)).toEqual(['BUILD_IMAGE', 'BASE_IMAGE']);
    expect(words('FROM').map(([name = '']) => name.replaceAll(/\W/g, ''))).toEqual(['BUILD_IMAGE', 'BASE_IMAGE']);
  });

  test('has places of their own for database and keys, and takes nothing into a layer that is not named', () => {
    expect(words('VOLUME')).toEqual([['/var/lib/latchkey', '/etc/latchkey/keys']]);
    expect([...words('ENV'), ...words('ADD')]).toEqual([]);
    expect(COPIES.flatMap(({ from }) => from)).not.toContain('.');
  });
});
