import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { fromBase64Url, parseJsonBytes, signJson, Signed, SealingKeyStatement, thumbprintOf } from '#protocol';
import { DATABASE_FILE } from '../../control-plane/server/data-directory.ts';
import { newSealingPair, newSigner } from '../support/keys.ts';
import type { Host } from '../support/hosts/host.ts';
import { expectOnly } from '../support/hosts/login.ts';
import { newPassword, openWorld, type World } from './world.ts';

let world: World;
let host: Host;
let current = 'Old-Password-1';

beforeAll(async () => {
  world = await openWorld();
  host = await world.host({ name: 'target', accounts: [{ name: 'alice', password: current }] });
}, 300_000);

afterAll(async () => {
  await world[Symbol.asyncDispose]();
});

async function mustReset(): Promise<void> {
  const password = newPassword();
  const { report } = await world.reset(['target', '--account', 'alice'], password);
  expect(report.tasks).toMatchObject([{ state: 'succeeded', verifiedBy: 'login' }]);
  await expectOnly(host, 'alice', { accepted: password, refused: [current] });
  current = password;
}

async function countResets(): Promise<number> {
  return ((await world.json(['resets', 'list'])) as { items: unknown[] }).items.length;
}

describe('who writes to the database of a running control plane', () => {
  let database: DatabaseSync;
  let before: { identityKey: string; identity: string; sealingKey: string };

  /** A sealing key of the attacker's own, certified as well as the attacker can. */
  async function forge(): Promise<{ identityKey: string; identity: string; sealingKey: string }> {
    const signer = await newSigner();
    const pair = newSealingPair();
    const certificate = Signed.parse(JSON.parse(before.sealingKey));
    const genuine = parseJsonBytes(SealingKeyStatement, fromBase64Url(certificate.bytes));
    if (!genuine.ok) throw new Error('the database holds no certificate');
    const identity = await thumbprintOf(signer.publicKey);
    const keyId = await thumbprintOf(pair.publicKey, 'X25519');
    const statement: SealingKeyStatement = { ...genuine.body, identity, keyId, publicKey: pair.publicKey };
    const sealingKey = JSON.stringify(await signJson(signer, 'sealing-key', statement));
    return { identityKey: signer.publicKey, identity, sealingKey };
  }

  function write(change: { identityKey: string; identity: string; sealingKey: string }): void {
    database
      .prepare('UPDATE instances SET "identityKey" = ?, identity = ?, "sealingKey" = ? WHERE name = ?')
      .run(change.identityKey, change.identity, change.sealingKey, 'target');
  }

  beforeAll(async () => {
    // From now on the identity is pinned for this operator.
    await mustReset();
    database = new DatabaseSync(join(world.directory, 'data', DATABASE_FILE));
    const row = database
      .prepare('SELECT "identityKey", identity, "sealingKey" FROM instances WHERE name = ?')
      .get('target');
    before = row as typeof before;
  }, 60_000);
  beforeEach(() => {
    write(before);
  });
  afterAll(() => {
    write(before);
    database.close();
  });

  async function expectNothingSent(args: readonly string[], code: string): Promise<void> {
    const resets = await countResets();
    const shadow = await host.readFile('/etc/shadow');
    const refused = await world.latchkey(
      ['reset', 'target', '--account', 'alice', '--password-stdin', '--json', ...args],
      `${newPassword()}\n`,
    );
    expect(refused.code).toBe(2);
    expect(JSON.stringify(JSON.parse(refused.stdout))).toContain(`"${code}"`);
    expect(await countResets()).toBe(resets);
    const planned = database.prepare('SELECT count(*) AS sealed FROM "plannedTargets" WHERE sealed IS NOT NULL').get();
    expect(planned).toEqual({ sealed: 0 });
    expect(await host.readFile('/etc/shadow')).toBe(shadow);
  }

  test('gets no password by putting another sealing key beside the identity', async () => {
    const { sealingKey } = await forge();
    write({ ...before, sealingKey });
    await expectNothingSent([], 'sealing-key-unsigned');
  });

  test('gets no password by putting another identity there too, since the operator has pinned it', async () => {
    write(await forge());
    await expectNothingSent([], 'identity-changed');
  });

  test('gets none of an operator who has pinned nothing and is told to trust nobody new', async () => {
    write(await forge());
    const empty = join(world.directory, 'no-pins');
    await expectNothingSent(['--known-instances', empty, '--strict-identities'], 'identity-unknown');
  });

  test('and once the rows are as they were, resets go on', async () => {
    await mustReset();
  });
});

describe('a control plane whose database was restored from a backup', () => {
  test('resets at the first try what was reset after the backup was made, and lets no older password back', async () => {
    const data = join(world.directory, 'data');
    const backup = join(world.directory, 'backup.db');
    // While it runs, and with a reset behind it.
    expect(await world.latchkey(['backup', backup, '--data', data])).toMatchObject({ code: 0, stderr: '' });
    await mustReset();
    await mustReset();
    const busy = await world.latchkey(['server', 'restore', backup, '--data', data]);
    expect([busy.code, busy.stderr]).toEqual([1, expect.stringContaining('Another process has opened') as string]);
    await world.controlPlane.kill('SIGTERM');
    expect(await world.latchkey(['restore', backup, '--data', data])).toMatchObject({ code: 0, stderr: '' });
    await world.controlPlane.start();
    await world.state('target', 'running');
    await mustReset();
  }, 120_000);
});
