import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type * as z from 'zod';
import {
  CreateApiToken,
  CreateToken,
  Enrol,
  EnrolmentRequest,
  formatJoinToken,
  parseJoinToken,
  RID_500,
  toBase64Url,
  type JoinToken,
  type TokenId,
} from '#protocol';
import { IDS, publicKey, thumbprint } from './support/cast.ts';

const takes = (schema: z.ZodType, value: unknown) => schema.safeParse(value).success;

describe('a token of the API', () => {
  const token = { type: 'api', name: 'ci', role: 'operator' };
  test('may reset no privileged account unless it says so', () => {
    expect(CreateApiToken.parse(token)).toEqual({
      ...token,
      projects: null,
      accounts: null,
      privileged: false,
      ttlMs: null,
    });
    expect(takes(CreateToken, { ...token, accounts: ['alice', RID_500] })).toBe(true);
  });
  test.each([
    { role: 'root' },
    { name: '' },
    { name: 'x'.repeat(64) },
    { name: 'ci\n' },
    // An empty list would be read as "none" by some and as "all" by others.
    { projects: [] },
    { accounts: [] },
    { accounts: ['*'] },
    { ttlMs: 59_999 },
    { ttlMs: 400 * 86_400_000 + 1 },
    { ttlMs: 0 },
    { privileged: 1 },
    { token: 'chosen' },
  ])('is refused with %j', (change) => {
    expect(takes(CreateToken, { ...token, ...change })).toBe(false);
  });
});

describe('a join token', () => {
  test('is good for one use within an hour, and replaces nobody, unless it says otherwise', () => {
    expect(CreateToken.parse({ type: 'join' })).toEqual({
      type: 'join',
      project: 'default',
      instance: null,
      reEnrol: false,
      uses: 1,
      ttlMs: 3_600_000,
    });
  });
  test.each([
    { uses: 0 },
    { uses: 10_001 },
    { ttlMs: 59_999 },
    { ttlMs: 7 * 86_400_000 + 1 },
    { role: 'administrator' },
  ])('is refused with %j', (change) => {
    expect(takes(CreateToken, { type: 'join', ...change })).toBe(false);
  });

  const bytes32 = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toBase64Url);
  const parts = {
    id: fc.uuid({ version: 4 }),
    secret: bytes32,
    caPin: fc.option(bytes32),
    scriptKey: bytes32,
  };
  const tokens = fc.oneof(
    fc.record(parts),
    fc.record({ ...parts, keySetVersionMin: fc.integer({ min: 1, max: 999_999_999_999_999 }) }),
  );

  test('reads back as it was written', () => {
    fc.assert(
      fc.property(tokens, (token) => {
        const text = formatJoinToken(token as JoinToken);
        expect(parseJoinToken(text)).toEqual(token);
        expect(parseJoinToken(`  ${text}\n`)).toEqual(token);
      }),
    );
  });

  const secret = toBase64Url(new Uint8Array(32).fill(7));
  const pin = toBase64Url(new Uint8Array(32).fill(9));
  const key = thumbprint('script');
  const good = `lkj_${IDS.token}_${secret}_${pin}_${key}`;
  const loose = `${secret.slice(0, -1)}d`;

  test.each([
    ['nothing', ''],
    ['a token of the API', `lka_${IDS.token}_${secret}`],
    ['another prefix', good.replace('lkj', 'LKJ')],
    ['a part more', `${good}_x`],
    ['a version that is none', `${good}_0`],
    ['a version written otherwise', `${good}_07`],
    ['a version without end', `${good}_${'9'.repeat(16)}`],
    ['a version twice', `${good}_7_7`],
    ['a part less', `lkj_${IDS.token}_${secret}_${pin}`],
    ['an id that is none', good.replace(IDS.token, '-'.repeat(36))],
    ['an id in capitals', good.replace(IDS.token, IDS.token.toUpperCase())],
    ['a secret with loose bits', good.replace(secret, loose)],
    ['a pin with loose bits', good.replace(pin, loose)],
    ['a key with loose bits', good.replace(key, loose)],
    ['another word for a pin', good.replace(pin, 'none')],
    ['a line end within', good.replace('_', '_\n')],
    ['a line after it', `${good}\n${good}`],
    ['padding', `${good}=`],
    ['an escape code', `${good}\u001b[2J`],
    ['a megabyte', 'lkj_'.repeat(250_000)],
  ])('is not made of %s', (_, text) => {
    expect(parseJoinToken(text)).toBeNull();
  });

  test('is never found in hostile text, which makes nothing throw', () => {
    const pieces = fc.constantFrom('lkj_', IDS.token, secret, pin, key, '_', 'system', '\n', 'x');
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.array(pieces).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (said) => {
        const token = parseJoinToken(said);
        if (token !== null) expect(formatJoinToken(token)).toBe(said.trim());
      }),
      { numRuns: 300 },
    );
    expect(parseJoinToken(good)?.id).toBe(IDS.token as TokenId);
  });
});

describe('an enrolment', () => {
  const request = {
    ...{ v: 1, tokenId: IDS.token, publicKey: publicKey('identity'), os: 'linux', name: 'web-1' },
    ...{ hostname: 'web-1', agentVersion: '0.1.0' },
  };
  test('names what it asks for and nothing else', () => {
    expect(takes(EnrolmentRequest, request)).toBe(true);
    for (const change of [
      { project: 'other' },
      { instanceId: IDS.instance },
      { os: 'mac' },
      { hostname: 'a\u001bb' },
    ]) {
      expect(takes(EnrolmentRequest, { ...request, ...change })).toBe(false);
    }
  });
  test('never takes the id of an instance for its name', () => {
    expect(takes(EnrolmentRequest, { ...request, name: IDS.otherInstance })).toBe(false);
  });
  test('shows a secret of 32 bytes', () => {
    const signed = { bytes: 'e30', key: thumbprint('identity'), signature: toBase64Url(new Uint8Array(64)) };
    const enrol = { tokenId: IDS.token, publicKey: publicKey('identity'), request: signed };
    expect(takes(Enrol, { ...enrol, secret: toBase64Url(new Uint8Array(32)) })).toBe(true);
    expect(takes(Enrol, { ...enrol, secret: toBase64Url(new Uint8Array(31)) })).toBe(false);
  });
});
