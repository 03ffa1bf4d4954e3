import { chmod, chown, mkdtemp, readdir, readFile, rm, stat, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { configPath, parseConfigFile, resolveConnection, statePath } from '../../../control-plane/cli/config/config.ts';
import { createFiles } from '../../../control-plane/cli/node/files.ts';
import { CliWorld } from '../../support/cli-world.ts';
import { FAKE_TOKEN, FakeControlPlane } from '../../support/fake-control-plane.ts';

const codeOf = (run: () => unknown) => {
  try {
    run();
    return null;
  } catch (error) {
    return (error as { code?: unknown }).code;
  }
};

describe('where the control plane is', () => {
  const env = { LATCHKEY_URL: 'https://env.test', LATCHKEY_TOKEN: 'env-token', LATCHKEY_CA: '/env.pem' };
  const file = { url: 'https://file.test/', token: 'file-token', ca: '/file.pem' };

  test('flags come before the environment, which comes before the file', () => {
    const flags = { url: 'https://flag.test', tokenFile: '/token', ca: '/flag.pem' };
    expect(resolveConnection(flags, env, file)).toEqual({
      url: 'https://flag.test',
      token: { kind: 'file', path: '/token' },
      caPath: '/flag.pem',
    });
    expect(resolveConnection({}, env, file)).toMatchObject({
      url: 'https://env.test',
      token: { value: 'env-token' },
      caPath: '/env.pem',
    });
    expect(resolveConnection({}, {}, file)).toMatchObject({
      url: 'https://file.test',
      token: { value: 'file-token' },
      caPath: '/file.pem',
    });
    expect(resolveConnection({}, { ...env, LATCHKEY_CA: '' }, null).caPath).toBeNull();
  });

  test.each([
    ['http://plain.test', 'usage-invalid'],
    ['nonsense', 'usage-invalid'],
    ['https://user:secret@host.test', 'usage-invalid'],
    ['https://host.test/?x=1', 'usage-invalid'],
  ])('%s is refused', (url, code) => expect(codeOf(() => resolveConnection({ url }, env, null))).toBe(code));

  test('a missing URL, a missing token and one that is none are said', () => {
    expect(codeOf(() => resolveConnection({}, {}, null))).toBe('configuration-invalid');
    expect(codeOf(() => resolveConnection({}, { LATCHKEY_URL: 'https://x.test' }, null))).toBe('configuration-invalid');
    expect(codeOf(() => resolveConnection({}, { ...env, LATCHKEY_TOKEN: 'two words' }, null))).toBe(
      'configuration-invalid',
    );
  });

  test('directories follow the XDG base directory specification', () => {
    expect(configPath({}, '/home/o')).toBe('/home/o/.config/latchkey/config.json');
    expect(configPath({ XDG_CONFIG_HOME: '/c' }, '/home/o')).toBe('/c/latchkey/config.json');
    expect(statePath({ XDG_STATE_HOME: 'relative' }, '/home/o')).toBe('/home/o/.local/state/latchkey');
  });
});

describe('the configuration file', () => {
  const parse = (value: unknown, mode: number | null) => parseConfigFile('/c/config.json', JSON.stringify(value), mode);

  test.each([
    [{ token: 't' }, 0o100600, null],
    [{ token: 't' }, 0o100640, 'configuration-exposed'],
    [{ token: 't' }, 0o100604, 'configuration-exposed'],
    [{ token: 't' }, null, null],
    [{ url: 'https://x.test' }, 0o100644, null],
    [{ colour: 'red' }, 0o100600, 'configuration-invalid'],
    [[], 0o100600, 'configuration-invalid'],
  ])('%j with mode %o: %s', (value, mode, code) => expect(codeOf(() => parse(value, mode))).toBe(code));

  test('names files relative to itself', () => {
    expect(parse({ ca: 'ca.pem', tokenFile: '/t' }, 0o100600)).toEqual({ ca: '/c/ca.pem', tokenFile: '/t' });
  });

  test('is used by a command; a token may come from a file or standard input', async () => {
    const world = new CliWorld(new FakeControlPlane());
    world.env = {};
    const config = { url: 'https://file.test', tokenFile: 'token', ca: 'ca.pem' };
    world.files.set('/home/operator/.config/latchkey/config.json', { text: JSON.stringify(config), mode: 0o100644 });
    world.files.set('/home/operator/.config/latchkey/token', { text: `${FAKE_TOKEN}\n`, mode: 0o100600 });
    world.files.set('/home/operator/.config/latchkey/ca.pem', { text: 'PEM', mode: 0o100644 });
    expect(await world.run('instances', 'list')).toBe(0);
    world.stdin = Buffer.from(`${FAKE_TOKEN}\n`);
    expect(await world.run('instances', 'list', '--token-file', '-')).toBe(0);
    expect(world.connections).toMatchObject([
      { url: 'https://file.test', token: FAKE_TOKEN, ca: 'PEM' },
      { url: 'https://file.test', token: FAKE_TOKEN },
    ]);
    world.files.delete('/home/operator/.config/latchkey/ca.pem');
    expect(await world.run('instances', 'list')).toBe(2);
    expect(world.err).toContain('ca.pem: there is no such file');
  });
});

describe('a token file', () => {
  test.each([
    ['that others can read', 0o100644, 2],
    ['that its group can read', 0o100640, 2],
    ['that is its owner’s alone', 0o100600, 0],
    ['that is a pipe', 0o010644, 0],
    ['without permission bits', null, 0],
  ])('%s', async (_, mode, exitCode) => {
    const world = new CliWorld(new FakeControlPlane());
    world.env = { LATCHKEY_URL: 'https://control-plane.test' };
    world.files.set('/secret/token', { text: `${FAKE_TOKEN}\n`, mode });
    expect(await world.run('instances', 'list', '--token-file', '/secret/token')).toBe(exitCode);
    expect(world.connections).toHaveLength(exitCode === 0 ? 1 : 0);
    if (exitCode === 2) {
      expect(world.err).toContain('[configuration-exposed]');
      expect(world.err).toContain('chmod 600 /secret/token');
    }
  });

  test('named by the configuration file is looked at in the same way', async () => {
    const world = new CliWorld(new FakeControlPlane());
    world.env = {};
    const config = JSON.stringify({ url: 'https://file.test', tokenFile: 'token' });
    world.files.set('/home/operator/.config/latchkey/config.json', { text: config, mode: 0o100644 });
    world.files.set('/home/operator/.config/latchkey/token', { text: FAKE_TOKEN, mode: 0o100604 });
    expect(await world.run('instances', 'list')).toBe(2);
    expect(world.err).toContain('chmod 600 /home/operator/.config/latchkey/token');
  });
});

describe('files', () => {
  let directory: string;
  const files = createFiles();
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'latchkey-cli-'));
  });
  afterEach(() => rm(directory, { recursive: true }));

  test('are written whole, for their owner alone, and leave nothing beside them', async () => {
    const path = join(directory, 'deep', 'known_instances');
    await files.writeAtomically(path, 'one');
    await files.writeAtomically(path, 'two');
    expect(await readFile(path, 'utf8')).toBe('two');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(directory, 'deep'))).mode & 0o777).toBe(0o700);
    expect(await readdir(join(directory, 'deep'))).toEqual(['known_instances']);
  });

  test('are read with their mode, bounded, and null when they are not there', async () => {
    const path = join(directory, 'x');
    await writeFile(path, 'text', { mode: 0o640 });
    expect(await files.read(path, 4)).toMatchObject({ text: 'text' });
    expect(((await files.read(path, 4))?.mode ?? 0) & 0o777).toBe(0o640);
    await expect(files.read(path, 3)).rejects.toMatchObject({ code: 'EFBIG' });
    expect(await files.read(join(directory, 'none'), 4)).toBeNull();
    await expect(files.read(directory, 4_096)).rejects.toMatchObject({ code: 'EISDIR' });
  });

  describe('are weak', () => {
    const made = async (modes: { folder: number; file: number }) => {
      const path = join(directory, 'state', 'known_instances');
      await files.writeAtomically(path, 'text');
      await chmod(path, modes.file);
      await chmod(join(directory, 'state'), modes.folder);
      return path;
    };

    test.each([
      ['never when they are only this user’s', 0o700, 0o600, null],
      ['never when others can only read them', 0o755, 0o644, null],
      ['when the group can write them', 0o700, 0o620, /^it can be written by other users$/],
      ['when everybody can write them', 0o700, 0o602, /^it can be written by other users$/],
      ['when the group can write their folder', 0o770, 0o600, /^its folder .* can be written/],
      ['when everybody can write their folder', 0o702, 0o600, /^its folder .* can be written/],
      ['not because everybody can make files beside them', 0o1777, 0o600, null],
    ])('%s', async (_, folder, file, expected) => {
      const weakness = await files.weakness(await made({ folder, file }));
      if (expected === null) expect(weakness).toBeNull();
      else expect(weakness).toMatch(expected);
    });

    test('not when they are not there', async () => {
      expect(await files.weakness(join(directory, 'none', 'known_instances'))).toBeNull();
    });

    test('when their owner is somebody else who is not root', async () => {
      const path = await made({ folder: 0o700, file: 0o600 });
      const { uid } = await stat(path);
      if (uid === 0) await chown(path, 4_000, 4_000);
      expect(await createFiles(4_001).weakness(path)).toBe(`it belongs to another user (${uid === 0 ? 4_000 : uid})`);
      if (uid === 0) expect(await createFiles(4_000).weakness(path)).toBeNull(); // root's folder is as good as one's own
    });
  });

  test('with a secret are made anew for their owner alone, and never in the place of another', async () => {
    const path = join(directory, 'token');
    const file = await files.createPrivate(path);
    await file.write('secret');
    expect(await readFile(path, 'utf8')).toBe('secret');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await expect(files.createPrivate(path)).rejects.toMatchObject({ code: 'EEXIST' });
    await symlink(join(directory, 'elsewhere'), join(directory, 'link'));
    await expect(files.createPrivate(join(directory, 'link'))).rejects.toMatchObject({ code: 'EEXIST' });
    const given = await files.createPrivate(join(directory, 'given-up'));
    await given.write('half');
    await given.discard(); // Also once it was written.
    await (await files.createPrivate(join(directory, 'given-up'))).discard();
    expect(await readdir(directory)).toEqual(['link', 'token']);
  });

  test('go when they are old', async () => {
    const [old, young] = [join(directory, 'old'), join(directory, 'young')];
    await writeFile(old, '');
    await writeFile(young, '');
    await utimes(old, 0, 0);
    await files.removeOlderThan(directory, 60_000);
    expect(await readdir(directory)).toEqual(['young']);
    await files.removeOlderThan(join(directory, 'none'), 60_000);
  });
});
