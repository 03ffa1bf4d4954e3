import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { addressBytes } from '../../../../control-plane/server/keys/certificate.ts';
import { hostOf, ownTls, providedTls } from '../../../../control-plane/server/keys/tls.ts';

const DAY_MS = 24 * 3_600_000;
const NOW = Date.UTC(2026, 0, 1);
let dir: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'latchkey-tls-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

const leafOf = (tls: { cert: string }) => new X509Certificate(tls.cert);

describe('the own authority', () => {
  test.each([
    ['https://latchkey.example:8443', 'DNS:latchkey.example'],
    ['https://192.0.2.7', 'IP Address:192.0.2.7'],
    ['https://[2001:db8::7]:8443', 'IP Address:2001:DB8:0:0:0:0:0:7'],
  ])('issues a certificate for %s', (url, name) => {
    const { tls, caPem } = ownTls(dir, url, NOW);
    const [leaf, authority] = [leafOf(tls), new X509Certificate(caPem ?? '')];
    expect(leaf.subjectAltName).toBe(name);
    expect(leaf.keyUsage).toEqual(['1.3.6.1.5.5.7.3.1']);
    expect(leaf.ca).toBe(false);
    expect(authority.ca).toBe(true);
    expect(leaf.checkIssued(authority)).toBe(true);
    expect(leaf.verify(authority.publicKey)).toBe(true);
    expect(authority.verify(authority.publicKey)).toBe(true);
    expect(leaf.validToDate.getTime()).toBe(tls.notAfter);
    // An instance whose clock was never set stands at 1970, and must believe them all the same.
    expect([leaf.validFromDate.getTime(), authority.validFromDate.getTime()]).toEqual([0, 0]);
    expect(tls.cert.endsWith(caPem ?? '?')).toBe(true);
  });

  test('is believed by a client that has its certificate, for that host alone', async () => {
    const { tls, caPem } = ownTls(dir, 'https://127.0.0.1', Date.now());
    const server = createServer({ key: tls.key, cert: tls.cert, minVersion: 'TLSv1.3' }, (_, response) =>
      response.end(),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const port = (server.address() as AddressInfo).port;
    const status = (options: { ca?: string; servername?: string }) =>
      new Promise<number | string | undefined>((resolve) => {
        const request = get({ host: '127.0.0.1', port, agent: false, ...options }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        request.on('error', (error: NodeJS.ErrnoException) => resolve(error.code));
      });
    const ca = caPem ?? '';
    expect(await status({ ca })).toBe(200);
    expect(await status({ ca, servername: 'other.example' })).toBe('ERR_TLS_CERT_ALTNAME_INVALID');
    expect(await status({})).toMatch(/SELF_SIGNED|UNABLE_TO/);
    server.close();
  });

  test('stays while leaves come and go, and so does its pin', () => {
    const first = ownTls(dir, 'https://a.example', NOW);
    const same = ownTls(dir, 'https://a.example:9443', NOW + 365 * DAY_MS);
    expect(same).toEqual(first);
    const renamed = ownTls(dir, 'https://b.example', NOW);
    expect(leafOf(renamed.tls).subjectAltName).toBe('DNS:b.example');
    expect(renamed.caPin).toBe(first.caPin);
    expect(first.caPin).toMatch(/^[A-Za-z0-9_-]{43}$/);
    // Two years, and a third of it is left.
    expect(renamed.tls.notAfter).toBe(NOW + 730 * DAY_MS);
    const late = renamed.tls.notAfter - (730 / 3) * DAY_MS;
    expect(ownTls(dir, 'https://b.example', late).tls).toEqual(renamed.tls);
    expect(ownTls(dir, 'https://b.example', late + 1_000).tls).not.toEqual(renamed.tls);
  });

  test('replaces a leaf whose key is another, as a crash between the two files leaves it', () => {
    ownTls(dir, 'https://a.example', NOW);
    const key = readFileSync(join(dir, 'tls.key'));
    ownTls(dir, 'https://b.example', NOW);
    writeFileSync(join(dir, 'tls.key'), key);
    const { tls } = ownTls(dir, 'https://b.example', NOW);
    expect(leafOf(tls).subjectAltName).toBe('DNS:b.example');
    expect(() => createServer({ key: tls.key, cert: tls.cert }).close()).not.toThrow();
  });

  test('lends itself to no other key', () => {
    ownTls(dir, 'https://a.example', NOW);
    writeFileSync(join(dir, 'ca.key'), readFileSync(join(dir, 'tls.key')));
    expect(() => ownTls(dir, 'https://b.example', NOW)).toThrow(/ca\.key" is not the key of ca\.crt/);
    rmSync(join(dir, 'ca.key'));
    expect(() => ownTls(dir, 'https://b.example', NOW)).toThrow(/ca\.key" is missing/);
  });
});

describe('a provided certificate', () => {
  const files = () => [join(dir, 'tls.crt'), join(dir, 'tls.key')] as const;

  test('is used as it is, without a pin, also when a group may read its key', () => {
    const own = ownTls(dir, 'https://a.example', NOW);
    chmodSync(files()[1], 0o640);
    const provided = providedTls(...files(), 'https://a.example', NOW);
    expect(provided).toMatchObject({ caPem: null, caPin: null, tls: { notAfter: own.tls.notAfter } });
  });

  test('is refused for another host, after its end, with another key, or with an exposed one', () => {
    const { tls } = ownTls(dir, 'https://a.example', NOW);
    const [cert, key] = files();
    expect(() => providedTls(cert, key, 'https://b.example', NOW)).toThrow('is not for "b.example"');
    expect(() => providedTls(cert, key, 'https://192.0.2.1', NOW)).toThrow('is not for "192.0.2.1"');
    expect(() => providedTls(cert, key, 'https://a.example', tls.notAfter)).toThrow('Renew it');
    expect(() => providedTls(cert, join(dir, 'ca.key'), 'https://a.example', NOW)).toThrow(
      'does not belong to the key',
    );
    expect(() => providedTls(key, key, 'https://a.example', NOW)).toThrow('holds no certificate');
    expect(() => providedTls(join(dir, 'none'), key, 'https://a.example', NOW)).toThrow('is missing');
    chmodSync(key, 0o644);
    expect(() => providedTls(cert, key, 'https://a.example', NOW)).toThrow('chmod 600');
  });
});

test('addresses become their bytes', () => {
  const hex = (address: string) => addressBytes(address).toString('hex');
  expect(hex('192.0.2.255')).toBe('c00002ff');
  expect(hex('::')).toBe('0'.repeat(32));
  expect(hex('::1')).toBe('1'.padStart(32, '0'));
  expect(hex('fe80::')).toBe('fe80'.padEnd(32, '0'));
  expect(hex('2001:db8::a:1')).toBe('20010db80000000000000000000a0001');
  expect(hex('1:2:3:4:5:6:7:8')).toBe('00010002000300040005000600070008');
  expect(hex('::ffff:192.0.2.1')).toBe('00000000000000000000ffffc0000201');
});

test('the host of a URL loses its brackets and its port', () => {
  expect(hostOf('https://[::1]:8443/')).toBe('::1');
  expect(hostOf('https://a.example:8443')).toBe('a.example');
});
