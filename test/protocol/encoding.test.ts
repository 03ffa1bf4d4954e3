import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { base64UrlBytes, concatBytes, Digest, fromBase64Url, fromUtf8, sha256, toBase64Url, utf8 } from '#protocol';

const bytesOf = (max = 300) => fc.uint8Array({ maxLength: max });

describe('base64url', () => {
  test('is what node:buffer writes, and reads back as it was', () => {
    fc.assert(
      fc.property(bytesOf(), (bytes) => {
        const text = toBase64Url(bytes);
        expect(text).toBe(Buffer.from(bytes).toString('base64url'));
        expect(fromBase64Url(text)).toEqual(bytes);
      }),
    );
  });

  test('has one text for one value: whatever is read is written the same', () => {
    const nearly = fc.string({ unit: fc.constantFrom(...Array.from('AQgwZaz09-_+/= \n')), maxLength: 9 });
    fc.assert(
      fc.property(nearly, (text) => {
        let bytes: Uint8Array;
        try {
          bytes = fromBase64Url(text);
        } catch {
          return;
        }
        expect(toBase64Url(bytes)).toBe(text);
      }),
    );
  });

  test.each([
    ['padding', 'AA=='],
    ['padding of one', 'AAA='],
    ['the other alphabet, plus', '+AAA'],
    ['the other alphabet, slash', '/AAA'],
    ['unused bits of two characters', 'AB'],
    ['unused bits of three characters', 'AAB'],
    ['a lone character', 'A'],
    ['a lone character after whole groups', 'AAAAA'],
    ['a line end', 'AAAA\n'],
    ['white space', 'AA AA'],
    ['a letter that only looks like one', 'ААAA'],
    ['NUL', 'AAA\0'],
  ])('refuses %s', (_, text) => {
    expect(() => fromBase64Url(text)).toThrow(TypeError);
    expect(base64UrlBytes(0, 100).safeParse(text).success).toBe(false);
  });

  test('ends in as many characters as its last bits allow, and no more', () => {
    const alphabet = Array.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_');
    for (const [start, bytes] of [
      ['A', 1],
      ['AA', 2],
    ] as const) {
      const taken = alphabet.filter((last) => base64UrlBytes(bytes, bytes).safeParse(start + last).success);
      expect(taken).toHaveLength(bytes === 1 ? 4 : 16);
      for (const last of taken) expect(toBase64Url(fromBase64Url(start + last))).toBe(start + last);
    }
  });

  test.each([
    [0, 0],
    [1, 1],
    [1, 2],
    [2, 4],
    [32, 32],
    [64, 64],
    [80, 80],
    [5, 64 * 1024],
  ])('of %i to %i bytes takes both ends and nothing beyond', (min, max) => {
    const schema = base64UrlBytes(min, max);
    const takes = (count: number) => schema.safeParse(toBase64Url(new Uint8Array(count))).success;
    expect(takes(min)).toBe(true);
    expect(takes(max)).toBe(true);
    expect(takes(max + 1)).toBe(false);
    if (min > 0) expect(takes(min - 1)).toBe(false);
  });

  test('refuses what is not text', () => {
    for (const value of [null, 0, {}, [], true]) expect(base64UrlBytes(0, 9).safeParse(value).success).toBe(false);
  });
});

describe('UTF-8', () => {
  test('reads back whatever text was written', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(fromUtf8(utf8(text))).toBe(text);
      }),
    );
  });

  test('is read whole: other bytes never give the same text', () => {
    fc.assert(
      fc.property(bytesOf(12), (bytes) => {
        let text: string;
        try {
          text = fromUtf8(bytes);
        } catch {
          return;
        }
        expect(utf8(text)).toEqual(bytes);
      }),
    );
    expect(fromUtf8(new Uint8Array([0xef, 0xbb, 0xbf, 0x41]))).toBe('\ufeffA');
  });

  test.each([
    ['a stray continuation', [0x80]],
    ['a cut sequence', [0xe2, 0x82]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['an overlong NUL', [0xc0, 0x80]],
    ['a surrogate', [0xed, 0xa0, 0x80]],
    ['a code point beyond the last', [0xf4, 0x90, 0x80, 0x80]],
    ['a byte that UTF-8 does not have', [0xff]],
  ])('refuses %s', (_, bytes) => {
    expect(() => fromUtf8(new Uint8Array(bytes))).toThrow();
  });
});

test('bytes join in order', () => {
  fc.assert(
    fc.property(fc.array(bytesOf(20), { maxLength: 5 }), (parts) => {
      expect(Buffer.from(concatBytes(...parts))).toEqual(Buffer.concat(parts));
    }),
  );
});

test('a digest is SHA-256', async () => {
  // FIPS 180-4, the message "abc".
  const known = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
  const digest = await sha256(utf8('abc'));
  expect(Buffer.from(digest, 'base64url').toString('hex')).toBe(known);
  expect(Digest.safeParse(digest).success).toBe(true);
});
