import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Claim, CLAIM_CHARS_MAX, isPrintable, plainText, printable } from '#protocol';

const UNSAFE: readonly (readonly [what: string, char: string])[] = [
  ['NUL', '\0'],
  ['a line feed', '\n'],
  ['a carriage return', '\r'],
  ['a tab', '\t'],
  ['the escape that starts a terminal sequence', '\u001b'],
  ['delete', '\u007f'],
  ['the C1 form of that escape', '\u009b'],
  ['the last of C1', '\u009f'],
  ['a soft hyphen', '\u00ad'],
  ['a combining grapheme joiner', '\u034f'],
  ['an Arabic letter mark', '\u061c'],
  ['a Hangul filler', '\u3164'],
  ['a Mongolian vowel separator', '\u180e'],
  ['a zero-width space', '\u200b'],
  ['a zero-width joiner', '\u200d'],
  ['a right-to-left mark', '\u200f'],
  ['a line separator', '\u2028'],
  ['a paragraph separator', '\u2029'],
  ['a right-to-left override', '\u202e'],
  ['a word joiner', '\u2060'],
  ['a right-to-left isolate', '\u2067'],
  ['a byte order mark', '\ufeff'],
  ['a variation selector', '\ufe0f'],
  ['an interlinear annotation', '\ufff9'],
  ['a language tag', '\u{e0001}'],
  ['a tag letter', '\u{e0041}'],
  ['the last tag', '\u{e007f}'],
  ['a supplementary variation selector', '\u{e0100}'],
  ['a lone high surrogate', '\ud800'],
  ['a lone low surrogate', '\udfff'],
];

describe('text that is shown', () => {
  test.each(UNSAFE)('never holds %s', (_, char) => {
    for (const text of [char, `a${char}`, `${char}b`, `a${char}b`, `😀${char}😀`]) {
      expect(isPrintable(text)).toBe(false);
      expect(printable(text)).toBe(text.replace(char, '\ufffd'));
    }
  });

  test('never holds a control character of C0 or C1', () => {
    for (let code = 0; code < 0xa0; code += 1) {
      expect(isPrintable(String.fromCharCode(code))).toBe(code >= 0x20 && code < 0x7f);
    }
  });

  test.each(['web-1', 'Größe', 'Администратор', '东京', '😀', 'العربية', 'a\u00a0b', '\ufffd', '<b>&"\''])(
    'keeps %j',
    (text) => {
      expect(isPrintable(text)).toBe(true);
      expect(printable(text)).toBe(text);
      expect(Claim.parse(text)).toBe(text);
    },
  );

  test('is printable and within its length, whatever a peer sent', () => {
    // Any UTF-16 at all, lone surrogates too.
    const anything = fc
      .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 30 })
      .map((units) => String.fromCharCode(...units));
    const text = fc.oneof(anything, fc.string({ unit: 'binary' }), fc.constant('😀'.repeat(20)));
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: 40 }), (said, max) => {
        const shown = printable(said, max);
        expect(isPrintable(shown)).toBe(true);
        expect(shown.isWellFormed()).toBe(true);
        expect(shown.length).toBeLessThanOrEqual(max);
        expect(printable(shown, max)).toBe(shown);
      }),
      { numRuns: 1000 },
    );
  });

  test('is cut between characters, and says so', () => {
    expect(printable('abcdef', 6)).toBe('abcdef');
    expect(printable('abcdefg', 6)).toBe('abcde…');
    expect(printable('abc😀😀', 5)).toBe('abc…');
    expect(printable('abc', 0)).toBe('');
    expect(printable('x'.repeat(CLAIM_CHARS_MAX + 1))).toHaveLength(CLAIM_CHARS_MAX);
  });

  test('gives the same answer when asked again', () => {
    for (let round = 0; round < 3; round += 1) expect(isPrintable('a\u001bb')).toBe(false);
  });
});

describe('plain text of a peer', () => {
  test('is refused, not repaired', () => {
    expect(Claim.safeParse('host\u001b[2J').success).toBe(false);
    expect(Claim.safeParse('host\nname').success).toBe(false);
  });
  test('has a limit', () => {
    expect(plainText(3).safeParse('abc').success).toBe(true);
    expect(plainText(3).safeParse('abcd').success).toBe(false);
    expect(Claim.safeParse('x'.repeat(CLAIM_CHARS_MAX)).success).toBe(true);
    expect(Claim.safeParse('x'.repeat(CLAIM_CHARS_MAX + 1)).success).toBe(false);
  });
});
