/** Text from the system, made fit to be shown: bounded, one line, printable, and never holding a secret. */

export const DETAIL_CHARACTERS_MAX = 300;

export function safeDetail(text: string, secret?: Buffer): string {
  // Compared as bytes: the secret never becomes part of a result even if some module echoes it.
  let clean = secret === undefined ? text : redact(Buffer.from(text, 'utf8'), secret).toString('utf8');
  // Control characters, C1 included, and the marks that reorder text.
  clean = clean.replace(/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+/g, ' ').trim();
  return clean.length > DETAIL_CHARACTERS_MAX ? `${clean.slice(0, DETAIL_CHARACTERS_MAX - 1)}…` : clean;
}

const MASK = Buffer.from('[secret]');

/** Every occurrence of the secret replaced; an empty secret occurs nowhere. */
export function redact(bytes: Buffer, secret: Buffer): Buffer {
  if (secret.length === 0) return bytes;
  const parts: Buffer[] = [];
  let start = 0;
  for (let at = bytes.indexOf(secret); at >= 0; at = bytes.indexOf(secret, start)) {
    parts.push(bytes.subarray(start, at), MASK);
    start = at + secret.length;
  }
  parts.push(bytes.subarray(start));
  return Buffer.concat(parts);
}
