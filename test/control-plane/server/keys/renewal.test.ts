import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createCertificateRenewal, LOOK_AGAIN_MS, LOOK_MS } from '../../../../control-plane/server/keys/renewal.ts';
import { ownTls, providedTls, type TlsMaterial } from '../../../../control-plane/server/keys/tls.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const DAY_MS = 24 * 3_600_000;
const URL_SERVED = 'https://a.example';
let dir: string;
let clock: FakeClock;
let presented: TlsMaterial[];
let logged: object[];
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'latchkey-renewal-'));
  clock = new FakeClock();
  presented = [];
  logged = [];
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

function renewal(load: () => TlsMaterial, present = (tls: TlsMaterial): void => void presented.push(tls)) {
  const note = (fields: object) => {
    logged.push(fields);
  };
  const log = { info: note, warn: note, error: note };
  return createCertificateRenewal({ held: load(), load, present, clock, log });
}
const own = () => ownTls(dir, URL_SERVED, clock.now()).tls;
/** A server whose certificate is less than a day from its last third. */
const old = (present?: (tls: TlsMaterial) => void) => {
  const first = own();
  clock.advance(486 * DAY_MS);
  return { first, certificate: renewal(own, present) };
};
const provided = () => providedTls(join(dir, 'own.crt'), join(dir, 'own.key'), URL_SERVED, clock.now()).tls;
const provide = (files: Partial<TlsMaterial>) => {
  if (files.key !== undefined) writeFileSync(join(dir, 'own.key'), files.key, { mode: 0o600 });
  if (files.cert !== undefined) writeFileSync(join(dir, 'own.crt'), files.cert);
};

describe('a server that runs for years', () => {
  test('renews its certificate when a third of its life is left, and once', () => {
    const { first, certificate } = old();
    expect([presented, certificate.endsAt()]).toEqual([[], first.notAfter]);
    clock.advance(DAY_MS);
    expect(presented).toHaveLength(1);
    const [second] = presented as [TlsMaterial];
    expect(second.notAfter).toBeGreaterThan(first.notAfter + 400 * DAY_MS);
    expect(certificate.endsAt()).toBe(second.notAfter);
    const authority = new X509Certificate(ownTls(dir, URL_SERVED, clock.now()).caPem ?? '');
    expect(new X509Certificate(second.cert).checkIssued(authority)).toBe(true);
    clock.advance(DAY_MS);
    expect(presented).toHaveLength(1);
  });

  test('stops looking when it ends', () => {
    const { certificate } = old();
    certificate.stop();
    clock.advance(2 * DAY_MS);
    expect(presented).toEqual([]);
  });

  test('keeps what it has and tries again within a minute when it cannot be renewed, and says so with a code', () => {
    const { first, certificate } = old();
    writeFileSync(join(dir, 'ca.key'), first.key);
    clock.advance(DAY_MS);
    expect(presented).toEqual([]);
    expect(logged.at(-1)).toMatchObject({ code: 'key-file-malformed', endsAt: new Date(first.notAfter).toISOString() });
    const failures = logged.length;
    clock.advance(LOOK_AGAIN_MS);
    expect(logged).toHaveLength(failures + 1);
    rmSync(dir, { recursive: true });
    clock.advance(LOOK_AGAIN_MS);
    expect(certificate.endsAt()).toBe(first.notAfter);
  });

  test('does not take what could not be presented for presented', () => {
    let refuses = true;
    const { first, certificate } = old((tls) => {
      if (refuses) throw new Error('bad end of line');
      presented.push(tls);
    });
    clock.advance(DAY_MS);
    expect([certificate.endsAt(), logged.at(-1)]).toEqual([
      first.notAfter,
      expect.objectContaining({ code: 'tls-renewal-failed' }),
    ]);
    refuses = false;
    clock.advance(LOOK_AGAIN_MS);
    expect(presented).toHaveLength(1);
    expect(certificate.endsAt()).toBeGreaterThan(first.notAfter);
  });
});

describe('a provided certificate that was replaced', () => {
  const made = () => ownTls(mkdtempSync(join(dir, 'issuer-')), URL_SERVED, clock.now()).tls;

  test('is presented within the hour, or when it is asked for', () => {
    provide(made());
    const certificate = renewal(provided);
    clock.advance(LOOK_MS);
    expect(presented).toEqual([]);
    const [second, third] = [made(), made()];
    provide(second);
    clock.advance(LOOK_MS);
    expect(presented.map(({ cert }) => cert)).toEqual([second.cert]);
    provide(third);
    certificate.look();
    expect(presented.map(({ cert }) => cert)).toEqual([second.cert, third.cert]);
  });

  test('by half is not, until the other half is there', () => {
    const first = made();
    provide(first);
    const certificate = renewal(provided);
    const second = made();
    provide({ cert: second.cert });
    certificate.look();
    expect([presented, certificate.endsAt()]).toEqual([[], first.notAfter]);
    expect(logged.at(-1)).toMatchObject({ code: 'tls-certificate-unfit' });
    provide({ key: second.key });
    clock.advance(LOOK_AGAIN_MS);
    expect(presented.map(({ cert }) => cert)).toEqual([second.cert]);
  });
});
