import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Host } from '../support/hosts/host.ts';
import { expectOnly } from '../support/hosts/login.ts';
import { newPassword, openWorld, type World } from './world.ts';

let world: World;
let host: Host;

beforeAll(async () => {
  world = await openWorld();
  host = await world.host({ name: 'canary', accounts: [{ name: 'alice', password: 'Old-Password-1' }] });
}, 300_000);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

/** How the canary could be written down without being the same bytes. */
function forms(canary: string): Buffer[] {
  const bytes = Buffer.from(canary);
  return [
    bytes,
    Buffer.from(bytes.toString('base64').replaceAll('=', '')),
    Buffer.from(bytes.toString('base64url')),
    Buffer.from(bytes.toString('hex')),
    Buffer.from(encodeURIComponent(canary)),
    Buffer.from(canary, 'utf16le'),
  ];
}

async function filesBelow(directory: string): Promise<string[]> {
  const entries = await readdir(directory, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

async function found(directory: string, canary: string): Promise<string[]> {
  const hits: string[] = [];
  for (const file of await filesBelow(directory)) {
    const content = await readFile(file);
    if (forms(canary).some((form) => content.includes(form))) hits.push(file);
  }
  return hits;
}

/** Reads what every process of this machine shows of itself, again and again until it is told to stop. */
function watchProcesses(canary: string) {
  const hits = new Set<string>();
  let samples = 0;
  const stop = new AbortController();
  const done = (async () => {
    while (!stop.signal.aborted) {
      for (const pid of (await readdir('/proc')).filter((name) => /^\d+$/.test(name))) {
        for (const file of ['cmdline', 'environ']) {
          // A process may end between the listing and the look.
          const content = await readFile(`/proc/${pid}/${file}`).catch(() => Buffer.alloc(0));
          samples += 1;
          if (forms(canary).some((form) => content.includes(form))) hits.add(`/proc/${pid}/${file}`);
        }
      }
    }
  })();
  return {
    async stop() {
      stop.abort();
      await done;
      return { hits: [...hits], samples };
    },
  };
}

describe('a password that was reset', () => {
  test('is found nowhere afterwards, on neither side', async () => {
    const canary = newPassword();
    const watch = watchProcesses(canary);
    const outputs: string[] = [];
    for (const options of [[], ['--unlock', '--unexpire']]) {
      const { report, stderr } = await world.reset(['canary', '--account', 'alice', ...options], canary);
      expect(report.tasks[0]?.state).toBe('succeeded');
      outputs.push(JSON.stringify(report), stderr);
    }
    // Ways that end in errors must not tell either.
    outputs.push(JSON.stringify((await world.reset(['canary', '--account', 'no-such'], canary)).report));
    const bad = await world.latchkey(['reset', 'canary', '--account', 'alice', '--password-stdin'], `${canary} x\n`);
    outputs.push(bad.stdout, bad.stderr);
    const { hits, samples } = await watch.stop();
    expect(samples).toBeGreaterThan(1_000);
    expect(hits).toEqual([]);
    await expectOnly(host, 'alice', { accepted: canary, refused: [] });

    const audit = await world.latchkey(['audit', 'list', '--json']);
    outputs.push(audit.stdout, world.controlPlane.log, await host.journal());
    for (const text of outputs) expect(text.includes(canary)).toBe(false);

    // The database with its write-ahead log, keys, the operator's own files.
    expect(await found(world.directory, canary)).toEqual([]);
    // The host: everything but the files of the kernel. The hash in /etc/shadow is no form of it.
    await host.writeFile(
      '/root/canary-pattern',
      forms(canary)
        .map((form) => form.toString('latin1'))
        .join('\n'),
    );
    const grep = await host.exec([
      'sh',
      '-c',
      'grep --recursive --binary-files=text --fixed-strings --files-with-matches --devices=skip --file=/root/canary-pattern /etc /var /run /tmp /root /home /usr/local 2>/dev/null | grep -v ^/root/canary-pattern$',
    ]);
    expect(grep.stdout).toBe('');
  }, 120_000);

  test('would be found if it were there: the search sees a planted one in every form', async () => {
    const canary = newPassword();
    for (const [index, form] of forms(canary).entries()) {
      const { writeFile, rm } = await import('node:fs/promises');
      const file = join(world.directory, 'data', `planted-${String(index)}`);
      await writeFile(file, Buffer.concat([Buffer.from('x'), form, Buffer.from('y')]));
      expect(await found(world.directory, canary)).toEqual([file]);
      await rm(file);
    }
  });

  test('leaves no sealed bytes in the store once its task has ended', async () => {
    await world.reset(['canary', '--account', 'alice'], newPassword());
    await world.controlPlane.kill('SIGTERM');
    const database = (await filesBelow(join(world.directory, 'data'))).filter((file) => file.includes('latchkey.db'));
    const bytes = Buffer.concat(await Promise.all(database.map((file) => readFile(file))));
    expect(bytes.length).toBeGreaterThan(0);
    // A sealed password is stored as JSON with a member of this name; its value must be gone with the task.
    expect(bytes.includes('"ciphertext":"')).toBe(false);
    await world.controlPlane.start();
    await world.state('canary', 'running');
  });
});
