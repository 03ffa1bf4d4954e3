import { createHash } from 'node:crypto';
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { openRelease, ReleaseStatement, SignedRelease, verifyEd25519 } from '#protocol';
import { measure, packDirectory } from '../../scripts/package/archive.ts';
import { writeLicences } from '../../scripts/package/licences.ts';
import { createOrigins, readLock } from '../../scripts/package/origin.ts';
import { thisPlatform } from '../../scripts/package/platform.ts';
import { signRelease } from '../../scripts/package/release-key.ts';

const run = promisify(execFile);

let top: string;
beforeEach(async () => {
  top = await mkdtemp(join(tmpdir(), 'latchkey-package-'));
});
afterEach(async () => {
  await rm(top, { recursive: true });
});

const integrityOf = (bytes: Uint8Array) => `sha512-${createHash('sha512').update(bytes).digest('base64')}`;

describe('a package from npm', () => {
  let origins: ReturnType<typeof createOrigins>;
  let honest: Buffer;
  const locked = (bytes: Uint8Array) => {
    return { name: 'wanted', version: '1.0.0', license: 'MIT', integrity: integrityOf(bytes) };
  };

  /** What `npm pack` fetches from now on. */
  const publish = (bytes: Uint8Array) => writeFile(join(top, 'published.tgz'), bytes);

  async function tarball(content: string): Promise<Buffer> {
    const directory = join(top, 'source', 'package');
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'index.js'), content);
    await run('tar', ['-czf', join(top, 'made.tgz'), '-C', join(top, 'source'), 'package']);
    return readFile(join(top, 'made.tgz'));
  }

  beforeEach(async () => {
    const [work, bin] = [join(top, 'work'), join(top, 'bin')];
    await mkdir(work);
    await mkdir(bin);
    const npm = `#!/bin/sh\nwhile [ "$1" != --pack-destination ]; do shift; done
cp '${top}/published.tgz' "$2/wanted.tgz" && echo '[{"filename":"wanted.tgz"}]'\n`;
    await writeFile(join(bin, 'npm'), npm, { mode: 0o755 });
    vi.stubEnv('PATH', `${bin}${delimiter}${process.env['PATH'] ?? ''}`);
    origins = createOrigins({ tarballs: join(top, 'tarballs'), work });
    honest = await tarball('honest');
  });

  test('is what the lock pins', async () => {
    await publish(honest);
    const directory = await origins.unpack(locked(honest));
    expect(await readFile(join(directory, 'index.js'), 'utf8')).toBe('honest');
  });

  test('is refused when the registry has something else by that name, and nothing of it is kept', async () => {
    await publish(await tarball('altered'));
    await expect(origins.unpack(locked(honest))).rejects.toThrow(
      /wanted@1\.0\.0 .* is not what package-lock\.json pins/,
    );
    expect(await readdir(join(top, 'tarballs'))).toEqual([]);
  });

  test('is fetched anew when somebody has changed the copy that was kept', async () => {
    await publish(honest);
    await origins.unpack(locked(honest));
    const [kept = ''] = await readdir(join(top, 'tarballs'));
    await writeFile(join(top, 'tarballs', kept), await tarball('altered'));
    const directory = await origins.unpack(locked(honest));
    expect(await readFile(join(directory, 'index.js'), 'utf8')).toBe('honest');
  });

  test.each([
    ['that is not locked', {}],
    ['that is locked by SHA-1', { 'node_modules/wanted': { version: '1.0.0', integrity: 'sha1-AAAA' } }],
  ])('%s is not used', async (_which, packages) => {
    await writeFile(join(top, 'lock.json'), JSON.stringify({ packages }));
    const lock = await readLock(join(top, 'lock.json'));
    expect(() => lock.find('node_modules/wanted')).toThrow(/pins no node_modules\/wanted by SHA-512/);
  });

  test('without a text of its licence is not shipped', async () => {
    await publish(honest);
    const directory = await origins.unpack(locked(honest));
    await expect(writeLicences([{ locked: locked(honest), directory }])).rejects.toThrow(/no text of its licence/);
    await writeFile(join(directory, 'LICENSE.txt'), 'Do as you like.\n');
    const text = await writeLicences([{ locked: locked(honest), directory }]);
    expect(text).toContain('wanted 1.0.0 (MIT)');
    expect(text).toContain('Do as you like.');
  });
});

describe('an archive', () => {
  async function pack(place: string, names: readonly string[], seconds: number): Promise<string> {
    const directory = join(top, place, 'tree');
    await mkdir(directory, { recursive: true });
    for (const name of names) {
      await writeFile(join(directory, name), `content of ${name}`);
      await chmod(join(directory, name), seconds % 2 === 0 ? 0o600 : 0o666);
      await utimes(join(directory, name), seconds, seconds);
    }
    const archive = join(top, place, 'tree.tar.gz');
    await packDirectory(directory, archive, ['program']);
    return archive;
  }

  test('is the same bytes wherever, whenever and in whatever order its files were made', async () => {
    const one = await pack('one', ['program', 'a', 'b'], 1_000_000_000);
    const other = await pack('an/other', ['b', 'a', 'program'], 1_700_000_001);
    expect((await readFile(one)).equals(await readFile(other))).toBe(true);
  });

  test('belongs to root, and only what is named in it may be run', async () => {
    const { stdout } = await run('tar', ['--numeric-owner', '-tvzf', await pack('one', ['program', 'data'], 1)]);
    const rows = stdout.trim().split('\n');
    expect(
      rows.map((row) =>
        row
          .split(/\s+/)
          .slice(0, 2)
          .concat(row.split(' ').at(-1) ?? ''),
      ),
    ).toEqual([
      ['drwxr-xr-x', '0/0', 'tree/'],
      ['-rw-r--r--', '0/0', 'tree/data'],
      ['-rwxr-xr-x', '0/0', 'tree/program'],
    ]);
  });
});

test.each([
  ['win32', 'x64'],
  ['linux', 'ia32'],
])('there is no executable for %s on %s', (os, architecture) => {
  expect(() => thisPlatform(os, architecture)).toThrow(/Build it on Linux/);
});

describe('the release key', () => {
  let archive: string;
  let statementFile: string;
  let keyFile: string;
  beforeEach(async () => {
    archive = join(top, 'latchkey-agent-1.2.3-linux-x64.tar.gz');
    statementFile = join(top, 'latchkey-agent-1.2.3-linux-x64.unsigned.json');
    keyFile = join(top, 'release.key');
    await writeFile(archive, 'an archive');
    const named = { v: 1, name: 'latchkey-agent', version: '1.2.3', platform: 'linux-x64' };
    await writeFile(statementFile, JSON.stringify({ ...named, ...(await measure(archive)) }));
  });

  const readSigned = async (file: string) => SignedRelease.parse(JSON.parse(await readFile(file, 'utf8')));

  test('is made at first, for its owner alone, and kept', async () => {
    const first = await signRelease(keyFile, statementFile);
    expect((await stat(keyFile)).mode & 0o777).toBe(0o600);
    const second = await signRelease(keyFile, statementFile);
    expect([first.made, second.made]).toEqual([true, false]);
    expect(second.key).toBe(first.key);
  });

  test('signs a statement that a control plane can open, and no other key counts', async () => {
    const { signedFile, key } = await signRelease(keyFile, statementFile);
    const signed = await readSigned(signedFile);
    const statement = ReleaseStatement.parse(JSON.parse(await readFile(statementFile, 'utf8')));
    expect(await openRelease(verifyEd25519, key, signed)).toEqual({ ok: true, release: statement });
    const other = await signRelease(join(top, 'other.key'), statementFile);
    expect(await openRelease(verifyEd25519, other.key, signed)).toEqual({ ok: false, why: 'other-key' });
  });

  test('does not sign for an archive that is not what was stated, nor is it made for that', async () => {
    await writeFile(archive, 'an Archive');
    await expect(signRelease(keyFile, statementFile)).rejects.toThrow(/is not what the statement says/);
    expect(await readdir(top)).not.toContain('release.key');
  });

  test('that others can read is not used', async () => {
    await signRelease(keyFile, statementFile);
    await chmod(keyFile, 0o640);
    await expect(signRelease(keyFile, statementFile)).rejects.toThrow(/chmod 600/);
  });
});
