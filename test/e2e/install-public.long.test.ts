import { createPrivateKey, createPublicKey } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { issueAuthority, issueLeaf } from '../../control-plane/server/keys/certificate.ts';
import type { Host } from '../support/hosts/host.ts';
import { bringWget, WGET_ALONE } from './install-faults.ts';
import { filesOf, openInstallWorld, type InstallWorld } from './install-world.ts';
import type { WorldCertificate } from './world.ts';

const DAY_MS = 24 * 3_600_000;
const NAME = 'An authority that hosts trust';

/** As from an authority that is in the hosts' list of public ones. */
function certificateFor(address: string): WorldCertificate {
  const validity = { notBefore: Date.now() - DAY_MS, notAfter: Date.now() + DAY_MS };
  const authority = issueAuthority(NAME, validity);
  const key = createPrivateKey(authority.keyPem);
  const leaf = issueLeaf(address, { name: NAME, key, publicKey: createPublicKey(authority.keyPem) }, validity);
  return { ...leaf, authorityPem: authority.certificatePem };
}

let installs: InstallWorld;
let host: Host;
let authority: string;
beforeAll(async () => {
  installs = await openInstallWorld((address) => {
    const certificate = certificateFor(address);
    authority = certificate.authorityPem;
    return certificate;
  });
  host = await installs.boot('public');
  await bringWget(host);
});
afterAll(async () => {
  await host[Symbol.asyncDispose]();
  await installs[Symbol.asyncDispose]();
});

test.each([
  { by: 'curl', shell: ['sh'] as const },
  { by: 'wget', shell: ['unshare', '--mount', 'sh', '-c', `${WGET_ALONE} && exec sh`] as const },
])('with a public certificate, $by believes it by the list of the host alone', async ({ by, shell }) => {
  const before = await filesOf(host);
  const line = await installs.line('--name', `by-${by}`);
  expect(line).not.toMatch(/ -k|--insecure|--no-check|CERTIFICATE-----/);
  expect(line.trimEnd().split('\n')).toHaveLength(3);

  const refused = await host.exec(shell, { input: `${line}\n` });
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain('latchkey: install-tls-untrusted: ');
  expect(await filesOf(host)).toEqual(before);

  await host.writeFile('/usr/local/share/ca-certificates/listed.crt', authority);
  await host.must(['update-ca-certificates']);
  const listed = await filesOf(host);
  const said = await host.exec(shell, { input: `${line}\n`, timeoutMs: 120_000 });
  expect(said.code, said.stderr).toBe(0);
  await installs.world.state(`by-${by}`, 'running');
  await host.must(['latchkey-agent', 'uninstall', '--yes']);
  expect(await filesOf(host)).toEqual(listed);
  await installs.world.state(`by-${by}`, 'offline');

  await host.must(['rm', '/usr/local/share/ca-certificates/listed.crt']);
  await host.must(['update-ca-certificates', '--fresh']);
});
