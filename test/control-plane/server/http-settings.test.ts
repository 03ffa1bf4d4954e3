import { API_PREFIX, DEFAULT_PASSWORD_POLICY, Settings } from '#protocol';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkConfig } from '../../../control-plane/server/config.ts';
import { settingsOf } from '../../../control-plane/server/settings.ts';
import { expectError, HttpWorld } from '../../support/http-world.ts';

let world: HttpWorld;
beforeEach(async () => {
  world = await HttpWorld.open();
});
afterEach(() => world[Symbol.asyncDispose]());

const PATH = `${API_PREFIX}/settings`;

describe('the settings', () => {
  test('are what the configuration says, with its defaults filled in', async () => {
    const reply = await world.call('GET', PATH);
    expect(reply.statusCode, reply.body).toBe(200);
    const body = reply.json<unknown>();
    expect(Settings.strict().parse(body)).toMatchObject({
      publicUrl: 'https://127.0.0.1:8443',
      listen: '127.0.0.1:8443',
      metricsListen: null,
      trustProxy: false,
      certificate: { from: 'own', endsAt: 1_000, rotating: false },
      keySetVersion: 7,
      passwordPolicy: DEFAULT_PASSWORD_POLICY,
      retention: { resetsDays: 90, auditDays: 400 },
      consoleSessions: { idleMs: 1_800_000, ageMs: 43_200_000 },
    });
  });

  test('are for administrators of all projects alone, and who else asks is in the audit', async () => {
    const operator = await world.tokenOf('operator');
    expectError(await world.call('GET', PATH, { token: operator }), 403, 'not-authorised');
    const scoped = await world.tokenOf('administrator', { projects: [await world.addProject('only')] });
    expectError(await world.call('GET', PATH, { token: scoped }), 403, 'not-authorised');
    const records = await world.auditOf('settings.read');
    expect(records.map(({ decision, rule }) => [decision, rule])).toEqual([
      ['deny', 'project-scope'],
      ['deny', 'default-deny'],
    ]);
  });

  test('name where a provided certificate is from, and not where its key lies', () => {
    const text = JSON.stringify({
      listen: '[::1]:9443',
      publicUrl: 'https://latchkey.example',
      tlsCert: '/etc/tls/cert.pem',
      tlsKey: '/etc/tls/private.pem',
      trustProxy: ['10.0.0.0/8'],
      metricsListen: '127.0.0.1:9100',
      retention: { auditDays: null },
    });
    const checked = checkConfig({ text, directory: '/' }, {});
    if (!checked.ok) throw new Error(JSON.stringify(checked.problems));
    const keys = { keySet: { version: 1 }, rotatingAuthority: false, scriptKeyPresent: () => true };
    const settings = settingsOf(checked.config, keys, 0);
    expect(settings).toMatchObject({
      listen: '[::1]:9443',
      metricsListen: '127.0.0.1:9100',
      trustProxy: ['10.0.0.0/8'],
      certificate: { from: 'provided' },
      scriptKeyPresent: true,
      retention: { resetsDays: 90, auditDays: null },
    });
    expect(JSON.stringify(settings)).not.toContain('private.pem');
  });
});
