import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { judgeKeySet, verifyEd25519 } from '#protocol';
import { finishAuthorityRotation, rotateAuthority } from '../../../../control-plane/server/keys/authority-rotation.ts';
import { loadKeyring } from '../../../../control-plane/server/keys/keyring.ts';
import { rotateOrderKey } from '../../../../control-plane/server/keys/offline.ts';
import type { TlsMaterial } from '../../../../control-plane/server/keys/tls.ts';
import { caPinOf } from '../../../support/ca-pin.ts';

const DAY_MS = 24 * 3_600_000;
const NOW = Date.now();
let top: string;
let dir: string;
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'latchkey-rotation-'));
  dir = join(top, 'keys');
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

const file = (name: string) => join(dir, name);
const text = (name: string) => readFileSync(file(name), 'utf8');
const load = (now = NOW) => loadKeyring({ dir, publicUrl: 'https://127.0.0.1', now });
const offline = (now = NOW) => ({ dir, scriptKeyFile: file('script.key'), now });
const named = (pem: string) => new X509Certificate(pem).raw.toString('base64url');

/** What a client says that trusts this authority alone. */
async function met(tls: TlsMaterial, ca: string): Promise<string> {
  const server = createServer({ key: tls.key, cert: tls.cert }, (_, response) => response.end());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  try {
    return await new Promise((resolve) => {
      const asked = get({ host: '127.0.0.1', port, ca, agent: false }, (response) => {
        response.resume();
        resolve('believed');
      });
      asked.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'failed'));
    });
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

describe('rotating the authority', () => {
  test('tells agents of the new one beside the old one, in a set that they take over', async () => {
    const before = await load();
    const old = text('ca.crt');
    const { version, caPin } = await rotateAuthority(offline());
    const after = await load();
    expect([version, after.keySet.version, after.rotatingAuthority]).toEqual([2, 2, true]);
    expect(after.keySet.authorities).toEqual([named(text('ca.crt')), named(old)]);
    expect([after.caPin, caPinOf(text('ca.crt'))]).toEqual([caPin, caPin]);
    expect(caPin).not.toBe(before.caPin);
    expect(await judgeKeySet(verifyEd25519, before.keySet, after.signedKeySet)).toMatchObject({ changed: true });
    // Join tokens from before are compared with each of them.
    expect(after.caPem?.match(/BEGIN/g)).toHaveLength(2);
    expect(caPinOf(after.caPem ?? '')).toBe(caPin);
    expect(readdirSync(dir).filter((name) => name.endsWith('.next'))).toEqual([]);
  });

  test('is believed by who knows only the old authority, in the overlap and after its end; not the other way', async () => {
    const before = await load();
    const old = text('ca.crt');
    await rotateAuthority(offline());
    const { tls } = await load();
    expect([await met(tls, old), await met(tls, text('ca.crt'))]).toEqual(['believed', 'believed']);
    expect(await met(before.tls, text('ca.crt'))).toMatch(/CERT|SIGNATURE|ISSUER/);
    await finishAuthorityRotation(offline());
    const finished = await load();
    expect(finished.tls).toEqual(tls);
    expect(finished.keySet.authorities).toEqual([named(text('ca.crt'))]);
    expect([finished.caPem, finished.rotatingAuthority]).toEqual([text('ca.crt'), false]);
    expect(await judgeKeySet(verifyEd25519, before.keySet, finished.signedKeySet)).toMatchObject({ changed: true });
  });

  test('again and again still is believed by who was away all the time, until the first authority ends', async () => {
    await load();
    const first = text('ca.crt');
    for (const day of [1, 2, 3]) {
      await rotateAuthority(offline(NOW + day * DAY_MS));
      await finishAuthorityRotation(offline(NOW + day * DAY_MS));
    }
    expect(await met((await load()).tls, first)).toBe('believed');
    const end = new X509Certificate(first).validToDate.getTime();
    const chain = (at: number) => load(at).then(({ tls }) => tls.cert.match(/BEGIN/g)?.length);
    // The first one vouches no longer than it lives itself.
    expect([await chain(end - DAY_MS), await chain(end + 1)]).toEqual([4, 3]);
  });

  test('leaves the order keys alone, and they leave it alone', async () => {
    const before = await load();
    await rotateAuthority(offline());
    const { authorities } = (await load()).keySet;
    await rotateOrderKey(offline());
    const after = await load();
    expect(after.keySet.authorities).toEqual(authorities);
    expect(after.orderSigner.key).not.toBe(before.orderSigner.key);
  });

  test('is one at a time, and ends once', async () => {
    await load();
    const unbegun = { code: 'authority-rotation-not-begun' };
    await expect(finishAuthorityRotation(offline())).rejects.toMatchObject(unbegun);
    await rotateAuthority(offline());
    await expect(rotateAuthority(offline())).rejects.toMatchObject({ code: 'authority-rotation-unfinished' });
    await finishAuthorityRotation(offline());
    await expect(finishAuthorityRotation(offline())).rejects.toMatchObject(unbegun);
  });

  test('needs the script key', async () => {
    await load();
    const before = text('ca.crt') + text('key-set.json');
    const rotation = rotateAuthority({ ...offline(), scriptKeyFile: file('order.key') });
    await expect(rotation).rejects.toMatchObject({ code: 'script-key-not-accepted' });
    expect(text('ca.crt') + text('key-set.json')).toBe(before);
    await rotateAuthority(offline());
    const finish = finishAuthorityRotation({ ...offline(), scriptKeyFile: file('order.key') });
    await expect(finish).rejects.toMatchObject({ code: 'script-key-not-accepted' });
  });
});

describe('a rotation that was interrupted', () => {
  const WRITTEN = ['ca.key.next', 'ca.crt.next', 'ca-chain.crt.next'];
  const PUT_IN_PLACE = ['ca-chain.crt', 'ca.crt', 'ca.key'];

  test('before the key set names the new authority never happened, and can be begun again', async () => {
    const before = await load();
    cpSync(dir, join(top, 'before'), { recursive: true });
    await rotateAuthority(offline());
    for (const count of WRITTEN.keys()) {
      const left = WRITTEN.slice(0, count + 1).map((next) => [next, text(next.replace(/\.next$/, ''))] as const);
      cpSync(dir, join(top, 'after'), { recursive: true });
      rmSync(dir, { recursive: true });
      cpSync(join(top, 'before'), dir, { recursive: true });
      for (const [name, content] of left) writeFileSync(file(name), content, { mode: 0o600 });
      expect(await load().then(({ caPin, tls }) => [caPin, tls])).toEqual([before.caPin, before.tls]);
      const { caPin } = await rotateAuthority(offline());
      expect((await load()).caPin).toBe(caPin);
    }
  });

  test('after that is ended by the next start, wherever it stopped', async () => {
    await load();
    cpSync(dir, join(top, 'before'), { recursive: true });
    const { caPin } = await rotateAuthority(offline());
    cpSync(dir, join(top, 'after'), { recursive: true });
    for (const count of [0, 1, 2]) {
      rmSync(dir, { recursive: true });
      cpSync(join(top, 'after'), dir, { recursive: true });
      for (const name of PUT_IN_PLACE.slice(count)) {
        renameSync(file(name), file(`${name}.next`));
        const earlier = join(top, 'before', name);
        if (existsSync(earlier)) cpSync(earlier, file(name));
      }
      const { tls, caPin: now } = await load();
      expect(now, `after ${String(count)} files`).toBe(caPin);
      expect(await met(tls, text('ca.crt'))).toBe('believed');
      expect(readdirSync(dir).filter((name) => name.endsWith('.next'))).toEqual([]);
    }
  });

  test('in the middle of a restore is said: agents would refuse the authority that was put back', async () => {
    await load();
    const old = ['ca.crt', 'ca.key'].map((name) => [name, text(name)] as const);
    await rotateAuthority(offline());
    await finishAuthorityRotation(offline());
    for (const [name, content] of old) writeFileSync(file(name), content, { mode: 0o600 });
    await expect(load()).rejects.toMatchObject({ code: 'authority-inactive' });
  });
});

test('a running server renews its certificate with the authority that came in the meantime', async () => {
  const running = await load();
  const old = text('ca.crt');
  await rotateAuthority(offline());
  const tls = running.renewTls(NOW);
  expect([await met(tls, old), await met(tls, text('ca.crt'))]).toEqual(['believed', 'believed']);
});
