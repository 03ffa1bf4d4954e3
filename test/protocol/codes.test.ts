import { STATUS_CODES } from 'node:http';
import { describe, expect, test } from 'vitest';
import {
  ADVISORY_CODES,
  API_CODES,
  AUDIT_CODES,
  CLIENT_CODES,
  CLOSE_CODES,
  closeReasonOf,
  Code,
  CODES,
  explain,
  explainWarning,
  HEALTH_CODES,
  INSTALL_CODES,
  KEY_SET_CODES,
  KeySetRefusedFrame,
  RESULT_CODES,
  ResultCode,
  TASK_CODES,
  Warning,
  type CodeEntry,
} from '#protocol';

const TABLES: readonly Record<string, CodeEntry>[] = [
  HEALTH_CODES,
  RESULT_CODES,
  TASK_CODES,
  KEY_SET_CODES,
  API_CODES,
  CLIENT_CODES,
  AUDIT_CODES,
  INSTALL_CODES,
];
const rows = TABLES.flatMap((table) => Object.entries(table));

describe('the one table of codes', () => {
  test.each(rows)('%s says what happened and what to do, in whole sentences', (code, { message, remedy }) => {
    expect(code).toMatch(/^[a-z]+(-[a-z]+)*$/);
    expect(message).toMatch(/^[A-Z].{8,}\.$/);
    // A remedy may start with a command.
    expect(remedy).toMatch(/^[A-Za-z].{4,}\.$/);
    expect(message).not.toBe(remedy);
    expect(`${message} ${remedy}`).not.toMatch(/\s{2}|\n|TODO|#\d/);
  });

  test('holds every code of every part', () => {
    expect(new Set(rows.map(([code]) => code))).toEqual(new Set(Code.options));
    expect(new Set(Object.keys(CODES))).toEqual(new Set(Code.options));
  });

  test('has the same words for a code wherever it stands', () => {
    for (const [code, entry] of rows) expect(entry).toEqual(CODES[Code.parse(code)]);
  });

  test('explains each code', () => {
    for (const code of Code.options) {
      const { status, message, remedy } = explain(code);
      expect([typeof message, typeof remedy]).toEqual(['string', 'string']);
      expect(status === null || status >= 400).toBe(true);
    }
  });

  test('knows no other', () => {
    for (const code of ['', 'toString', '__proto__', 'constructor', 'disk-Full', 'disk-full ']) {
      expect(Code.safeParse(code).success).toBe(false);
    }
  });
});

describe('an answer of the API', () => {
  test.each(Object.entries(API_CODES))('%s has a status of HTTP that means a refusal or a failure', (_, { status }) => {
    expect(STATUS_CODES[status]).toBeDefined();
    expect(status).toBeGreaterThanOrEqual(400);
    expect(status).toBeLessThan(600);
  });
  test('is the only kind that has one', () => {
    for (const table of TABLES.filter((each) => each !== API_CODES)) {
      for (const { status } of Object.values(table)) expect(status).toBeNull();
    }
  });
  test('without credentials is 401, without a right 403, and for a rate 429', () => {
    expect(API_CODES.unauthenticated.status).toBe(401);
    expect(API_CODES['not-authorised'].status).toBe(403);
    expect(API_CODES['rate-limited'].status).toBe(429);
  });
});

describe('a WebSocket is closed', () => {
  const reasons = Object.entries(CLOSE_CODES);
  test.each(reasons)('for %s with a private code and a sentence', (_, { close, message }) => {
    expect(close).toBeGreaterThanOrEqual(4000);
    expect(close).toBeLessThanOrEqual(4999);
    expect(message).toMatch(/^[A-Z].*\.$/);
    // RFC 6455, section 5.5: a close frame carries at most 123 bytes of reason.
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(123);
  });
  test('with another code for each reason, which reads back', () => {
    expect(new Set(reasons.map(([, { close }]) => close)).size).toBe(reasons.length);
    for (const [reason, { close }] of reasons) expect(closeReasonOf(close)).toBe(reason);
  });
  test('with a code that is not ours for no reason of ours', () => {
    for (const close of [1000, 1001, 1006, 1011, 3000, 4000, 4999, 0, -1, NaN]) expect(closeReasonOf(close)).toBeNull();
  });
  test('so that only an operator ends what only an operator can mend', () => {
    const slow = reasons.filter(([, { retry }]) => retry === 'slow').map(([reason]) => reason);
    expect(slow).toEqual([
      'proof-invalid',
      'role-not-allowed',
      'fenced',
      'version-unsupported',
      'server-proof-invalid',
    ]);
  });
});

describe('what an agent may say', () => {
  test('is a code of results, and nothing that the control plane decides', () => {
    expect(ResultCode.options).toEqual(Object.keys(RESULT_CODES));
    for (const code of [...Object.keys(TASK_CODES), ...Object.keys(CLIENT_CODES), ...Object.keys(AUDIT_CODES)]) {
      expect(ResultCode.safeParse(code).success).toBe(false);
    }
  });
  test('about a key set is one of the refusals in the table', () => {
    expect(KeySetRefusedFrame.shape.code.options).toEqual(Object.keys(KEY_SET_CODES));
  });
  test('as a hint is a code of health', () => {
    for (const code of ADVISORY_CODES) expect(code in HEALTH_CODES).toBe(true);
  });
  test('as a warning is a clause for people', () => {
    for (const warning of Warning.options) expect(explainWarning(warning)).toMatch(/^(the|sshd|logins|a) .*[^.]$/);
  });
});
