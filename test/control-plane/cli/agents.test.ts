import { execFileSync, spawnSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { fingerprintOf, INSTALL_CODES, type Signer } from '#protocol';
import { caPinOf } from '../../support/ca-pin.ts';
import { CliWorld } from '../../support/cli-world.ts';
import { newSigner } from '../../support/keys.ts';
import { signRelease } from '../../support/release.ts';
import {
  AUTHORITY,
  INSTALL_SCRIPT,
  JOIN_TOKEN_ID,
  newAuthority,
  releaseStatement,
  ReleasingControlPlane,
} from '../../support/releasing-control-plane.ts';

const PINS = '/home/operator/.local/state/latchkey/known_release_keys';
const SERVER = 'https://control-plane.test';

let plane: ReleasingControlPlane;
let cli: CliWorld;
let signer: Signer;
beforeEach(async () => {
  plane = new ReleasingControlPlane();
  cli = new CliWorld(plane);
  signer = await newSigner();
  plane.items = await Promise.all(
    ['1.1.0', '1.10.0-rc.1', '1.2.0'].map((each) => signRelease(signer, releaseStatement(each))),
  );
});

/** The authority, with lines that are base64 to a parser, of a key id behind the certificate, and commands to a shell. */
function smuggling(lines: readonly string[]): string {
  const { raw } = new X509Certificate(AUTHORITY);
  const hidden = Buffer.from(lines.join('').replaceAll(' ', ''), 'base64');
  const padding = Buffer.alloc((6 - ((raw.length + 4) % 3)) % 3);
  const keyId = [0x04, padding.length + hidden.length];
  const open = Buffer.concat([
    raw,
    Buffer.from([0x30, keyId.length + padding.length + hidden.length, ...keyId]),
    padding,
  ]);
  const text = [...(open.toString('base64').match(/.{1,64}/g) ?? []), ...lines];
  return ['-----BEGIN CERTIFICATE-----', ...text, '-----END CERTIFICATE-----', ''].join('\n');
}

const install = (...options: string[]) => cli.run('agents', 'install-command', ...options);

describe('the line', () => {
  test('names the newest finished release by its hash, carries token and authority in a here-document, and is a command', async () => {
    expect(await install('--project', 'web', '--uses', '3', '--ttl', '15m'), cli.err).toBe(0);
    const [command = '', token, ...rest] = cli.out.trimEnd().split('\n');
    expect(command).toMatch(/^ history -s /);
    const sha256 = createHash('sha256').update('1.2.0 linux-x64').digest('hex');
    expect(command).toContain(
      ` '${SERVER}' ${createHash('sha256').update(INSTALL_SCRIPT).digest('hex')} --version 1.2.0 --platform linux-x64 --bytes 1000 --sha256 ${sha256} <<'LATCHKEY'`,
    );
    expect(token).toMatch(/^lkj_/);
    expect(command).not.toContain('lkj_');
    expect(rest.join('\n')).toBe(`${AUTHORITY.trim()}\nLATCHKEY`);
    expect(plane.made).toMatchObject([{ type: 'join', project: 'web', uses: 3, ttlMs: 900_000 }]);
    expect(cli.err).toContain(`latchkey tokens revoke ${JOIN_TOKEN_ID}`);
    expect(() => execFileSync('sh', ['-n'], { input: cli.out })).not.toThrow();
  });

  test('is for one instance, another version, processor, address, without a service: as the options say', async () => {
    const options = [
      '--instance',
      'web-1',
      '--re-enrol',
      '--version',
      '1.1.0',
      '--no-service',
      '--agent-url',
      'https://10.0.0.1:8443',
    ];
    expect(await install(...options), cli.err).toBe(0);
    expect(cli.out).toContain("'https://10.0.0.1:8443' ");
    expect(cli.out).toMatch(/--version 1\.1\.0 .* --no-service <</);
    expect(plane.made).toMatchObject([{ type: 'join', instance: 'web-1', reEnrol: true }]);
  });

  test('carries no authority where the certificate is a public one', async () => {
    plane.pem = plane.caPin = null;
    expect(await install()).toBe(0);
    expect(cli.out).not.toContain('CERTIFICATE');
  });

  test('holds nothing that a stolen control plane could smuggle into the shell within the authority', async () => {
    plane.pem = smuggling(['LATCHKEY', 'chmod 0777 /etc/shadow']);
    plane.caPin = caPinOf(plane.pem);
    expect(await install(), cli.err).toBe(0);
    const lines = cli.out.trimEnd().split('\n');
    expect(lines.filter((each) => each === 'LATCHKEY')).toHaveLength(1);
    expect(lines.slice(2).join('\n')).toBe(`${AUTHORITY.trim()}\nLATCHKEY`);
  });

  test('puts the token into no environment, also where a variable of the same name was exported', async () => {
    await install();
    const top = mkdtempSync(join(tmpdir(), 'latchkey-line-'));
    onTestFinished(() => rmSync(top, { recursive: true }));
    writeFileSync(join(top, 'curl'), `#!/bin/sh\nenv >>'${top}/seen'\nexit 7\n`, { mode: 0o755 });
    const mine = { t: 'mine', c: 'mine', s: 'mine' };
    const env = { ...mine, PATH: `${top}:${process.env['PATH'] ?? ''}` };
    expect(spawnSync('sh', { input: cli.out, env, encoding: 'utf8' })).toMatchObject({ status: 1 });
    const seen = readFileSync(join(top, 'seen'), 'utf8');
    expect(seen).toContain('PATH=');
    expect(seen).not.toContain('lkj_');
  });

  test('is one JSON object for programs', async () => {
    expect(await install('--json')).toBe(0);
    expect(cli.json()).toMatchObject({ tokenId: JOIN_TOKEN_ID, version: '1.2.0', platform: 'linux-x64' });
  });
});

test('the line says what is wrong by codes of the one table', async () => {
  await install();
  const codes = [...cli.out.matchAll(/"(install-[a-z-]+):/g)].map(([, code]) => code);
  expect(codes.length).toBeGreaterThan(4);
  for (const code of codes) expect(Object.keys(INSTALL_CODES)).toContain(code);
});

describe('as user data of cloud-init', () => {
  test('the line stands in a list of commands, whole, for a quarter of an hour, and says who can read it', async () => {
    expect(await install('--name', 'web-1'), cli.err).toBe(0);
    const line = cli.out.trimStart().trimEnd().split('\n');
    expect(await install('--name', 'web-1', '--format', 'cloud-init'), cli.err).toBe(0);
    const lines = cli.out.trimEnd().split('\n');
    expect(lines[0]).toBe('#cloud-config');
    expect(cli.out).toContain('It holds a join token');
    expect(cli.out).toContain('which the metadata service answers');
    const start = lines.indexOf('  - |');
    expect(lines[start - 1]).toBe('runcmd:');
    expect(lines.slice(start + 1)).toEqual(line.map((text) => `    ${text}`));
    expect(plane.made).toMatchObject([{}, { type: 'join', ttlMs: 900_000 }]);
    await install('--format', 'cloud-init', '--ttl', '2h');
    expect(plane.made[2]).toMatchObject({ ttlMs: 7_200_000 });
  });
});

describe('as a playbook of Ansible', () => {
  test('there is no token in it, and none is made; each host asks for its own', async () => {
    const options = ['--project', 'web', '--version', '1.1.0', '--agent-url', 'https://10.0.0.1:8443', '--no-service'];
    expect(await install('--format', 'ansible', ...options), cli.err).toBe(0);
    expect(plane.made).toEqual([]);
    expect(cli.out).not.toContain('lkj_');
    expect(cli.out).toContain(
      '"--arch", "x64", "--ttl", "15m", "--version", "1.1.0", "--project", "web", "--agent-url", "https://10.0.0.1:8443", "--no-service", "--name", "{{ inventory_hostname }}"]',
    );
  });

  test.each([['--name', 'a'], ['--instance', 'a'], ['--uses', '2'], ['--json']])(
    '%s does not go with it',
    async (...flags) => {
      expect(await install('--format', 'ansible', ...flags)).toBe(2);
      expect(cli.err + cli.out).toContain('usage-invalid');
      expect(plane.made).toEqual([]);
    },
  );
});

describe('no line is printed, and no token made,', () => {
  test.each([
    ['for an unknown version', ['--version', '7.7.7'], 'release-missing'],
    ['for another processor', ['--arch', 'arm64'], 'release-missing'],
    ['for another system', ['--os', 'windows'], 'usage-invalid'],
    ['with an address that breaks out of its quotes', ['--agent-url', "https://a.test/'; rm -rf /"], 'usage-invalid'],
    ['with a name that is none', ['--name', 'a b'], 'usage-invalid'],
    ['with a name for an instance that has one', ['--name', 'a', '--instance', 'b'], 'usage-invalid'],
    ['with an identity replaced in general', ['--re-enrol'], 'usage-invalid'],
    ['with a version that breaks out', ['--version', '1.0.0;x'], 'usage-invalid'],
  ])('%s', async (_what, options, code) => {
    expect(await install('--json', ...options)).toBe(2);
    expect(cli.failure().code).toBe(code);
    expect(plane.made).toEqual([]);
  });

  test('for Windows, and it says that there is no agent for it', async () => {
    expect(await install('--os', 'windows')).toBe(2);
    expect(cli.err).toContain('this version has no agent for Windows');
    expect(plane.made).toEqual([]);
  });

  test('before a release has been added, and it says how to', async () => {
    plane.items = [];
    expect(await install()).toBe(2);
    expect(cli.err).toContain('no release has been added yet');
    expect(cli.err).toContain('latchkey server add-release');
    expect(plane.made).toEqual([]);
    expect(cli.files.has(PINS)).toBe(false);
  });

  test('where another script is served', async () => {
    plane.script = createHash('sha256').update('evil').digest('base64url');
    expect(await install('--json')).toBe(2);
    expect(cli.failure().code).toBe('install-script-differs');
  });

  test('where a release is not what its key has signed', async () => {
    const [good] = plane.items as { statement: { bytes: string } }[];
    const bytes = Buffer.from(JSON.stringify(releaseStatement('9.9.9'))).toString('base64url');
    plane.items = [{ ...good, statement: { ...good?.statement, bytes } }];
    expect(await install('--json')).toBe(2);
    expect(cli.failure().code).toBe('release-unsigned');
    expect(plane.made).toEqual([]);
    expect(cli.files.has(PINS)).toBe(false);
  });

  test('where the authority is not the one of the join token', async () => {
    plane.pem = newAuthority('Other');
    expect(await install('--json')).toBe(2);
    expect(cli.failure().code).toBe('authority-mismatch');
  });
});

describe('the release key', () => {
  test('is pinned when it is first seen, and said', async () => {
    await install();
    expect(cli.err).toContain(`is pinned: ${fingerprintOf(signer.key)} (seen for the first time`);
    expect(cli.files.get(PINS)?.text).toContain(`${SERVER} ${fingerprintOf(signer.key)}\n`);
    await install();
    expect(cli.err).not.toContain('pinned');
  });

  test('that is another one is refused until the operator names it', async () => {
    await install();
    const other = await newSigner();
    plane.items = [await signRelease(other, releaseStatement('2.0.0'))];
    expect(await install('--json')).toBe(2);
    expect(cli.failure()).toMatchObject({ code: 'release-key-changed' });
    expect(cli.failure().details[0]?.message).toContain(fingerprintOf(other.key));
    expect(await install('--release-key', fingerprintOf(other.key))).toBe(0);
    expect(await install()).toBe(0);
    expect(plane.made).toHaveLength(3);
  });

  test('that the operator names holds for the first use, too', async () => {
    const other = await newSigner();
    expect(await install('--json', '--release-key', fingerprintOf(other.key))).toBe(2);
    expect(cli.failure().code).toBe('release-key-changed');
  });

  test('whose file is damaged stops everything', async () => {
    cli.files.set(PINS, { text: 'nonsense\n', mode: 0o100600 });
    expect(await install('--json')).toBe(2);
    expect(cli.failure().code).toBe('configuration-invalid');
  });
});

describe('the script key of the join token', () => {
  const SCRIPT_PINS = PINS.replace('release', 'script');

  test('is pinned when it is first seen; a stolen control plane that names another one gets no line and no token out', async () => {
    expect(await install()).toBe(0);
    expect(cli.err).toContain(`script key of ${SERVER} is pinned: ${fingerprintOf(plane.scriptKey)} (seen for the`);
    expect(cli.files.get(SCRIPT_PINS)?.text).toContain(`${SERVER} ${fingerprintOf(plane.scriptKey)}\n`);
    plane.scriptKey = (await newSigner()).key;
    for (const format of ['line', 'cloud-init']) {
      expect(await install('--format', format)).toBe(2);
      expect(cli.err).toContain('script-key-changed');
      expect(cli.out).toBe('');
    }
    expect(await cli.run('tokens', 'create', '--type', 'join', '--json')).toBe(2);
    expect(cli.failure().code).toBe('script-key-changed');
    expect(await cli.run('tokens', 'create', '--type', 'join', '--out', '/home/operator/join')).toBe(2);
    expect(cli.files.has('/home/operator/join')).toBe(false);
  });

  test('may be named, at first and in place of another one', async () => {
    const other = fingerprintOf((await newSigner()).key);
    expect(await install('--json', '--script-key', other)).toBe(2);
    expect(cli.failure().code).toBe('script-key-changed');
    expect(await install('--script-key', fingerprintOf(plane.scriptKey))).toBe(0);
    plane.scriptKey = (await newSigner()).key;
    expect(await install('--script-key', fingerprintOf(plane.scriptKey))).toBe(0);
    expect(await install()).toBe(0);
    expect(await cli.run('tokens', 'create', '--name', 'a', '--role', 'viewer', '--script-key', other)).toBe(2);
  });
});

test('releases are listed with their hashes', async () => {
  expect(await cli.run('agents', 'releases')).toBe(0);
  expect(cli.out).toContain('1.10.0-rc.1');
  expect(cli.out).toContain(createHash('sha256').update('1.1.0 linux-x64').digest('hex'));
});
