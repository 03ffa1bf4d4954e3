import fc from 'fast-check';
import * as z from 'zod';
import { describe, expect, test } from 'vitest';
import {
  fingerprintOf,
  fromBase64Url,
  openSigned,
  parseJsonBytes,
  signBytes,
  Signed,
  SIGNED_TYPES,
  signingInput,
  signJson,
  thumbprintOf,
  toBase64Url,
  utf8,
  verifyEd25519,
  type PublicKey,
} from '#protocol';
import { KEYS, publicKey, signedBy, signer, thumbprint } from './support/cast.ts';
import { checkEd25519, domainInput, signEd25519 } from './vectors/reference.ts';

const Body = z.strictObject({ v: z.literal(1) });
const body = { v: 1 };
const open = (type: (typeof SIGNED_TYPES)[number], signed: Signed, key = publicKey('identity')) =>
  openSigned(verifyEd25519, key, type, Body, signed);

const pairs = SIGNED_TYPES.flatMap((made) => SIGNED_TYPES.map((taken) => [made, taken] as const));

describe('a signature', () => {
  test.each(SIGNED_TYPES)('of the domain %s opens in that domain', async (type) => {
    expect(await open(type, await signedBy('identity', type, body))).toEqual({ ok: true, body });
  });

  test.each(pairs.filter(([made, taken]) => made !== taken))(
    'of the domain %s is nothing as %s',
    async (made, taken) => {
      expect(await open(taken, await signedBy('identity', made, body))).toEqual({ ok: false, why: 'bad-signature' });
    },
  );

  test('of no domain is the start of that of another', () => {
    const inputs = SIGNED_TYPES.map((type) => Buffer.from(signingInput(type, new Uint8Array())).toString('latin1'));
    for (const [made, taken] of pairs) {
      const [one, other] = [inputs[SIGNED_TYPES.indexOf(made)]!, inputs[SIGNED_TYPES.indexOf(taken)]!];
      expect(other.startsWith(one)).toBe(made === taken);
    }
  });

  test('without a domain is nothing', async () => {
    const bytes = Buffer.from(JSON.stringify(body));
    const bare = {
      bytes: toBase64Url(bytes),
      key: thumbprint('identity'),
      signature: toBase64Url(signEd25519(KEYS.identity.secret, bytes)),
    };
    for (const type of SIGNED_TYPES) expect((await open(type, Signed.parse(bare))).ok).toBe(false);
  });

  test('by another key is nothing', async () => {
    expect(await open('order', await signedBy('otherIdentity', 'order', body))).toEqual({
      ok: false,
      why: 'bad-signature',
    });
  });

  test('breaks with any bit of it, and with any bit of what it covers', async () => {
    const signed = await signedBy('identity', 'order', body);
    for (const field of ['bytes', 'signature'] as const) {
      const whole = fromBase64Url(signed[field]);
      for (let bit = 0; bit < whole.length * 8; bit += 1) {
        const changed = whole.slice();
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const opened = await open('order', { ...signed, [field]: toBase64Url(changed) });
        expect(opened).toEqual({ ok: false, why: 'bad-signature' });
      }
    }
  });

  test('is one that node:crypto makes and accepts, over any bytes', async () => {
    const identity = await signer('identity');
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...SIGNED_TYPES),
        fc.uint8Array({ minLength: 2, maxLength: 100 }),
        async (type, bytes) => {
          const ours = Buffer.from((await signBytes(identity, type, bytes)).signature, 'base64url');
          const input = domainInput(type, Buffer.from(bytes));
          expect(ours).toEqual(signEd25519(KEYS.identity.secret, input));
          expect(checkEd25519(KEYS.identity.raw, input, ours)).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });

  test('has one form: adding the group order to it does not make a second', async () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n;
    const signed = await signedBy('identity', 'order', body);
    const signature = Buffer.from(signed.signature, 'base64url');
    const scalar = BigInt(`0x${Buffer.from(signature.subarray(32)).reverse().toString('hex')}`) + order;
    Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex').reverse().copy(signature, 32);
    expect((await open('order', { ...signed, signature: toBase64Url(signature) })).ok).toBe(false);
  });
});

describe('verification', () => {
  test('says no and never throws, whatever it is given', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 40 }),
        fc.uint8Array({ minLength: 64, maxLength: 64 }),
        async (message, signature) => {
          expect(await verifyEd25519(publicKey('identity'), message, signature)).toBe(false);
        },
      ),
    );
    for (const length of [0, 1, 63, 65, 128]) {
      expect(await verifyEd25519(publicKey('identity'), new Uint8Array(), new Uint8Array(length))).toBe(false);
    }
    for (const key of ['', 'A', 'not base64url!', toBase64Url(new Uint8Array(31)), toBase64Url(new Uint8Array(33))]) {
      expect(await verifyEd25519(key as PublicKey, new Uint8Array(), new Uint8Array(64))).toBe(false);
    }
  });
});

describe('signed bytes', () => {
  test('are verified before they are parsed', async () => {
    const garbage = { ...(await signedBy('identity', 'order', body)), bytes: toBase64Url(utf8('{{{')) };
    expect(await open('order', garbage)).toEqual({ ok: false, why: 'bad-signature' });
  });

  test.each([
    ['what is not UTF-8', [0x22, 0xff, 0x22]],
    ['a byte order mark', [0xef, 0xbb, 0xbf, ...utf8('{"v":1}')]],
    ['what is not JSON', [...utf8("{'v':1}")]],
    ['two values', [...utf8('{"v":1}{}')]],
    ['a field that is not known', [...utf8('{"v":1,"w":1}')]],
    ['a prototype', [...utf8('{"v":1,"__proto__":{}}')]],
    ['another version', [...utf8('{"v":2}')]],
    ['null', [...utf8('null')]],
  ])('that hold %s are malformed, though rightly signed', async (_, bytes) => {
    const signed = await signBytes(await signer('identity'), 'order', new Uint8Array(bytes));
    expect(await open('order', signed)).toEqual({ ok: false, why: 'malformed' });
  });

  test('are passed on as they are, white space and all', async () => {
    const bytes = utf8(' {"v" : 1}\n');
    const signed = await signBytes(await signer('identity'), 'order', bytes);
    expect(fromBase64Url(signed.bytes)).toEqual(bytes);
    expect(await open('order', signed)).toEqual({ ok: true, body });
  });

  test('have a limit', async () => {
    const identity = await signer('identity');
    const most = 190 * 1024;
    await expect(signBytes(identity, 'order', new Uint8Array(most))).resolves.toBeDefined();
    await expect(signBytes(identity, 'order', new Uint8Array(most + 1))).rejects.toThrow();
    await expect(signJson(identity, 'order', undefined)).rejects.toThrow();
  });

  test('never make the reader throw', () => {
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array(), fc.json().map(utf8)), (bytes) => {
        expect(parseJsonBytes(Body, bytes).ok).toBe(Buffer.from(bytes).toString() === '{"v":1}');
      }),
    );
  });
});

describe('a key', () => {
  test('is named by its thumbprint, which depends on its curve', async () => {
    const key = publicKey('identity');
    expect(await thumbprintOf(key)).toBe(thumbprint('identity'));
    expect(await thumbprintOf(key, 'X25519')).not.toBe(thumbprint('identity'));
    expect((await signer('identity')).key).toBe(thumbprint('identity'));
  });
  test('is shown to people like ssh shows one', () => {
    expect(fingerprintOf(thumbprint('identity'))).toBe('SHA256:kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k');
  });
});
