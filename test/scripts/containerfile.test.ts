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
/** By the name of the stage; the image itself is the last and has none. */
const STAGES = new Map<string, readonly string[]>();
for (const line of LINES) {
  const [, name] = /^FROM \S+(?: AS (\S+))?$/.exec(line) ?? [];
  if (line.startsWith('FROM ')) STAGES.set(name ?? '', []);
  const stage = [...STAGES.keys()].at(-1);
  if (stage !== undefined) STAGES.set(stage, [...(STAGES.get(stage) ?? []), line]);
}
const words = (instruction: string, stage?: string): string[][] =>
  (stage === undefined ? LINES : (STAGES.get(stage) ?? []))
    .filter((line) => line.startsWith(`${instruction} `))
    .map((line) => line.split(/\s+/).slice(1));
/** From the checkout into a stage: all but the last word are sources. */
const copiesOf = (stage: string) =>
  words('COPY', stage)
    .filter(([first = '']) => !first.startsWith('--from='))
    .map((copy) => ({ from: copy.slice(0, -1), to: copy.at(-1) ?? '' }));

/** Does what the recipe's COPY lines of a stage do, below a directory. */
function copyStage(stage: string, directory: string): void {
  for (const { from, to } of copiesOf(stage)) {
    for (const path of from) {
      const target = to === './' ? path : to;
      cpSync(join(CHECKOUT, path), join(directory, target), { recursive: true });
    }
  }
  symlinkSync(join(CHECKOUT, 'node_modules'), join(directory, 'node_modules'));
}

let image: string;
beforeEach(() => {
  image = mkdtempSync(join(tmpdir(), 'latchkey-image-'));
  copyStage('', image);
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

  test(
    'builds the console out of what it copies, and puts it where the server looks',
    { timeout: 120_000 },
    async () => {
      const stage = mkdtempSync(join(tmpdir(), 'latchkey-stage-'));
      try {
        copyStage('console', stage);
        const [npm = '', ...build] = words('RUN', 'console').at(-1) ?? [];
        await promisify(execFile)(npm, build, { cwd: stage });
        const [[from = '', to = ''] = []] = words('COPY', '')
          .filter(([first]) => first === '--from=console')
          .map((copy) => copy.slice(1));
        cpSync(from.replace('/opt/latchkey', stage), join(image, to), { recursive: true });
      } finally {
        rmSync(stage, { recursive: true });
      }
      // By the image's own program, which knows where it looks.
      const program = `import { readConsoleFiles } from ${JSON.stringify(join(image, 'control-plane/server/console-files.ts'))};
      console.log(readConsoleFiles()?.get('index.html')?.brotli?.length ?? 'none');`;
      const { stdout } = await promisify(execFile)('node', ['--input-type=module', '--eval', program]);
      expect(Number(stdout)).toBeGreaterThan(100);
    },
  );

  test('has places of their own for database and keys, and takes nothing into a layer that is not named', () => {
    expect(words('VOLUME')).toEqual([['/var/lib/latchkey', '/etc/latchkey/keys']]);
    expect([...words('ENV'), ...words('ADD')]).toEqual([]);
    expect(copiesOf('').flatMap(({ from }) => from)).not.toContain('.');
  });
});
