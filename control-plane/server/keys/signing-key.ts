import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { PublicKey, thumbprintOf, type Signer } from '#protocol';
import { KeyringError } from './errors.ts';
import { readKeyFile } from './key-files.ts';

/** A new Ed25519 private key as PKCS#8 PEM. */
export function newSigningKeyPem(): string {
  return generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
}

/** The signer behind a PEM. `source` names it in errors. Throws `key-file-malformed`. */
export async function signerOfPem(pem: string, source: string): Promise<Signer> {
  const privateKey = parse(pem, source);
  const publicKey = PublicKey.parse(createPublicKey(privateKey).export({ format: 'jwk' }).x);
  return {
    key: await thumbprintOf(publicKey),
    publicKey,
    // Synchronous under its promise: every handshake and every order takes one, and another thread would cost more.
    sign: async (message) => sign(null, message, privateKey),
  };
}

/** Throws `key-file-missing`, `key-file-exposed`, `key-file-malformed`. */
export async function signerOfFile(path: string): Promise<Signer> {
  return signerOfPem(readKeyFile(path), path);
}

function parse(pem: string, source: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    // Without the cause: a parser's words may quote what it read.
    throw new KeyringError('key-file-malformed', `"${source}" holds no private key in PEM.`);
  }
  if (key.asymmetricKeyType !== 'ed25519') {
    throw new KeyringError('key-file-malformed', `"${source}" holds a key that is not Ed25519.`);
  }
  return key;
}
