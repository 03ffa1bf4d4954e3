import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

import { checkConfig, readConfig } from '../../../control-plane/server/config.ts';
import type { ConfigFlags } from '../../../control-plane/server/config-text.ts';
import { UNPROVEN_SOCKETS } from '../../../control-plane/server/gateway/socket-limits.ts';
import { RATE_LIMITS } from '../../../control-plane/server/http/rate-limits.ts';

let top: string;
beforeEach(() => {
  top = mkdtempSync(join(tmpdir(), 'latchkey-config-'));
});
afterEach(() => rmSync(top, { recursive: true, force: true }));

const check = (value: unknown, flags: ConfigFlags = {}) =>
  checkConfig({ text: typeof value === 'string' ? value : JSON.stringify(value), directory: top }, flags);
const good = (value: unknown, flags: ConfigFlags = {}) => {
  const result = check(value, flags);
  expect(result).toMatchObject({ ok: true });
  if (!result.ok) throw new Error('unreachable');
  return result.config;
};
const paths = (value: unknown, flags: ConfigFlags = {}) => {
  const result = check(value, flags);
  for (const { message, remedy } of result.ok ? [] : result.problems) {
    expect(message).not.toBe('');
    expect(remedy).not.toBe('');
  }
  return result.ok ? [] : result.problems.map(({ path }) => path).sort();
};

describe('a configuration', () => {
  test('has a default for everything', () => {
    const expected = {
      listen: { host: '127.0.0.1', port: 8443 },
      publicUrl: 'https://127.0.0.1:8443',
      trustProxy: false,
      dataDir: '/var/lib/latchkey',
      keysDir: '/etc/latchkey/keys',
      tls: null,
      passwordPolicy: { charsMin: 8, classesMin: 3 },
      rateLimits: RATE_LIMITS,
      unprovenSockets: UNPROVEN_SOCKETS,
      retention: { resetsDays: 90, auditDays: 400 },
      metricsListen: null,
      logLevel: 'info',
    };
    expect(checkConfig(null, {})).toEqual({ ok: true, config: expected });
    expect(good({})).toEqual(expected);
    expect(readConfig(null, {})).toEqual({ ok: true, config: expected });
  });

  test('takes every setting', () => {
    const config = good({
      listen: '[::]:443',
      publicUrl: 'https://Latchkey.Example:443/',
      trustProxy: ['10.0.0.0/8', '::1', 'loopback'],
      dataDir: 'data',
      keysDir: '/srv/keys',
      tlsCert: 'tls/a.crt',
      tlsKey: '/tls/a.key',
      passwordPolicy: { charsMin: 12 },
      rateLimits: { reset: { burst: 1, perSecond: 0.1 }, unprovenSockets: { perAddress: 50 } },
      retention: { resetsDays: 30, auditDays: null },
      metricsListen: 'localhost:9464',
      logLevel: 'warn',
    });
    expect(config).toEqual({
      listen: { host: '::', port: 443 },
      publicUrl: 'https://latchkey.example',
      trustProxy: ['10.0.0.0/8', '::1', 'loopback'],
      dataDir: join(top, 'data'),
      keysDir: '/srv/keys',
      tls: { certFile: join(top, 'tls/a.crt'), keyFile: '/tls/a.key' },
      passwordPolicy: { charsMin: 12, classesMin: 3 },
      rateLimits: { ...RATE_LIMITS, reset: { burst: 1, perSecond: 0.1 } },
      unprovenSockets: { total: UNPROVEN_SOCKETS.total, perAddress: 50 },
      retention: { resetsDays: 30, auditDays: null },
      metricsListen: { host: 'localhost', port: 9464 },
      logLevel: 'warn',
    });
  });

  test('gives way to flags, whose relative paths start where the program runs', () => {
    const config = good(
      { listen: '127.0.0.1:1', dataDir: '/a', trustProxy: true, logLevel: 'debug' },
      { listen: '[::1]:2', data: 'b', trustProxy: '10.0.0.1, 10.0.0.2', keys: undefined },
    );
    expect(config).toMatchObject({
      listen: { host: '::1', port: 2 },
      publicUrl: 'https://[::1]:2',
      dataDir: join(process.cwd(), 'b'),
      trustProxy: ['10.0.0.1', '10.0.0.2'],
      logLevel: 'debug',
    });
    expect(good({}, { trustProxy: 'true' }).trustProxy).toBe(true);
  });

  test('is refused with every problem at once, each with what to do', () => {
    const wrong = {
      listen: 'here',
      publicUrl: 'http://latchkey.example',
      trustProxy: ['10.0.0.0/33'],
      passwordPolicy: { charsMin: 4, classesMax: 1 },
      rateLimits: { reset: { burst: 0 }, unprovenSockets: { total: 0 } },
      logLevel: 'loud',
      publicURL: 'https://a.example',
    };
    expect(paths(wrong)).toEqual([
      'listen',
      'logLevel',
      'passwordPolicy.charsMin',
      'passwordPolicy.classesMax',
      'publicURL',
      'publicUrl',
      'rateLimits.reset.burst',
      'rateLimits.reset.perSecond',
      'rateLimits.unprovenSockets.total',
      'trustProxy.0',
    ]);
  });

  test('names a flag as what it is', () => {
    expect(paths({ listen: 'wrong too' }, { listen: 'x', publicUrl: 'y', trustProxy: '1.2.3' })).toEqual([
      '--listen',
      '--public-url',
      '--trust-proxy',
    ]);
  });

  test.each(['', '[]', 'null', '{', '"text"', `{ "logLevel": "${'x'.repeat(2e6)}" }`])(
    'must be a JSON object: %.20s',
    (text) => {
      expect(paths(text)).toEqual(['']);
    },
  );

  test.each(['127.0.0.1', ':8443', '127.0.0.1:0', '127.0.0.1:65536', '::1:8443', '[127.0.0.1]:1', 'a b:1', 'a:1:2'])(
    'does not listen on %s',
    (listen) => {
      expect(paths({ listen, publicUrl: 'https://a.example' })).toEqual(['listen']);
    },
  );

  test.each(['a.example', 'https://a.example/path', 'https://u:p@a.example', 'https://a.example?q', 'https://'])(
    'is not public as %s',
    (publicUrl) => {
      expect(paths({ publicUrl })).toEqual(['publicUrl']);
    },
  );

  test('needs a public URL when it listens everywhere', () => {
    expect(paths({ listen: '0.0.0.0:8443' })).toEqual(['publicUrl']);
    expect(paths({ listen: '[::]:8443' })).toEqual(['publicUrl']);
    expect(paths({ listen: '[::]:8443', publicUrl: 'https://a.example' })).toEqual([]);
  });

  test('takes a certificate with its key only', () => {
    expect(paths({ tlsCert: 'a' })).toEqual(['tlsKey']);
    expect(paths({}, { tlsKey: 'a' })).toEqual(['tlsCert']);
  });

  test('keeps keys and data apart, also behind links', () => {
    expect(paths({ dataDir: '/a', keysDir: '/a' })).toEqual(['keysDir']);
    expect(paths({ dataDir: '/a', keysDir: '/a/keys' })).toEqual(['keysDir']);
    expect(paths({ dataDir: '/a/data', keysDir: '/a' })).toEqual(['dataDir']);
    expect(paths({ dataDir: '/a/../b', keysDir: '/b/keys' })).toEqual(['keysDir']);
    expect(paths({ dataDir: '/a/b', keysDir: '/a/bc' })).toEqual([]);
    mkdirSync(join(top, 'data'));
    symlinkSync(join(top, 'data'), join(top, 'link'));
    expect(paths({ dataDir: 'data', keysDir: 'link/keys' })).toEqual(['keysDir']);
    expect(paths({ dataDir: '/a' }, { keys: '/a/keys' })).toEqual(['--keys']);
  });

  test('keeps what is over for a while that makes sense, or for ever', () => {
    const kept = (retention: unknown) => good({ retention }).retention;
    expect(kept({ resetsDays: 7 })).toEqual({ resetsDays: 7, auditDays: 400 });
    expect(kept({ auditDays: null })).toEqual({ resetsDays: 90, auditDays: null });
    expect(kept({ resetsDays: null, auditDays: null })).toEqual({ resetsDays: null, auditDays: null });
    for (const resetsDays of [6, 0, -1, 7.5, '30', 36_501]) {
      expect(paths({ retention: { resetsDays } }), String(resetsDays)).toEqual(['retention.resetsDays']);
    }
    expect(paths({ retention: { auditDays: 29 } })).toEqual(['retention.auditDays']);
    expect(paths({ retention: { planDays: 9 } })).toEqual(['retention.planDays']);
  });

  test('keeps the audit for as long as the resets that it tells of', () => {
    expect(paths({ retention: { resetsDays: 401 } })).toEqual(['retention']);
    expect(paths({ retention: { resetsDays: null } })).toEqual(['retention']);
    expect(paths({ retention: { resetsDays: 60, auditDays: 59 } })).toEqual(['retention']);
    expect(paths({ retention: { resetsDays: 60, auditDays: 60 } })).toEqual([]);
  });

  test('does not serve metrics where it serves the API', () => {
    expect(paths({ metricsListen: '127.0.0.1:8443' })).toEqual(['metricsListen']);
  });
});

test('a file is read, and one that is not there is a problem and no crash', () => {
  const file = join(top, 'server.json');
  writeFileSync(file, '{ "dataDir": "d" }');
  expect(readConfig(file, {})).toMatchObject({ ok: true, config: { dataDir: join(top, 'd') } });
  expect(readConfig(join(top, 'none.json'), {})).toMatchObject({ ok: false, problems: [{ path: '' }] });
});
