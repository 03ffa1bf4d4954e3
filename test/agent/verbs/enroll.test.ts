import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { EnrolmentRequest, fromBase64Url, openSigned, thumbprintOf } from '#protocol';
import { verifySignature } from '../../../agent/node/crypto.ts';
import { formatEnrolment } from '../../../agent/verbs/enroll.ts';
import { VerbError } from '../../../agent/verbs/failure.ts';
import { instanceNameFor } from '../../../agent/verbs/instance-name.ts';
import { newSigner } from '../../support/keys.ts';
import { ControlPlane } from '../support/control-plane.ts';
import { openEnrolledWorld, type Enrolled } from '../support/enrolled.ts';

let world: Enrolled;
beforeEach(async () => {
  world = await openEnrolledWorld();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

const UUID = '0190a0c4-7d5f-4c6e-9d0e-8c7a5b1f2e3d';

/** The code and exit code of a refusal; its words must say what happened and what to do. */
async function refusalOf(work: Promise<unknown>): Promise<[string, number]> {
  const error: unknown = await work.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof VerbError)) throw new Error(`no refusal but ${String(error)}`);
  expect(error.message).toMatch(/^\S.{9,}[.)]$/);
  expect(error.remedy).toMatch(/^[A-Z].{5,}\.$/);
  return [error.code, error.exitCode];
}

describe('an enrolment', () => {
  test('leaves the agent’s files, for root alone, and tells the fingerprint', async () => {
    const { config, fingerprint } = await world.join();
    expect(config).toMatchObject({ url: world.gateway.url, name: 'web-1', project: 'default' });
    expect(fingerprint).toMatch(/^SHA256:[A-Za-z0-9_-]{43}$/);
    const files = readdirSync(world.directory);
    expect(files.toSorted()).toEqual(['config.json', 'identity.key', 'key-set.json']);
    expect(files.map((name) => statSync(join(world.directory, name)).mode & 0o777)).toEqual([0o600, 0o600, 0o600]);
    expect(statSync(world.directory).mode & 0o777).toBe(0o700);
  });

  test('ends with what is left to do: start the agent, and compare the fingerprint', async () => {
    const enrolment = await world.join();
    const said = formatEnrolment(enrolment, '/var/lib/latchkey-agent');
    expect(said).toMatch(/systemctl enable --now latchkey-agent .*latchkey-agent run/);
    expect(said).toContain(`latchkey instances trust web-1 --fingerprint ${enrolment.fingerprint}`);
    expect(formatEnrolment(enrolment, '/srv/lk')).toContain('latchkey-agent run --state /srv/lk');
  });

  test('proves that it holds the key which it brings', async () => {
    const { fingerprint } = await world.join();
    const [enrol] = world.gateway.enrolments;
    if (enrol === undefined) throw new Error('nothing came');
    const opened = await openSigned(verifySignature, enrol.publicKey, 'enrolment', EnrolmentRequest, enrol.request);
    expect(opened).toMatchObject({ ok: true, body: { name: 'web-1', os: 'linux', publicKey: enrol.publicKey } });
    expect(fingerprint).toBe(`SHA256:${await thumbprintOf(enrol.publicKey)}`);
  });

  test('that was interrupted goes on with the same identity', async () => {
    world.gateway.answer = (path) => (path.endsWith('enroll') ? { status: 502, body: '<html>' } : null);
    await expect(world.join()).rejects.toThrow(VerbError);
    const identity = readFileSync(join(world.directory, 'identity.key'));
    world.gateway.answer = () => null;
    await world.join();
    expect(readFileSync(join(world.directory, 'identity.key'))).toEqual(identity);
  });

  test('leaves no trace of the token', async () => {
    const token = world.gateway.joinToken();
    await world.join({ token });
    const secret = token.split('_').slice(2).join('_').slice(0, 43);
    for (const name of readdirSync(world.directory)) {
      expect(readFileSync(join(world.directory, name), 'latin1')).not.toContain(secret);
    }
  });
});

describe('is refused, with what to do', () => {
  test.each<[string, Partial<Parameters<Enrolled['join']>[0]>, [string, number]]>([
    ['a URL that is none', { url: 'latchkey' }, ['usage', 2]],
    ['a URL without TLS', { url: 'http://127.0.0.1:1' }, ['usage', 2]],
    ['a token that is none', { token: 'lkj_x' }, ['join-token-invalid', 2]],
    ['a name that does not fit', { name: 'Web 1' }, ['usage', 2]],
    ['a name of the form of an id', { name: UUID }, ['usage', 2]],
    ['a control plane that is not there', { url: 'https://127.0.0.1:1' }, ['control-plane-unreachable', 1]],
  ])('%s', async (_what, change, expected) => {
    expect(await refusalOf(world.join(change))).toEqual(expected);
  });

  test('an instance that is enrolled', async () => {
    await world.join();
    expect(await refusalOf(world.join())).toEqual(['already-enrolled', 2]);
  });

  test('a state that is damaged', async () => {
    await world.join();
    writeFileSync(join(world.directory, 'config.json'), '{}');
    expect(await refusalOf(world.join())).toEqual(['state-damaged', 1]);
  });

  test('a directory with other things in it, and one that others can write to', async () => {
    mkdirSync(world.directory);
    writeFileSync(join(world.directory, 'shadow'), '');
    expect(await refusalOf(world.join())).toEqual(['state-directory-foreign', 2]);
    chmodSync(world.directory, 0o777);
    expect(await refusalOf(world.join())).toEqual(['state-directory-unsafe', 2]);
  });

  test('a control plane whose authority is not the one of the token', async () => {
    const pin = world.gateway.joinToken(Buffer.alloc(32, 7).toString('base64url'));
    expect(await refusalOf(world.join({ token: pin }))).toEqual(['ca-pin-mismatch', 1]);
    expect(world.gateway.enrolments).toEqual([]);
  });

  test('a control plane whose key set the token does not vouch for', async () => {
    const other = await ControlPlane.create();
    world.gateway.answer = (path) => {
      const body = { instanceId: UUID, name: 'web-1', project: 'default', keySet: other.signedKeySet };
      return path.endsWith('enroll') ? { status: 201, body } : null;
    };
    expect(await refusalOf(world.join())).toEqual(['key-set-unknown-key', 1]);
  });

  test('a control plane whose key set is older than the token, as one from before a rotation is', async () => {
    const token = (version: number) => world.gateway.joinToken(world.gateway.caPin, version);
    expect(await refusalOf(world.join({ token: token(world.controlPlane.keySet.version + 1) }))).toEqual([
      'key-set-older',
      1,
    ]);
    await world.join({ token: token(world.controlPlane.keySet.version) });
  });

  test('a control plane whose key set names an authority that nobody could connect by', async () => {
    const keySet = await world.controlPlane.nextKeySet({ authorities: ['AAAA'] });
    world.gateway.answer = (path) => {
      const body = { instanceId: UUID, name: 'web-1', project: 'default', keySet };
      return path.endsWith('enroll') ? { status: 201, body } : null;
    };
    expect(await refusalOf(world.join())).toEqual(['key-set-malformed', 1]);
    expect(readdirSync(world.directory)).toEqual(['identity.key']);
  });

  test.each([
    [200, '<html>', 'answer-malformed'],
    [500, '', 'answer-malformed'],
    [201, { instanceId: '../../etc' }, 'answer-malformed'],
  ])('an answer that is none: %i %j', async (status, body, code) => {
    world.gateway.answer = (path) => (path.endsWith('enroll') ? { status, body } : null);
    expect(await refusalOf(world.join())).toEqual([code, 1]);
  });

  test('what the control plane refuses, in its words but without what could harm a terminal', async () => {
    const body = {
      code: 'rate-limited',
      message: 'Too \u001b[2Jmany\r\u202e.',
      remedy: 'Wait\u0007 a minute.',
      details: [],
      requestId: 'r',
    };
    world.gateway.answer = (path) => (path.endsWith('enroll') ? { status: 429, body } : null);
    await expect(world.join()).rejects.toMatchObject({
      ...{ code: 'rate-limited', message: 'Too \ufffd[2Jmany\ufffd\ufffd.', remedy: 'Wait\ufffd a minute.' },
    });
  });
});

describe('the name', () => {
  test.each([
    ['web-1', 'web-1'],
    ['Web.Example.COM', 'web.example.com'],
    ['_däta base_', 'd-ta-base'],
    ['-', 'instance'],
    ['', 'instance'],
    [`${'a'.repeat(62)}-b`, 'a'.repeat(62)],
    [UUID, `host-${UUID}`],
    [UUID.toUpperCase(), `host-${UUID}`],
    ['00000000-0000-0000-0000-000000000000', 'host-00000000-0000-0000-0000-000000000000'],
  ])('of the host %j is made to fit: %j', (hostname, expected) => {
    expect(instanceNameFor(null, hostname)).toBe(expected);
  });

  test.each(['', 'Web', '-web', 'web-', 'a'.repeat(64), 'a b', 'ä', UUID, '../etc'])(
    '%j is refused with the rule',
    (wish) => {
      expect(() => instanceNameFor(wish, 'host')).toThrow(/1 to 63 of lower-case letters.*not the form of a UUID/);
    },
  );

  test('that was asked for is kept', () => {
    expect(instanceNameFor('db-1', 'web-1')).toBe('db-1');
  });
});

test('a key set by a stranger who also answers is not believed for its own signature', async () => {
  const stranger = await newSigner();
  const keySet = await world.controlPlane.nextKeySet({}, stranger);
  expect(fromBase64Url(keySet.bytes).length).toBeGreaterThan(0);
  world.gateway.answer = (path) =>
    path.endsWith('enroll') ? { status: 201, body: { instanceId: UUID, name: 'x', project: 'default', keySet } } : null;
  expect(await refusalOf(world.join())).toEqual(['key-set-unknown-key', 1]);
});
