import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execPath } from 'node:process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ControlPlane } from '../support/control-plane.ts';
import { openTlsGateway, type TlsGateway } from '../support/tls-gateway.ts';

const HTTPS = fileURLToPath(new URL('../../../agent/node/https.ts', import.meta.url));
const ASK = `
  const { requestHttps } = await import(process.argv[1]);
  const asked = { method: 'GET', url: new URL(process.argv[2]), trust: { ca: null }, environment: {} };
  console.log(await requestHttps(asked).then(() => 'answered', (error) => error.code));
`;

let gateway: TlsGateway;
let directory: string;
beforeAll(async () => {
  gateway = await openTlsGateway({ controlPlane: await ControlPlane.create() });
  directory = await mkdtemp(join(tmpdir(), 'latchkey-authorities-'));
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await rm(directory, { recursive: true });
});

/** Where OpenSSL looks for what the machine trusts. In a process of its own: each looks once. */
async function askedWhere(trusted: string): Promise<string> {
  const file = join(directory, 'trusted.pem');
  await writeFile(file, trusted);
  const url = new URL('/api/v1/ca', gateway.url).href;
  const env = { SSL_CERT_FILE: file, SSL_CERT_DIR: directory };
  const { stdout } = await promisify(execFile)(execPath, ['--input-type=module', '--eval', ASK, HTTPS, url], { env });
  return stdout.trim();
}

test('without an authority of its own, the agent believes those that its machine believes', async () => {
  expect(await askedWhere(gateway.ca)).toBe('answered');
});

test('and no others', async () => {
  await using other = await openTlsGateway({ controlPlane: await ControlPlane.create() });
  expect(await askedWhere(other.ca)).toMatch(/CERT|VERIFY|ISSUER/);
});
