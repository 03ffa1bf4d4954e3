import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  concatBytes,
  createSigner,
  formatJoinToken,
  fromBase64Url,
  parseJoinToken,
  passwordText,
  sealedDigest,
  sessionBindingOf,
  SIGNED_TYPES,
  signBytes,
  signingInput,
  thumbprintOf,
  toBase64Url,
  Transcript,
  transcriptBytes,
  unsealPassword,
  utf8,
  verifyEd25519,
  type JoinToken,
  type PublicKey,
  type SealContext,
  type SealedPassword,
} from '#protocol';
import joinTokens from './vectors/join-tokens.json' with { type: 'json' };
import rfc from './vectors/rfc.json' with { type: 'json' };
import sealings from './vectors/sealing.json' with { type: 'json' };
import signatures from './vectors/signatures.json' with { type: 'json' };
import thumbprints from './vectors/thumbprints.json' with { type: 'json' };
import transcript from './vectors/transcript.json' with { type: 'json' };
import { KEYS } from './vectors/cast.ts';
import { makeVectors } from './vectors/make.ts';
import * as reference from './vectors/reference.ts';

const hex = (text: string) => Buffer.from(text, 'hex');

test('the frozen vectors are what the second implementation says today', () => {
  for (const [name, content] of Object.entries(makeVectors())) {
    expect(JSON.parse(readFileSync(new URL(`vectors/${name}`, import.meta.url), 'utf8'))).toEqual(content);
  }
});

describe('the second implementation gives the published answers', () => {
  test.each(rfc.ed25519)('of $source', ({ secret, publicKey, message, signature }) => {
    expect(reference.publicBytes('Ed25519', hex(secret)).toString('hex')).toBe(publicKey);
    expect(reference.signEd25519(hex(secret), hex(message)).toString('hex')).toBe(signature);
  });
  test.each(rfc.thumbprints)('of $source', ({ publicKey, thumbprint }) => {
    expect(reference.thumbprint('Ed25519', Buffer.from(publicKey, 'base64url'))).toBe(thumbprint);
  });
  test.each(rfc.hpke)('of $source', ({ skEm, pkRm, skRm, enc, info, aad, plaintext, ciphertext, ...schedule }) => {
    expect(reference.publicBytes('X25519', hex(skRm)).toString('hex')).toBe(pkRm);
    const derived = reference.keySchedule(reference.agree(hex(skEm), hex(pkRm)), hex(enc), hex(pkRm), hex(info));
    expect(derived.sharedSecret.toString('hex')).toBe(schedule.sharedSecret);
    expect(derived.key.toString('hex')).toBe(schedule.key);
    expect(derived.nonce.toString('hex')).toBe(schedule.baseNonce);
    const sealed = reference.hpkeSeal(hex(skEm), hex(pkRm), {
      info: hex(info),
      aad: hex(aad),
      plaintext: hex(plaintext),
    });
    expect(sealed.enc.toString('hex')).toBe(enc);
    expect(sealed.ciphertext.toString('hex')).toBe(ciphertext);
  });
});

describe('the protocol gives the published answers', () => {
  test.each(rfc.thumbprints)('of $source', async ({ publicKey, thumbprint }) => {
    expect(await thumbprintOf(publicKey as PublicKey)).toBe(thumbprint);
  });
  test.each(rfc.ed25519)('of $source', async ({ secret, publicKey, message, signature }) => {
    const key = toBase64Url(hex(publicKey)) as PublicKey;
    expect(await verifyEd25519(key, hex(message), hex(signature))).toBe(true);
    const signer = await createSigner(reference.pkcs8Of('Ed25519', hex(secret)), key);
    expect(Buffer.from(await signer.sign(hex(message))).toString('hex')).toBe(signature);
  });
  // Of RFC 9180 it does so by way of the second implementation: what that one seals, this one opens (below).
});

test.each(thumbprints)('the thumbprint of $name stands', async ({ curve, publicKey, publicKeyHex, thumbprint }) => {
  expect(toBase64Url(hex(publicKeyHex))).toBe(publicKey);
  expect(await thumbprintOf(publicKey as PublicKey, curve as 'Ed25519' | 'X25519')).toBe(thumbprint);
});

test('every domain of signatures has a vector', () => {
  expect(signatures.map(({ type }) => type)).toEqual(SIGNED_TYPES);
});

test.each(signatures)('a signature of the domain $type covers exactly these bytes', async (vector) => {
  const type = SIGNED_TYPES.find((known) => known === vector.type)!;
  const bytes = fromBase64Url(vector.bytes);
  expect(Buffer.from(signingInput(type, bytes)).toString('hex')).toBe(vector.inputHex);
  const signer = await createSigner(KEYS.identity.pkcs8, KEYS.identity.publicKey as PublicKey);
  const { bytes: same, key, signature } = await signBytes(signer, type, bytes);
  expect({ bytes: same, key, signature }).toEqual({
    bytes: vector.bytes,
    key: vector.key,
    signature: vector.signature,
  });
  expect(reference.checkEd25519(KEYS.identity.raw, hex(vector.inputHex), Buffer.from(signature, 'base64url'))).toBe(
    true,
  );
});

test('the transcript and the binding of a session stand', async () => {
  const parsed = Transcript.parse(transcript.transcript);
  expect(transcriptBytes(parsed)).toEqual(utf8(transcript.text));
  expect(await sessionBindingOf(parsed)).toBe(transcript.sessionBinding);
});

describe('a password that another implementation sealed opens', () => {
  test.each(sealings)('$name', async ({ context, sealed, password, ...expected }) => {
    const opened = await unsealPassword(KEYS.sealing.secret, context as SealContext, sealed as SealedPassword);
    expect(opened).not.toBeNull();
    expect(passwordText(opened!)).toBe(password);
    expect(await sealedDigest(sealed as SealedPassword)).toBe(expected.sealedDigest);
    const digested = concatBytes(fromBase64Url(sealed.enc), fromBase64Url(sealed.ciphertext));
    expect(reference.sha256(Buffer.from(digested)).toString('base64url')).toBe(expected.sealedDigest);
  });
});

test.each(joinTokens)('the join token of $name reads and writes the same', ({ text, parts }) => {
  expect(parseJoinToken(text)).toEqual(parts);
  expect(formatJoinToken(parts as JoinToken)).toBe(text);
});
