import { expect, test } from 'vitest';
import { factsOf } from '../../../control-plane/console/pages/settings/facts.ts';

test('the configuration is said in words', () => {
  const rate = { burst: 20, perSecond: 0.5 };
  const groups = factsOf({
    version: '0.1.0',
    publicUrl: 'https://latchkey.example:8443',
    listen: '127.0.0.1:8443',
    metricsListen: null,
    trustProxy: ['10.0.0.0/8'],
    dataDir: '/data',
    keysDir: '/keys',
    scriptKeyPresent: false,
    certificate: { from: 'own', endsAt: 7, rotating: true },
    keySetVersion: 3,
    passwordPolicy: { charsMin: 12, classesMin: 4 },
    rateLimits: { enrolment: rate, failedAuthentication: rate, reset: rate, signIn: rate },
    unprovenSockets: { total: 4000, perAddress: 1000 },
    retention: { resetsDays: 1, auditDays: null },
    consoleSessions: { idleMs: 60_000, ageMs: 43_200_000 },
    logLevel: 'info',
  });
  const said = Object.fromEntries(groups.flatMap(({ facts }) => facts.map(({ label, value }) => [label, value])));
  expect(said).toMatchObject({
    'Proxies that are believed': '10.0.0.0/8',
    Metrics: 'with the API, for tokens with the right to them',
    'TLS certificate': 'by its own authority',
    'It ends': { at: 7 },
    'Key set': 'version 3',
    'Characters, at least': '12',
    'Kinds of characters, at least': '4',
    Resets: '1 day',
    Audit: 'for ever',
    'Console sessions, unused': '1 minute',
    'Console sessions, at most': '12 hours',
    'Enrolments from one address': '20 at once, then 0.5 a second',
  });
});
