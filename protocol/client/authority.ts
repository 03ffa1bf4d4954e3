import { fromBase64Url, sha256, toBase64Url } from '../encoding.ts';
import { parseJoinToken, type JoinToken } from '../rest/access.ts';

export type AuthorityChoice =
  /** The PEM to trust, alone; null where public authorities are trusted. And what the token says otherwise. */
  | { readonly ok: true; readonly authority: string | null; readonly token: JoinToken }
  | { readonly ok: false; readonly why: 'not-a-join-token' | 'authority-mismatch' };

/**
 * The authority that a host is to trust: the one that the join token names, of those that the control plane hands out.
 * It is going to stand in a here-document, so it is written anew from what it means: base64 can end the document on a
 * line of its own, and go on as commands.
 */
export async function chooseAuthority(token: string, pem: string | null): Promise<AuthorityChoice> {
  const parsed = parseJoinToken(token);
  if (parsed === null) return { ok: false, why: 'not-a-join-token' };
  if (parsed.caPin === null) return { ok: true, authority: null, token: parsed };
  const blocks = pem?.match(/-----BEGIN CERTIFICATE-----[A-Za-z0-9+/=\s]+-----END CERTIFICATE-----/g) ?? [];
  for (const block of blocks) {
    const certificate = certificateIn(block);
    const key = certificate === null ? null : subjectPublicKeyInfo(certificate);
    if (certificate !== null && key !== null && (await sha256(key)) === parsed.caPin) {
      return { ok: true, authority: pemOf(certificate.whole), token: parsed };
    }
  }
  return { ok: false, why: 'authority-mismatch' };
}

/** The certificate alone, without what may stand after it; null for text that is none. */
function certificateIn(pem: string): Element | null {
  const der = derOf(pem);
  const certificate = der === null ? null : firstElement(der);
  return certificate?.tag === SEQUENCE ? certificate : null;
}

const PEM_LINE_CHARS = 64;

function pemOf(der: Uint8Array): string {
  const text = toBase64Url(der).replaceAll('-', '+').replaceAll('_', '/');
  const padded = text.padEnd(Math.ceil(text.length / 4) * 4, '=');
  const lines: string[] = [];
  for (let at = 0; at < padded.length; at += PEM_LINE_CHARS) lines.push(padded.slice(at, at + PEM_LINE_CHARS));
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

function derOf(pem: string): Uint8Array | null {
  const body = pem.replaceAll(/-----[A-Z ]+-----|\s/g, '').replace(/=+$/, '');
  try {
    return fromBase64Url(body.replaceAll('+', '-').replaceAll('/', '_'));
  } catch {
    return null; // Not a certificate: none that any pin could be of.
  }
}

const SEQUENCE = 0x30;
/** `[0] EXPLICIT`: the version, left out of certificates of version 1. */
const VERSION = 0xa0;
/** Serial number, signature algorithm, issuer, validity, subject. */
const FIELDS_BEFORE_KEY = 5;

interface Element {
  readonly tag: number;
  /** With its header. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

/** RFC 5280, section 4.1: the key is the sixth field of what is signed, after the version. */
function subjectPublicKeyInfo(certificate: Element): Uint8Array | null {
  const signed = firstElement(certificate.content);
  if (signed?.tag !== SEQUENCE) return null;
  let rest = signed.content;
  const next = (): Element | null => {
    const element = firstElement(rest);
    if (element !== null) rest = rest.subarray(element.whole.length);
    return element;
  };
  let field = next();
  if (field?.tag === VERSION) field = next();
  for (let skipped = 0; skipped < FIELDS_BEFORE_KEY && field !== null; skipped += 1) field = next();
  return field?.tag === SEQUENCE ? field.whole : null;
}

/** The first element of DER: a tag of one byte and a definite length. Null where there is none. */
function firstElement(bytes: Uint8Array): Element | null {
  const [tag, first] = bytes;
  if (tag === undefined || first === undefined) return null;
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  // What is 16 MiB or longer is no certificate, and without a definite length it is no DER.
  if (first === 0x80 || lengthBytes > 3) return null;
  let length = first;
  if (lengthBytes > 0) length = bytes.subarray(2, 2 + lengthBytes).reduce((sum, byte) => sum * 256 + byte, 0);
  const start = 2 + lengthBytes;
  const end = start + length;
  if (end > bytes.length) return null;
  return { tag, whole: bytes.subarray(0, end), content: bytes.subarray(start, end) };
}
