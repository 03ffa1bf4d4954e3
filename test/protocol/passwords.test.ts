import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  AccountName,
  DEFAULT_PASSWORD_POLICY,
  explainViolation,
  generatePassword,
  OperatingSystem,
  PASSWORD_CHARS_MAX,
  PASSWORD_SPECIALS,
  passwordText,
  PasswordPolicy,
  PasswordViolation,
  passwordViolations,
  utf8,
} from '#protocol';

const OS = OperatingSystem.options;
type Os = OperatingSystem;

const broken = (password: string, os: Os = 'linux', account: string | null = 'operator', policy?: PasswordPolicy) =>
  passwordViolations({ os, account, password, ...(policy === undefined ? {} : { policy }) });

describe.each(OS)('on %s a password', (os) => {
  test('that meets every rule breaks none', () => {
    for (const good of ['Abcdefg1', 'abcdef1!', 'ABCDEF1!', 'Abcdefg!', 'Zq7!'.repeat(6) + 'aB']) {
      expect(broken(good, os)).toEqual([]);
    }
  });

  test.each([
    [7, ['length']],
    [8, []],
    [26, []],
    [27, ['length']],
    [1000, ['length']],
  ])('of %i characters breaks %j', (length, rules) => {
    expect(broken('Zq7'.padEnd(length, 'x'), os)).toEqual(rules);
  });

  test('that is empty says everything that is wrong', () => {
    expect(broken('', os)).toEqual(['length', 'classes']);
  });

  test.each([
    ['abcdefgh', true],
    ['ABCDEFGH', true],
    ['12345678', true],
    ['!!!!!!!!', true],
    ['Abcdefgh', true],
    ['abcdefg1', true],
    ['abcdefg!', true],
    ['ABCDEFG1', true],
    ['ABCDEFG!', true],
    ['1234567!', true],
    ['Abcdefg1', false],
    ['Abcdefg!', false],
    ['abcdef1!', false],
    ['ABCDEF1!', false],
    ['Abcdef1!', false],
  ])('%j has too few classes: %j', (password, tooFew) => {
    expect(broken(password, os)).toEqual(tooFew ? ['classes'] : []);
  });

  test('may hold each of its special characters, anywhere but where a rule says so', () => {
    for (const special of PASSWORD_SPECIALS[os]) {
      expect(broken(`Zq7${special}wert`, os)).toEqual([]);
      expect(broken(`Zq7wert${special}`, os)).toEqual([]);
    }
  });

  test('may hold nothing else of ASCII', () => {
    for (let code = 0; code < 0x80; code += 1) {
      const char = String.fromCharCode(code);
      const allowed = /[A-Za-z0-9]/.test(char) || PASSWORD_SPECIALS[os].includes(char);
      expect(broken(`Zq7${char}wert`, os)).toEqual(allowed ? [] : ['character']);
    }
  });

  test.each([
    'é',
    'Ａ',
    '١',
    '\u0301',
    '\u200b',
    '\ufeff',
    '\u00a0',
    '\u2028',
    '😀',
    '\ud800',
    '\udc00',
    '\u017f',
    '\u212a',
  ])('may not hold %j', (char) => {
    expect(broken(`Zq7${char}wert`, os)).toContain('character');
    expect(broken(`${char}Zq7!wert`, os)).toContain('character');
  });

  test('may not hold the account or its reverse, ignoring case', () => {
    expect(broken('Zq7!xALICEx', os, 'alice').slice(0, 1)).toEqual(['contains-account']);
    expect(broken('Zq7!xalice', os, 'ALICE')).toContain('contains-account');
    expect(broken('Alice7!q', os, 'alice')).toContain('contains-account');
    expect(broken('Zq7!xECiLAx', os, 'alice')).toEqual(['contains-account-reversed']);
    expect(broken('Zq7!annA', os, 'anna')).toEqual(
      os === 'windows'
        ? ['contains-account', 'contains-account-reversed', 'account-run']
        : ['contains-account', 'contains-account-reversed'],
    );
    expect(broken('Zq7!alic', os, 'alice')).toEqual(os === 'windows' ? ['account-run'] : []);
  });

  test('is judged without a name where none is known', () => {
    expect(broken('Zq7!root', os, null)).toEqual([]);
    expect(broken('Zq7!root', os, '')).toEqual([]);
  });

  test('lists every rule that it breaks, each once, in the order of the enumeration', () => {
    const arbitrary = fc.string({ unit: fc.constantFrom(...Array.from('aAbB1!/^ \n')), maxLength: 30 });
    fc.assert(
      fc.property(arbitrary, fc.constantFrom('ab', 'abb', 'a.b', null), (password, account) => {
        const rules = broken(password, os, account);
        expect(rules).toEqual(PasswordViolation.options.filter((rule) => rules.includes(rule)));
      }),
    );
  });
});

describe('only on Windows', () => {
  test.each(Array.from('^,{}'))('the special character %s is refused', (char) => {
    expect(broken(`Zq7!we${char}t`, 'linux')).toEqual([]);
    expect(broken(`Zq7!we${char}t`, 'windows')).toEqual(['character']);
  });
  test('those characters do not count as a class either', () => {
    expect(broken('abcdef1^', 'windows')).toEqual(['classes', 'character']);
    expect(broken('abcdef1^', 'linux')).toEqual([]);
  });
  test('a leading slash is refused, and only a leading one', () => {
    expect(broken('/Zq7wert', 'windows')).toEqual(['leading-slash']);
    expect(broken('Zq7/wert', 'windows')).toEqual([]);
    expect(broken('Zq7wert/', 'windows')).toEqual([]);
    expect(broken('/Zq7wert', 'linux')).toEqual([]);
  });
  test('three characters in a row of the account are refused, ignoring case; two are not', () => {
    for (const run of ['adm', 'DMI', 'miN', 'inx']) {
      expect(broken(`Zq7!w${run}`, 'windows', 'adminx')).toEqual(['account-run']);
      expect(broken(`Zq7!w${run}`, 'linux', 'adminx')).toEqual([]);
    }
    for (const pair of ['ad', 'dm', 'mi', 'in', 'nx']) expect(broken(`Zq7!w${pair}t`, 'windows', 'adminx')).toEqual([]);
    expect(broken('Zq7!wadi', 'windows', 'adminx')).toEqual([]);
  });
  test('an account of two characters has no such run', () => {
    expect(broken('Zq7!wert', 'windows', 'we')).toEqual(['contains-account']);
    expect(broken('Zq7!wert', 'windows', 'xy')).toEqual([]);
  });
  test('an account of three characters is a run', () => {
    expect(broken('Zq7!wert', 'windows', 'wer')).toEqual(['contains-account', 'account-run']);
  });
});

describe('a policy', () => {
  test('tightens the length and the classes', () => {
    const policy = PasswordPolicy.parse({ charsMin: 12, classesMin: 4 });
    expect(broken('Zq7wertzuio', 'linux', null, policy)).toEqual(['length', 'classes']);
    expect(broken('Zq7wertzuio!', 'linux', null, policy)).toEqual([]);
  });
  test.each([
    { charsMin: 7, classesMin: 3 },
    { charsMin: 27, classesMin: 3 },
    { charsMin: 8, classesMin: 2 },
    { charsMin: 8, classesMin: 5 },
    { charsMin: 8.5, classesMin: 3 },
    { charsMin: 8 },
    { charsMin: 8, classesMin: 3, charsMax: 64 },
  ])('never loosens: %j', (policy) => {
    expect(PasswordPolicy.safeParse(policy).success).toBe(false);
  });
  test('is by default what the rules say', () => {
    expect(PasswordPolicy.parse(DEFAULT_PASSWORD_POLICY)).toEqual({ charsMin: 8, classesMin: 3 });
  });
});

describe('each rule', () => {
  test.each(OS)('completes a sentence on %s', (os) => {
    for (const rule of PasswordViolation.options) {
      expect(explainViolation(rule, os)).toMatch(/^(must|may) .*[^.]$/);
    }
  });
  test('names the numbers and characters that hold', () => {
    expect(explainViolation('length', 'linux')).toBe('must have 8 to 26 characters');
    expect(explainViolation('length', 'linux', { charsMin: 12, classesMin: 4 })).toBe('must have 12 to 26 characters');
    expect(explainViolation('classes', 'linux', { charsMin: 12, classesMin: 4 })).toContain('at least 4');
    for (const os of OS) expect(explainViolation('character', os)).toContain(PASSWORD_SPECIALS[os]);
  });
});

describe('a generated password', () => {
  const random = (count: number) => randomBytes(count);
  const account = fc
    .stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,31}$/)
    .filter((name) => AccountName.safeParse(name).success);
  const target = fc.record({ os: fc.constantFrom(...OS), account: fc.option(account) });
  const policy = fc.record({ charsMin: fc.integer({ min: 8, max: 26 }), classesMin: fc.integer({ min: 3, max: 4 }) });

  test('meets the rules of every target under every policy', () => {
    fc.assert(
      fc.property(fc.array(target, { minLength: 1, maxLength: 4 }), fc.option(policy), (targets, tightened) => {
        const rules = tightened === null ? {} : { policy: tightened };
        const password = generatePassword({ targets, randomBytes: random, ...rules });
        for (const each of targets) expect(passwordViolations({ ...each, password, ...rules })).toEqual([]);
        expect(password.length).toBe(Math.max(20, tightened?.charsMin ?? 0));
      }),
      { numRuns: 500 },
    );
  });

  test('is another one each time', () => {
    const make = () => generatePassword({ targets: [{ os: 'linux', account: 'root' }], randomBytes: random });
    expect(new Set(Array.from({ length: 200 }, make)).size).toBe(200);
  });

  test('takes every character of its alphabet about as often', () => {
    const counts = new Map<string, number>();
    for (let round = 0; round < 2000; round += 1) {
      for (const char of generatePassword({ targets: [], randomBytes: random })) {
        counts.set(char, (counts.get(char) ?? 0) + 1);
      }
    }
    // 40,000 draws of 71: 563 each, with a standard deviation of 24; eight of them are never seen by chance.
    expect(counts.size).toBe(71);
    for (const count of counts.values()) expect(Math.abs(count - 563)).toBeLessThan(190);
  });

  test('draws without bias: a byte beyond the last whole multiple is thrown away', () => {
    const bytes = [255, 213, 212, 0];
    const drawn = generatePassword({
      targets: [],
      randomBytes: () => new Uint8Array([bytes.shift() ?? 70 - bytes.length]),
      policy: { charsMin: 8, classesMin: 3 },
    });
    // 213 is the first that is thrown away: 3 * 71. 212 is the last character, 0 the first.
    expect(drawn.slice(0, 2)).toBe('?A');
  });

  test('is given up where none is possible, instead of being sought for ever', () => {
    const letters = Array.from('abcdefghijklmnopqrstuvwxyz0123456789');
    const targets = letters.map((letter) => ({ os: 'linux' as const, account: letter }));
    let byte = 0;
    const cheap = () => new Uint8Array([(byte = (byte + 7) % 213)]);
    expect(() => generatePassword({ targets, randomBytes: cheap })).toThrow(RangeError);
  });

  test('is not made of a random source that gives nothing', () => {
    expect(() => generatePassword({ targets: [], randomBytes: () => new Uint8Array() })).toThrow(TypeError);
  });
});

describe('the bytes of a password', () => {
  test('are the text that the rules judge, to the last byte', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: PASSWORD_CHARS_MAX }), (bytes) => {
        const text = passwordText(bytes);
        if (text !== null) expect(utf8(text)).toEqual(bytes);
      }),
    );
  });
  test('do not hide a byte order mark from the rules', () => {
    const text = passwordText(new Uint8Array([0xef, 0xbb, 0xbf, ...utf8('Zq7!wert')]));
    expect(broken(text!)).toEqual(['character']);
  });
  test('are no text when they are not UTF-8', () => {
    expect(passwordText(new Uint8Array([0x5a, 0xff]))).toBeNull();
  });
});
