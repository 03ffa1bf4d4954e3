import { generateKeyPairSync } from 'node:crypto';
import { createSigner, fromBase64Url, type PublicKey, type Signer } from '#protocol';

/** A fresh Ed25519 key as a protocol signer. */
export async function newSigner(): Promise<Signer> {
  const pair = generateKeyPairSync('ed25519');
  const pkcs8 = pair.privateKey.export({ format: 'der', type: 'pkcs8' });
  return createSigner(pkcs8, pair.publicKey.export({ format: 'jwk' }).x as PublicKey);
}

/** A fresh X25519 key, both halves raw. */
export function newSealingPair(): { publicKey: PublicKey; privateKey: Uint8Array } {
  const jwk = generateKeyPairSync('x25519').privateKey.export({ format: 'jwk' });
  if (jwk.x === undefined || jwk.d === undefined) throw new Error('the runtime made an incomplete X25519 key');
  return { publicKey: jwk.x as PublicKey, privateKey: fromBase64Url(jwk.d) };
}
