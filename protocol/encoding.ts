import * as z from 'zod';
import { base64ToBinary, binaryToBase64, encoder, strictDecoder, subtle } from './platform.ts';

const BASE64URL = /^[A-Za-z0-9_-]*$/;

/** Bytes as base64url without padding: how every key, signature, digest and ciphertext travels. */
export function toBase64Url(bytes: Uint8Array): string {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return binaryToBase64(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** The bytes behind base64url text. Throws on text that `Base64Url` would refuse. */
export function fromBase64Url(text: string): Uint8Array {
  if (!isCanonicalBase64Url(text)) throw new TypeError('not canonical base64url');
  const binary = base64ToBinary(text.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i += 1) bytes[i] = binary.charCodeAt(i);
  return bytes;
}

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** One text for one value: no padding, no other alphabet, and unused bits of the last character zero. */
function isCanonicalBase64Url(text: string): boolean {
  if (!BASE64URL.test(text)) return false;
  const rest = text.length % 4;
  if (rest === 0) return true;
  if (rest === 1) return false;
  const last = ALPHABET.indexOf(text.charAt(text.length - 1));
  return (last & (rest === 2 ? 0b1111 : 0b11)) === 0;
}

/** base64url text that holds between `min` and `max` bytes. */
export function base64UrlBytes(min: number, max: number) {
  return z
    .string()
    .max(Math.ceil((max * 4) / 3))
    .refine(isCanonicalBase64Url, 'must be canonical base64url')
    .refine((text) => byteLength(text) >= min && byteLength(text) <= max, `must hold ${min} to ${max} bytes`);
}

function byteLength(base64Url: string): number {
  return Math.floor((base64Url.length * 3) / 4);
}

/** UTF-8 bytes of text. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Text of UTF-8 bytes, all of it, a byte order mark too; throws on bytes that are not UTF-8. */
export function fromUtf8(bytes: Uint8Array): string {
  return strictDecoder.decode(bytes);
}

export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** SHA-256 as base64url, 43 characters. */
export const Digest = base64UrlBytes(32, 32).brand<'Digest'>();
export type Digest = z.infer<typeof Digest>;

export async function sha256(bytes: Uint8Array): Promise<Digest> {
  return toBase64Url(new Uint8Array(await subtle.digest('SHA-256', bytes))) as Digest;
}
