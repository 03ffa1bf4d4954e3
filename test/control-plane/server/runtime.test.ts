import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { utf8, verifyEd25519, type PublicKey } from '#protocol';
import { newSigningKeyPem, signerOfPem } from '../../../control-plane/server/keys/signing-key.ts';
import { verifyHere } from '../../../control-plane/server/runtime.ts';

describe('signatures without a trip to another thread', async () => {
  const signer = await signerOfPem(newSigningKeyPem(), 'a test');
  const other = await signerOfPem(newSigningKeyPem(), 'a test');
  const message = utf8('what is signed');

  test('are those that WebCrypto accepts', async () => {
    const signature = await signer.sign(message);
    expect(await verifyEd25519(signer.publicKey, message, signature)).toBe(true);
    expect(await verifyHere(signer.publicKey, message, signature)).toBe(true);
  });

  test('are refused for another key, another message, and every other bit', async () => {
    const signature = await signer.sign(message);
    expect(await verifyHere(other.publicKey, message, signature)).toBe(false);
    expect(await verifyHere(signer.publicKey, utf8('what was not'), signature)).toBe(false);
    for (let bit = 0; bit < signature.length * 8; bit += 1) {
      const changed = Uint8Array.from(signature, (byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));
      expect(await verifyHere(signer.publicKey, message, changed)).toBe(false);
    }
  });

  test('are refused when they are longer or shorter, and for what is no key', async () => {
    const signature = await signer.sign(message);
    expect(await verifyHere(signer.publicKey, message, signature.subarray(1))).toBe(false);
    expect(await verifyHere(signer.publicKey, message, Uint8Array.of(...signature, 0))).toBe(false);
    for (const key of ['', 'AA', '*', signer.publicKey.slice(1), `${signer.publicKey}AA`]) {
      expect(await verifyHere(key as PublicKey, message, signature)).toBe(false);
    }
  });

  test('are judged as WebCrypto judges them, whatever the bytes', async () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    await fc.assert(
      fc.asyncProperty(bytes(32), bytes(64), async (key, signature) => {
        const publicKey = Buffer.from(key).toString('base64url') as PublicKey;
        const judged = await verifyHere(publicKey, message, signature);
        expect(judged).toBe(await verifyEd25519(publicKey, message, signature));
      }),
      { numRuns: 200 },
    );
  });
});
