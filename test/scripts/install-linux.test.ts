import { execFile } from 'node:child_process';
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, onTestFinished, test } from 'vitest';
import { Code, explain, INSTALL_CODES } from '#protocol';
import { issueAuthority, issueLeaf } from '../../control-plane/server/keys/certificate.ts';

const script = readFileSync(new URL('../../scripts/instance/install-linux.sh', import.meta.url), 'utf8');
const said = new Map(
  [...script.matchAll(/^ {2}(install-[a-z-]+)\) echo '([^']+)' ;;$/gm)].map(([, code, text]) => [code, text]),
);

test('the installer fails with codes of the one table, in the words of that table', () => {
  const used = new Set([...script.matchAll(/\b(?:fail|failure=)\s?(install-[a-z-]+)/g)].map(([, code]) => code));
  expect(used.size).toBeGreaterThan(15);
  expect(new Set(said.keys())).toEqual(used);
  for (const [code, text] of said) {
    const { message, remedy } = explain(Code.parse(code));
    expect(text).toBe(`${message} ${remedy}`);
    expect(Object.keys(INSTALL_CODES)).toContain(code);
  }
});

test('the installer holds nothing that a line could be broken with', () => {
  expect(script).toMatch(/^#!\/bin\/sh\n/);
  expect(script).toMatch(/[^\n]\n$/);
  expect(script).not.toMatch(/[^\x09\x0a\x20-\x7e]/);
});

const validity = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 600_000 };

/** An https server of an authority of its own, on this machine. */
async function impostor(): Promise<{ url: string; authority: string }> {
  const name = 'Impostor';
  const { certificatePem, keyPem } = issueAuthority(name, validity);
  const { publicKey } = new X509Certificate(certificatePem);
  const leaf = issueLeaf('127.0.0.1', { name, key: createPrivateKey(keyPem), publicKey }, validity);
  const server = createServer({ key: leaf.keyPem, cert: leaf.certificatePem }, (_, response) => response.end('heard'));
  server.on('tlsClientError', () => undefined).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return { url: `https://127.0.0.1:${String((server.address() as AddressInfo).port)}/`, authority: certificatePem };
}

test.each([
  ['curl_trusting', '.curlrc', 'insecure', '-o -'],
  ['wget_trusting', '.wgetrc', 'check_certificate = off', '-O -'],
])('%s believes the authority of the line alone, whatever %s of that user says', async (program, file, setting, to) => {
  const home = mkdtempSync(join(tmpdir(), 'latchkey-home-'));
  onTestFinished(() => rmSync(home, { recursive: true }));
  writeFileSync(join(home, file), `${setting}\n`);
  const define = new RegExp(`^${program}\\(\\) \\{\\n[^]*?^\\}$`, 'm').exec(script)?.[0] ?? '';
  const { url, authority } = await impostor();
  const ask = (trusted: string) =>
    promisify(execFile)('sh', ['-c', `${define}\nauthority=$1; ${program} ${to} "$2"`, 'sh', trusted, url], {
      env: { PATH: process.env['PATH'], HOME: home },
    });
  expect((await ask(authority)).stdout).toBe('heard');
  const other = issueAuthority('Other', validity).certificatePem;
  await expect(ask(other)).rejects.toMatchObject({ stdout: '' });
});

test('a variable that the caller has exported by the same name does not carry the token into the environment', async () => {
  const top = mkdtempSync(join(tmpdir(), 'latchkey-environment-'));
  onTestFinished(() => rmSync(top, { recursive: true }));
  writeFileSync(join(top, 'curl'), `#!/bin/sh\nenv >>'${top}/seen'\nexit 7\n`, { mode: 0o755 });
  const names = ['token', 'authority', 'secret', 'body', 'token_id'];
  const mine = Object.fromEntries(names.map((name) => [name, 'mine']));
  const env = { ...mine, PATH: `${top}:${process.env['PATH'] ?? ''}` };
  // For a processor that there is not: it says that it begins, and ends at its first look.
  const started = promisify(execFile)('sh', ['-c', script, 'x', '--url', 'https://x.test', '--platform', 'none'], {
    env,
  });
  started.child.stdin?.end(`lkj_${'0'.repeat(36)}_${'S'.repeat(43)}_system_x\n`);
  await expect(started).rejects.toMatchObject({ code: 1 });
  const seen = readFileSync(join(top, 'seen'), 'utf8');
  expect(seen).toContain('PATH=');
  expect(seen).not.toContain('SSS');
});
