import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { beforeEach, describe, expect, test } from 'vitest';
import { fingerprintOf, formatJoinToken, Thumbprint, TokenId, toBase64Url, type Signer } from '#protocol';
import { issueAuthority } from '../../../control-plane/server/keys/certificate.ts';
import { caPinOf } from '../../support/ca-pin.ts';
import { CliWorld } from '../../support/cli-world.ts';
import { FakeControlPlane, type Answer } from '../../support/fake-control-plane.ts';
import { newSigner } from '../../support/keys.ts';
import { signRelease } from '../../support/release.ts';

const PINS = '/home/operator/.local/state/latchkey/known_release_keys';
const SERVER = 'https://control-plane.test';
const TOKEN_ID = TokenId.parse('9c8b7a69-5847-4362-9514-03f2e1d0c9b8');
const script = readFileSync(new URL('../../../scripts/instance/install-linux.sh', import.meta.url));
const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 60_000 };
const { certificatePem: PEM } = issueAuthority('Test', validity);

const statement = (version: string, platform = 'linux-x64') => ({
  ...{ v: 1, name: 'latchkey-agent', version, platform, bytes: 1000 },
  digest: toBase64Url(createHash('sha256').update(`${version} ${platform}`).digest()),
});

/** Adds to the control plane in memory what is asked for before a line is printed. */
class Releasing extends FakeControlPlane {
  items: unknown[] = [];
  script = createHash('sha256').update(script).digest('base64url');
  pem: string | null = PEM;
  caPin: string | null = caPinOf(PEM);
  readonly made: unknown[] = [];

  override async handle(method: string, target: string, authorization: string, body: string): Promise<Answer> {
    switch (`${method} ${target}`) {
      case 'GET /api/v1/releases':
        return { status: 200, json: { items: this.items, installScript: this.script } };
      case 'GET /api/v1/ca':
        return this.pem === null
          ? { status: 404, json: { code: 'route-not-found', message: 'x', remedy: 'y', details: [], requestId: '1' } }
          : { status: 200, json: { pem: this.pem } };
      case 'POST /api/v1/tokens': {
        this.made.push(JSON.parse(body));
        const scriptKey = Thumbprint.parse('A'.repeat(43));
        const token = formatJoinToken({ id: TOKEN_ID, secret: 'B'.repeat(42) + 'A', caPin: this.caPin, scriptKey });
        return { status: 201, json: { id: TOKEN_ID, token, expiresAt: 1_795_435_200_000 } };
      }
    }
    return super.handle(method, target, authorization, body);
  }
}

let plane: Releasing;
let cli: CliWorld;
let signer: Signer;
beforeEach(async () => {
  plane = new Releasing();
  cli = new CliWorld(plane);
  signer = await newSigner();
  plane.items = await Promise.all(
    ['1.1.0', '1.10.0-rc.1', '1.2.0'].map((each) => signRelease(signer, statement(each))),
  );
});

const install = (...options: string[]) => cli.run('agents', 'install-command', ...options);

describe('the line', () => {
  test('names the newest finished release by its hash, carries token and authority in a here-document, and is a command', async () => {
    expect(await install('--project', 'web', '--uses', '3', '--ttl', '15m'), cli.err).toBe(0);
    const [command = '', token, ...rest] = cli.out.trimEnd().split('\n');
    expect(command).toMatch(/^ history -s /);
    const sha256 = createHash('sha256').update('1.2.0 linux-x64').digest('hex');
    expect(command).toContain(
      ` '${SERVER}' ${createHash('sha256').update(script).digest('hex')} --version 1.2.0 --platform linux-x64 --bytes 1000 --sha256 ${sha256} <<'LATCHKEY'`,
    );
    expect(token).toMatch(/^lkj_/);
    expect(command).not.toContain('lkj_');
    expect(rest.join('\n')).toBe(`${PEM.trim()}\nLATCHKEY`);
    expect(plane.made).toMatchObject([{ type: 'join', project: 'web', uses: 3, ttlMs: 900_000 }]);
    expect(cli.err).toContain(`latchkey tokens revoke ${TOKEN_ID}`);
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

  test('is one JSON object for programs', async () => {
    expect(await install('--json')).toBe(0);
    expect(cli.json()).toMatchObject({ tokenId: TOKEN_ID, version: '1.2.0', platform: 'linux-x64' });
  });
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

  test('where another script is served', async () => {
    plane.script = createHash('sha256').update('evil').digest('base64url');
    expect(await install('--json')).toBe(2);
    expect(cli.failure().code).toBe('install-script-differs');
  });

  test('where a release is not what its key has signed', async () => {
    const [good] = plane.items as { statement: { bytes: string } }[];
    const bytes = Buffer.from(JSON.stringify(statement('9.9.9'))).toString('base64url');
    plane.items = [{ ...good, statement: { ...good?.statement, bytes } }];
    expect(await install('--json')).toBe(2);
    expect(cli.failure().code).toBe('release-unsigned');
    expect(plane.made).toEqual([]);
    expect(cli.files.has(PINS)).toBe(false);
  });

  test('where the authority is not the one of the join token', async () => {
    plane.pem = issueAuthority('Other', validity).certificatePem;
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
    plane.items = [await signRelease(other, statement('2.0.0'))];
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

test('releases are listed with their hashes', async () => {
  expect(await cli.run('agents', 'releases')).toBe(0);
  expect(cli.out).toContain('1.10.0-rc.1');
  expect(cli.out).toContain(createHash('sha256').update('1.1.0 linux-x64').digest('hex'));
});
