import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { fingerprintOf, openRelease, ReleaseList, verifyEd25519, type Signer, type SignedRelease } from '#protocol';
import { addRelease, type AddRelease } from '../../../control-plane/server/releases/add-release.ts';
import { createReleaseCatalogue, pinnedReleaseKey } from '../../../control-plane/server/releases/catalogue.ts';
import { ReleaseError } from '../../../control-plane/server/releases/errors.ts';
import { addReleaseVerb } from '../../../control-plane/server/releases/verb.ts';
import { HttpWorld, expectError } from '../../support/http-world.ts';
import { newSigner } from '../../support/keys.ts';
import { signRelease, writeRelease } from '../../support/release.ts';

let root: string;
let signer: Signer;
const at = (...parts: string[]) => join(root, ...parts);
beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), 'latchkey-releases-'));
  mkdirSync(at('made'));
  signer = await newSigner();
});
afterEach(() => rmSync(root, { recursive: true }));

const places = () => ({ dir: at('data', 'releases'), keysDir: at('keys') });
const catalogue = () => createReleaseCatalogue(places());

async function add(
  bytes = 'an archive',
  about: Parameters<typeof writeRelease>[3] = {},
  more: Partial<AddRelease> = {},
) {
  const { archive, statement } = await writeRelease(at('made'), signer, Buffer.from(bytes), about);
  return addRelease({ ...places(), archive, statement, releaseKey: signer.key, ...more });
}

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (error instanceof ReleaseError) return error.code;
  throw new Error(`no refusal: ${String(error)}`);
}

async function versions(signed: readonly SignedRelease[]): Promise<string[]> {
  const verdicts = await Promise.all(signed.map((one) => openRelease(verifyEd25519, signer.key, one)));
  return verdicts.map((verdict) =>
    verdict.ok ? `${verdict.release.version} ${verdict.release.platform}` : verdict.why,
  );
}

describe('a release', () => {
  test('is handed out once it was added, byte for byte, with more than one version beside it', async () => {
    const served = catalogue();
    expect(await served.list()).toEqual([]);
    await add('the first', { version: '1.9.0' });
    await add('the second', { version: '1.10.0' });
    await add('for others', { version: '1.10.0', platform: 'linux-arm64' });
    expect((await versions(await served.list())).toSorted()).toEqual([
      '1.10.0 linux-arm64',
      '1.10.0 linux-x64',
      '1.9.0 linux-x64',
    ]);
    const found = await served.open('latchkey-agent-1.10.0-linux-x64.tar.gz');
    expect(found?.bytes).toBe('the second'.length);
    expect(found === null ? null : (await buffer(found.stream)).toString()).toBe('the second');
  });

  test('is added again without harm, and never changed', async () => {
    expect((await add()).added).toBe(true);
    expect((await add()).added).toBe(false);
    expect(await codeOf(add('another archive'))).toBe('release-exists');
    const found = await catalogue().open('latchkey-agent-1.2.3-linux-x64.tar.gz');
    expect(found === null ? null : (await buffer(found.stream)).toString()).toBe('an archive');
  });

  test('leaves files for its owner alone, and none half written', async () => {
    await add();
    const { archive, statement } = await writeRelease(at('made'), signer, Buffer.from('good'), { version: '2.0.0' });
    writeFileSync(archive, 'evil');
    expect(await codeOf(addRelease({ ...places(), archive, statement, releaseKey: null }))).toBe(
      'release-archive-differs',
    );
    const names = readdirSync(places().dir);
    expect(names.toSorted()).toEqual(['latchkey-agent-1.2.3-linux-x64.json', 'latchkey-agent-1.2.3-linux-x64.tar.gz']);
    for (const name of names) expect(statSync(join(places().dir, name)).mode & 0o777).toBe(0o600);
  });

  test.each(['shorter', 'the archive and more'])('whose archive has another size is refused: %s', async (bytes) => {
    const { archive, statement } = await writeRelease(at('made'), signer, Buffer.from('the archive'));
    writeFileSync(archive, bytes);
    expect(await codeOf(addRelease({ ...places(), archive, statement, releaseKey: signer.key }))).toBe(
      'release-archive-differs',
    );
    expect(pinnedReleaseKey(places().keysDir)).toBeNull();
  });

  test('whose archive is not there is refused', async () => {
    expect(await codeOf(add('x', {}, { archive: at('nothing') }))).toBe('release-file-unreadable');
    expect(await codeOf(add('x', {}, { statement: at('nothing') }))).toBe('release-file-unreadable');
  });
});

describe('the release key', () => {
  test('must be named once, is pinned, and others are refused from then on', async () => {
    expect(await codeOf(add('x', {}, { releaseKey: null }))).toBe('release-key-unknown');
    await add('x');
    expect(readFileSync(join(places().keysDir, 'release-key'), 'utf8')).toBe(`${fingerprintOf(signer.key)}\n`);
    expect((await add('y', { version: '2.0.0' }, { releaseKey: null })).added).toBe(true);
    signer = await newSigner();
    expect(await codeOf(add('z', { version: '3.0.0' }, { releaseKey: null }))).toBe('release-key-differs');
    expect(await codeOf(add('z', { version: '3.0.0' }))).toBe('release-key-differs');
  });

  test('that another statement merely names does not make it believed', async () => {
    const thief = await newSigner();
    const { archive, statement, release } = await writeRelease(at('made'), signer, Buffer.from('x'));
    const forged = await signRelease(thief, release);
    writeFileSync(
      statement,
      JSON.stringify({ statement: { ...forged.statement, key: signer.key }, publicKey: signer.publicKey }),
    );
    const refused = addRelease({ ...places(), archive, statement, releaseKey: signer.key });
    expect(await codeOf(refused)).toBe('release-signature-wrong');
    writeFileSync(statement, '{"statement":1}');
    expect(await codeOf(addRelease({ ...places(), archive, statement, releaseKey: signer.key }))).toBe(
      'release-statement-malformed',
    );
  });

  test('is read from its fingerprint on the command line', async () => {
    const { archive } = await writeRelease(at('made'), signer, Buffer.from('x'));
    const verb = (releaseKey: string) =>
      addReleaseVerb({ dataDir: at('data'), keysDir: at('keys') }, { archive, statement: undefined, releaseKey });
    expect(await codeOf(verb('SHA256:short'))).toBe('release-key-unknown');
    expect(await verb(fingerprintOf(signer.key))).toContain('Added latchkey-agent 1.2.3 for linux-x64');
    expect(await verb(fingerprintOf(signer.key))).toContain('is there already');
  });
});

describe('what is no longer what was added', () => {
  test('is not handed out: another key, an archive that was cut, a statement under another name', async () => {
    await add('the first', { version: '1.0.0' });
    await add('the second', { version: '2.0.0' });
    const dir = places().dir;
    truncateSync(join(dir, 'latchkey-agent-2.0.0-linux-x64.tar.gz'), 3);
    const first = readFileSync(join(dir, 'latchkey-agent-1.0.0-linux-x64.json'));
    writeFileSync(join(dir, 'latchkey-agent-9.9.9-linux-x64.json'), first);
    writeFileSync(join(dir, 'latchkey-agent-9.9.9-linux-x64.tar.gz'), 'the first');
    const release = {
      v: 1,
      name: 'latchkey-agent',
      version: '8.8.8',
      platform: 'linux-x64',
      bytes: 1,
      digest: 'A'.repeat(43),
    };
    writeFileSync(
      join(dir, 'latchkey-agent-8.8.8-linux-x64.json'),
      JSON.stringify(await signRelease(await newSigner(), release)),
    );
    writeFileSync(join(dir, 'latchkey-agent-8.8.8-linux-x64.tar.gz'), 'x');
    const served = catalogue();
    expect(await versions(await served.list())).toEqual(['1.0.0 linux-x64']);
    expect(await served.open('latchkey-agent-9.9.9-linux-x64.tar.gz')).toBeNull();
  });
});

describe('over HTTP', () => {
  test('anybody gets the list, the archives and the script, and nothing beside them', async () => {
    await using world = await HttpWorld.open();
    world.releases = catalogue();
    await add('the archive');
    const list = ReleaseList.parse((await world.call('GET', '/api/v1/releases', { token: null })).json());
    expect(await versions(list.items)).toEqual(['1.2.3 linux-x64']);
    const archive = await world.call('GET', '/api/v1/releases/latchkey-agent-1.2.3-linux-x64.tar.gz', { token: null });
    expect([archive.statusCode, archive.body, archive.headers['content-length']]).toEqual([200, 'the archive', '11']);
    for (const other of [
      'latchkey-agent-1.2.3-linux-x64.json',
      '..',
      'release-key',
      'latchkey-agent-1.2.4-linux-x64.tar.gz',
    ]) {
      const reply = await world.call('GET', `/api/v1/releases/${other}`, { token: null });
      expect(reply.statusCode, other).toBe(404);
    }
    const gone = await world.call('GET', '/api/v1/releases/other.tar.gz', { token: null });
    expectError(gone, 404, 'release-not-found');
    const script = await world.call('GET', '/install/linux.sh', { token: null });
    expect([script.statusCode, script.body]).toEqual([200, '#!/bin/sh\n']);
    expect(script.headers['content-type']).toBe('text/plain; charset=utf-8');
  });
});
