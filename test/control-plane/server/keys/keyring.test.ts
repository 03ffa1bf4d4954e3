import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { fromBase64Url, fromUtf8, judgeFirstKeySet, judgeKeySet, verifyEd25519 } from '#protocol';
import { loadKeyring } from '../../../../control-plane/server/keys/keyring.ts';
import { rotateOrderKey, signCatalogue } from '../../../../control-plane/server/keys/offline.ts';

const NOW = Date.UTC(2026, 0, 1);
let top: string;
let dir: string;
let scriptsDir: string;

beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'latchkey-keys-'));
  dir = join(top, 'keys');
  scriptsDir = join(top, 'scripts');
  cpSync(new URL('../../../../scripts/instance', import.meta.url), scriptsDir, { recursive: true });
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

const file = (name: string) => join(dir, name);
const load = (now = NOW) => loadKeyring({ dir, scriptsDir, publicUrl: 'https://latchkey.example:8443', now });
/** Where its owner keeps the script key. */
const moveScriptKeyAway = () => {
  const away = join(top, 'offline.key');
  renameSync(file('script.key'), away);
  return away;
};

describe('the first start', () => {
  test('makes every key, for its owner alone, and leaves nothing else', async () => {
    const keyring = await load();
    expect((statSync(dir).mode & 0o777).toString(8)).toBe('700');
    const names = readdirSync(dir);
    expect(new Set(names)).toEqual(
      new Set([
        ...['ca.crt', 'ca.key', 'tls.crt', 'tls.key'],
        ...['catalogue.json', 'key-set.json', 'order.key', 'script.key'],
      ]),
    );
    for (const name of names) expect((statSync(file(name)).mode & 0o777).toString(8), name).toBe('600');
    expect(keyring.scriptKeyPresent()).toBe(true);
  });

  test('makes a key set that agents accept by the script key of their join token', async () => {
    const { signedKeySet, keySet, orderSigner, scriptKey } = await load();
    const verdict = await judgeFirstKeySet(verifyEd25519, { scriptKey }, signedKeySet);
    expect(verdict).toEqual({ accept: true, changed: true, keySet });
    expect(keySet).toMatchObject({ version: 1, serverId: scriptKey, issuedAt: NOW });
    expect(keySet.keys.map(({ role, key }) => [role, key])).toEqual([
      ['script', scriptKey],
      ['order', orderSigner.key],
    ]);
  });

  test('hands out the reset script of this release', async () => {
    const { scripts } = await load();
    expect(scripts.windows).toBeNull();
    const bytes = Buffer.from(fromBase64Url(scripts.linux!.script.bytes));
    expect(bytes.equals(readFileSync(join(scriptsDir, 'reset-linux.sh')))).toBe(true);
    const statement: unknown = JSON.parse(fromUtf8(fromBase64Url(scripts.linux!.script.statement.bytes)));
    expect(statement).toMatchObject({ name: 'reset-linux', os: 'linux', version: 1, digest: scripts.linux!.digest });
  });

  test('that was interrupted at any point is made again', async () => {
    const steps = ['.first-start', 'script.key', 'order.key', 'catalogue.json', 'key-set.json'];
    for (const count of steps.keys()) {
      rmSync(dir, { recursive: true, force: true });
      const { scriptKey } = await load();
      writeFileSync(file('.first-start'), '', { mode: 0o600 });
      for (const name of steps.slice(count + 1)) rmSync(file(name));
      const again = await load();
      expect(again.scriptKey, `after ${steps[count] ?? ''}`).not.toBe(scriptKey);
      expect(existsSync(file('.first-start'))).toBe(false);
    }
  });
});

describe('the authority of a first start', () => {
  test('that was interrupted between its two files is made again', async () => {
    await load();
    writeFileSync(file('.first-start'), '', { mode: 0o600 });
    rmSync(file('ca.crt'));
    const { caPin, caPem } = await load();
    expect(caPem).toBe(readFileSync(file('ca.crt'), 'utf8'));
    expect((await load()).caPin).toBe(caPin);
  });

  test('is the one that was put there before, if it is whole', async () => {
    await load();
    const own = ['ca.crt', 'ca.key'].map((name) => [name, readFileSync(file(name))] as const);
    rmSync(dir, { recursive: true });
    mkdirSync(dir, { mode: 0o700 });
    for (const [name, content] of own) writeFileSync(file(name), content, { mode: 0o600 });
    expect((await load()).caPem).toBe(own[0]?.[1].toString());
  });

  test('is not made where a certificate is provided', async () => {
    const other = join(top, 'other');
    await loadKeyring({ dir: other, scriptsDir, publicUrl: 'https://a.example', now: NOW });
    const provided = { certFile: join(other, 'tls.crt'), keyFile: join(other, 'tls.key') };
    const { rotatingAuthority } = await loadKeyring({
      ...{ dir, scriptsDir, publicUrl: 'https://a.example', now: NOW, provided },
    });
    expect([rotatingAuthority, existsSync(file('ca.key'))]).toEqual([false, false]);
  });
});

describe('every later start', () => {
  test('has the same keys, without the script key', async () => {
    const first = await load();
    moveScriptKeyAway();
    const second = await load(NOW + 1);
    expect(second.scriptKeyPresent()).toBe(false);
    expect(second.signedKeySet).toEqual(first.signedKeySet);
    expect(second.orderSigner.key).toBe(first.orderSigner.key);
    expect(second.tls).toEqual(first.tls);
    expect(second.scripts).toEqual(first.scripts);
  });

  test('does not open a script key that still lies there', async () => {
    await load();
    // What cannot be opened would make a start fail that tries.
    rmSync(file('script.key'));
    symlinkSync('script.key', file('script.key'));
    await expect(load()).resolves.toBeDefined();
  });

  test.each(['order.key', 'ca.key', 'tls.key'])('refuses a %s that others can read', async (name) => {
    await load();
    for (const mode of [0o640, 0o604, 0o620]) {
      chmodSync(file(name), mode);
      const start = loadKeyring({ dir, scriptsDir, publicUrl: 'https://other.example', now: NOW });
      await expect(start).rejects.toMatchObject({ code: 'key-file-exposed' });
      await expect(start).rejects.toThrow(`chmod 600 "${file(name)}"`);
    }
  });

  test.each(['key-set.json', 'catalogue.json', 'order.key'])(
    'says that %s is missing, and makes no other',
    async (name) => {
      await load();
      rmSync(file(name));
      await expect(load()).rejects.toMatchObject({ code: 'key-file-missing' });
      expect(existsSync(file(name))).toBe(false);
    },
  );

  test.each(['key-set.json', 'catalogue.json', 'order.key', 'ca.crt'])('says that %s is damaged', async (name) => {
    await load();
    writeFileSync(file(name), 'not what it was');
    await expect(load()).rejects.toMatchObject({ code: 'key-file-malformed' });
    await expect(load()).rejects.not.toThrow('not what it was');
  });

  test('refuses a key set that was changed, or signed by a key that it does not list', async () => {
    await load();
    const text = readFileSync(file('key-set.json'), 'utf8');
    const changed = JSON.parse(text) as { bytes: string };
    const body = fromUtf8(fromBase64Url(changed.bytes)).replace('"version":1', '"version":2');
    writeFileSync(file('key-set.json'), JSON.stringify({ ...changed, bytes: Buffer.from(body).toString('base64url') }));
    await expect(load()).rejects.toMatchObject({ code: 'key-set-invalid' });
  });

  test('refuses an order key that the key set does not name', async () => {
    await load();
    const own = readFileSync(file('order.key'));
    writeFileSync(file('order.key'), readFileSync(file('script.key')));
    await expect(load()).rejects.toMatchObject({ code: 'order-key-inactive' });
    await expect(load()).rejects.toThrow('wrong-role');
    writeFileSync(file('order.key'), own);
    await expect(load()).resolves.toBeDefined();
  });

  test('refuses a catalogue signed by another control plane', async () => {
    await load();
    const foreign = join(top, 'foreign');
    await loadKeyring({ dir: foreign, scriptsDir, publicUrl: 'https://a.example', now: NOW });
    writeFileSync(file('catalogue.json'), readFileSync(join(foreign, 'catalogue.json')));
    await expect(load()).rejects.toMatchObject({ code: 'catalogue-invalid' });
  });
});

describe('a script that an upgrade changed', () => {
  test('is refused until the catalogue was signed again, with the next version', async () => {
    await load();
    const scriptKeyFile = moveScriptKeyAway();
    writeFileSync(join(scriptsDir, 'reset-linux.sh'), '#!/bin/sh\n# newer\n');
    await expect(load()).rejects.toMatchObject({ code: 'catalogue-outdated' });
    await expect(load()).rejects.toThrow('latchkey server sign-catalogue --script-key FILE');
    const statements = await signCatalogue({ dir, scriptKeyFile, scriptsDir, now: NOW });
    expect(statements).toMatchObject([{ name: 'reset-linux', version: 2 }]);
    expect(await signCatalogue({ dir, scriptKeyFile, scriptsDir, now: NOW })).toEqual(statements);
    const { scripts, keySet } = await load();
    expect(scripts.linux?.digest).toBe(statements[0]?.digest);
    // Agents are told to run nothing older; signing the same again is no news.
    expect(keySet).toMatchObject({ version: 2, scriptVersionsMin: { 'reset-linux': 2 } });
  });

  test('is not signed by an order key, nor by the script key of another control plane', async () => {
    await load();
    const foreign = join(top, 'foreign');
    await loadKeyring({ dir: foreign, scriptsDir, publicUrl: 'https://a.example', now: NOW });
    for (const scriptKeyFile of [file('order.key'), join(foreign, 'script.key')]) {
      const signing = signCatalogue({ dir, scriptKeyFile, scriptsDir, now: NOW });
      await expect(signing).rejects.toMatchObject({ code: 'script-key-not-accepted' });
    }
  });
});

describe('rotating the order key', () => {
  test('revokes the old one in a set that agents take over', async () => {
    const before = await load();
    const scriptKeyFile = moveScriptKeyAway();
    const { version, orderKey } = await rotateOrderKey({ dir, scriptKeyFile, now: NOW + 5 });
    expect(version).toBe(2);
    const after = await load();
    expect(after.orderSigner.key).toBe(orderKey);
    expect(after.keySet.keys.find(({ key }) => key === before.orderSigner.key)?.status).toBe('revoked');
    const verdict = await judgeKeySet(verifyEd25519, before.keySet, after.signedKeySet);
    expect(verdict).toMatchObject({ accept: true, changed: true });
    expect(after.scripts).toEqual(before.scripts);
  });

  test('that was interrupted is finished by the next start, or never happened', async () => {
    const before = await load();
    const old = ['order.key', 'key-set.json'].map((name) => [name, readFileSync(file(name))] as const);
    const { orderKey } = await rotateOrderKey({ dir, scriptKeyFile: file('script.key'), now: NOW });

    renameSync(file('order.key'), file('order.key.next'));
    writeFileSync(file('order.key'), old[0]![1], { mode: 0o600 });
    expect((await load()).orderSigner.key).toBe(orderKey);
    expect(existsSync(file('order.key.next'))).toBe(false);

    renameSync(file('order.key'), file('order.key.next'));
    for (const [name, content] of old) writeFileSync(file(name), content, { mode: 0o600 });
    expect((await load()).orderSigner.key).toBe(before.orderSigner.key);
  });
});
