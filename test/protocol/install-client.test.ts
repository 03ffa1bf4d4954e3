import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import {
  chooseAuthority,
  chooseRelease,
  cloudConfig,
  formatJoinToken,
  hexOf,
  installLine,
  InstanceName,
  openReleases,
  parseJoinToken,
  ReleaseStatement,
  toBase64Url,
  TokenId,
  verifyEd25519,
} from '#protocol';
import { caPinOf } from '../support/ca-pin.ts';
import { newSigner } from '../support/keys.ts';
import { signRelease } from '../support/release.ts';
import { AUTHORITY, newAuthority, releaseStatement } from '../support/releasing-control-plane.ts';

async function tokenFor(caPin: string | null): Promise<string> {
  const { key } = await newSigner();
  const id = TokenId.parse('9c8b7a69-5847-4362-9514-03f2e1d0c9b8');
  return formatJoinToken({ id, secret: toBase64Url(new Uint8Array(32)), caPin, scriptKey: key });
}

describe('the authority that a host is to trust', () => {
  test('is the one that the join token names, among others too', async () => {
    const other = newAuthority('Other');
    const chosen = await chooseAuthority(await tokenFor(caPinOf(AUTHORITY)), `${other}${AUTHORITY}`);
    expect(chosen).toMatchObject({ ok: true, authority: AUTHORITY });
  });

  test('is written anew, so that none of its lines ends the document that it stands in', async () => {
    const body = AUTHORITY.replaceAll(/-----[A-Z ]+-----|\s/g, '');
    // Whole groups of four characters each, so that it is base64 whatever the length of the certificate is.
    const der = Buffer.from(body, 'base64');
    const whole = Buffer.concat([der, Buffer.alloc((3 - (der.length % 3)) % 3)]).toString('base64');
    const hostile = `-----BEGIN CERTIFICATE-----\n${whole}\nLATCHKEY\npoweroff\n-----END CERTIFICATE-----\n`;
    const chosen = await chooseAuthority(await tokenFor(caPinOf(AUTHORITY)), hostile);
    expect(chosen).toMatchObject({ ok: true, authority: AUTHORITY });
    const broken = AUTHORITY.replaceAll(/(.{8})/g, '$1\n');
    expect(await chooseAuthority(await tokenFor(caPinOf(AUTHORITY)), broken)).toMatchObject({ ok: false });
    const wrapped = `-----BEGIN CERTIFICATE-----\n${body.replaceAll(/(.{8})/g, '$1\n')}\n-----END CERTIFICATE-----`;
    const rewritten = await chooseAuthority(await tokenFor(caPinOf(AUTHORITY)), wrapped);
    expect(rewritten).toMatchObject({ ok: true, authority: AUTHORITY });
  });

  test('is none where the token names none', async () => {
    expect(await chooseAuthority(await tokenFor(null), AUTHORITY)).toMatchObject({ ok: true, authority: null });
  });

  test.each([
    ['another', newAuthority('Other')],
    ['nothing', null],
    ['no base64', '-----BEGIN CERTIFICATE-----\nAAA=A\n-----END CERTIFICATE-----'],
    ['a cut one', '-----BEGIN CERTIFICATE-----\nMIIBszCCAVmgAwIBAgIU\n-----END CERTIFICATE-----'],
    ['an endless length', '-----BEGIN CERTIFICATE-----\nMISA////\n-----END CERTIFICATE-----'],
    ['text', 'hello'],
  ])('is refused where %s is handed out', async (_what, pem) => {
    const chosen = await chooseAuthority(await tokenFor(caPinOf(AUTHORITY)), pem);
    expect(chosen).toEqual({ ok: false, why: 'authority-mismatch' });
  });

  test('is refused for what is no join token', async () => {
    expect(await chooseAuthority('lk_x', AUTHORITY)).toEqual({ ok: false, why: 'not-a-join-token' });
    expect(parseJoinToken('lk_x')).toBeNull();
  });
});

describe('releases', () => {
  test('are believed by one key alone, and come newest first', async () => {
    const signer = await newSigner();
    const versions = ['1.1.0', '1.10.0-rc.1', '1.2.0'];
    const signed = await Promise.all(versions.map((version) => signRelease(signer, releaseStatement(version))));
    const opened = await openReleases(verifyEd25519, signed, signer.key);
    if (!opened.ok) throw new Error(opened.why);
    expect(opened.releases.map(({ version }) => version)).toEqual(['1.10.0-rc.1', '1.2.0', '1.1.0']);
    const platform = 'linux-x64';
    expect(chooseRelease(opened.releases, { version: null, platform })?.version).toBe('1.2.0');
    expect(chooseRelease(opened.releases, { version: '1.1.0', platform })?.version).toBe('1.1.0');
    expect(chooseRelease(opened.releases, { version: null, platform: 'linux-arm64' })).toBeNull();

    const stranger = await newSigner();
    const presented = await openReleases(verifyEd25519, signed, stranger.key);
    expect(presented).toEqual({ ok: false, why: 'other-key', presented: signer.key });
  });

  test('with a changed statement are refused as a whole', async () => {
    const signer = await newSigner();
    const good = await signRelease(signer, releaseStatement('1.1.0'));
    const other = await signRelease(signer, releaseStatement('1.2.0'));
    const bad = { ...good, statement: { ...good.statement, signature: other.statement.signature } };
    expect(await openReleases(verifyEd25519, [good, bad], signer.key)).toEqual({ ok: false, why: 'unsigned' });
  });

  test('have their hashes as programs write them', () => {
    expect(hexOf(toBase64Url(new Uint8Array([0, 15, 255])))).toBe('000fff');
  });
});

describe('the line', () => {
  const release = ReleaseStatement.parse(releaseStatement('1.2.0'));
  const line = installLine({
    url: 'https://control-plane.test',
    scriptSha256: 'ab'.repeat(32),
    release,
    archiveSha256: hexOf(release.digest),
    name: InstanceName.parse('web-1'),
    service: false,
    token: 'lkj_x',
    authority: AUTHORITY,
  });

  test('is a command for a shell, with the token in its document alone', () => {
    expect(() => execFileSync('sh', ['-n'], { input: line.join('\n') })).not.toThrow();
    expect(line[0]).toContain('--name web-1 --no-service');
    expect(line[0]).not.toContain('lkj_x');
    expect(line.at(-1)).toBe('LATCHKEY');
  });

  test('is user data, too, without the space at its start', () => {
    const data = cloudConfig(line, 'tomorrow');
    expect(data[0]).toBe('#cloud-config');
    expect(data.find((text) => text.includes('history'))).toMatch(/^ {4}history/);
  });
});
