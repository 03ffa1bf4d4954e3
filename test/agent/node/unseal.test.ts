import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { fromBase64Url, ResetId, sealPassword, SealedPassword, toBase64Url, utf8, type SealContext } from '#protocol';
import { unsealPassword } from '../../../agent/node/unseal.ts';
import { CONTEXT, IDS, KEYS, STATEMENT } from '../../protocol/support/cast.ts';
import { hpkeSeal, sha256 } from '../../protocol/vectors/reference.ts';
import sealings from '../../protocol/vectors/sealing.json' with { type: 'json' };

const open = (sealed: SealedPassword, context: SealContext = CONTEXT, key: Uint8Array = KEYS.sealing.secret) =>
  unsealPassword(key, context, sealed);
const seal = (password: Uint8Array) => sealPassword(STATEMENT, CONTEXT, password);

describe("the agent's own way to open a seal", () => {
  test.each(sealings)('opens what another implementation sealed: $name', ({ context, sealed, password }) => {
    const opened = open(SealedPassword.parse(sealed), context as SealContext);
    expect(opened).toEqual(utf8(password));
  });

  test('opens what clients seal, whatever the bytes are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 63 }), async (password) => {
        expect(Array.from(open(await seal(password)) ?? [-1])).toEqual(Array.from(password));
      }),
    );
  });

  test('refuses a seal of which one bit is another', async () => {
    const sealed = await seal(utf8('Correct-Horse7'));
    const flipped = (text: string, at: number) => {
      const bytes = fromBase64Url(text);
      bytes[at % bytes.length] = (bytes[at % bytes.length] ?? 0) ^ 1;
      return toBase64Url(bytes);
    };
    fc.assert(
      fc.property(fc.nat(79), fc.constantFrom('enc', 'ciphertext'), (at, part) => {
        expect(open({ ...sealed, [part]: flipped(sealed[part], at) })).toBeNull();
      }),
    );
  });

  test.each<[string, Partial<SealContext>]>([
    ['another reset', { resetId: ResetId.parse(IDS.otherReset) }],
    ['other options', { options: { unlock: true, unexpire: false, mustChange: false } }],
    ['the other mode', { mode: 'offline' }],
    ['another limit', { notAfter: CONTEXT.notAfter + 1 }],
  ])('refuses a seal that was made for %s', async (_, other) => {
    expect(open(await seal(utf8('Correct-Horse7')), { ...CONTEXT, ...other })).toBeNull();
  });

  test('refuses a seal to another key', async () => {
    expect(open(await seal(utf8('Correct-Horse7')), CONTEXT, KEYS.otherSealing.secret)).toBeNull();
  });

  test('refuses a sender whose point has small order', async () => {
    const sealed = await seal(utf8('Correct-Horse7'));
    expect(open({ ...sealed, enc: toBase64Url(new Uint8Array(32)) })).toBeNull();
  });

  test('refuses what is sealed well and is no padded password', () => {
    const { instanceId, identity, account, resetId, mode, notAfter } = CONTEXT;
    const flags = [false, false, false];
    const bound = [instanceId, identity, STATEMENT.keyId, account, resetId, mode, flags, notAfter];
    const aad = sha256(JSON.stringify(['latchkey/sealed-password/v1', ...bound]));
    const sealRaw = (plaintext: Buffer) => {
      const message = { info: Buffer.alloc(0), aad, plaintext };
      const { enc, ciphertext } = hpkeSeal(KEYS.ephemeral.secret, KEYS.sealing.raw, message);
      return { keyId: STATEMENT.keyId, enc: toBase64Url(enc), ciphertext: toBase64Url(ciphertext) };
    };
    const padded = Buffer.alloc(64);
    padded.set([3, 97, 98, 99]);
    expect(open(sealRaw(padded))).toEqual(utf8('abc'));
    padded[10] = 1; // Behind the password there are zeroes only.
    expect(open(sealRaw(padded))).toBeNull();
    expect(open(sealRaw(Buffer.alloc(63)))).toBeNull();
  });

  test('throws on what is no private key: a damaged file is not a broken seal', async () => {
    const sealed = await seal(utf8('Correct-Horse7'));
    expect(() => open(sealed, CONTEXT, new Uint8Array(31))).toThrow(RangeError);
  });
});
