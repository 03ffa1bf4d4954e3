import { CONSOLE_SESSION_AGE_MS_MAX, CONSOLE_SESSION_IDLE_MS_MAX } from '#protocol';
import { describe, expect, test } from 'vitest';
import { endsOf, isCurrent, isSameOrigin } from '../../../../control-plane/server/domain/console-session.ts';

const OPENED = 1_000_000;
const session = (change = {}) => ({ createdAt: OPENED, lastUsedAt: OPENED, revokedAt: null, ...change });

describe('a console session', () => {
  test('is good until nobody has used it for as long as may be', () => {
    expect(isCurrent(session(), OPENED)).toBe(true);
    expect(isCurrent(session(), OPENED + CONSOLE_SESSION_IDLE_MS_MAX - 1)).toBe(true);
    expect(isCurrent(session(), OPENED + CONSOLE_SESSION_IDLE_MS_MAX)).toBe(false);
    const lastUsedAt = OPENED + CONSOLE_SESSION_IDLE_MS_MAX;
    expect(isCurrent(session({ lastUsedAt }), OPENED + CONSOLE_SESSION_IDLE_MS_MAX)).toBe(true);
  });

  test('ends at its age, however much it is used', () => {
    const used = session({ lastUsedAt: OPENED + CONSOLE_SESSION_AGE_MS_MAX - 1 });
    expect(isCurrent(used, OPENED + CONSOLE_SESSION_AGE_MS_MAX - 1)).toBe(true);
    expect(isCurrent(used, OPENED + CONSOLE_SESSION_AGE_MS_MAX)).toBe(false);
    expect(endsOf(used)).toEqual({
      idleUntil: OPENED + CONSOLE_SESSION_AGE_MS_MAX,
      expiresAt: OPENED + CONSOLE_SESSION_AGE_MS_MAX,
    });
  });

  test('is not good once it was revoked, nor before it was opened', () => {
    expect(isCurrent(session({ revokedAt: OPENED }), OPENED)).toBe(false);
    expect(isCurrent(session(), OPENED - 1)).toBe(false);
  });
});

describe('a request with the cookie', () => {
  const OWN = 'https://latchkey.example:8443';
  test.each([
    ['GET', undefined, undefined, true],
    ['GET', undefined, 'same-origin', true],
    ['GET', OWN, 'same-origin', true],
    ['GET', undefined, 'none', false],
    ['GET', undefined, 'cross-site', false],
    ['GET', undefined, 'same-site', false],
    ['GET', 'https://evil.example', undefined, false],
    ['POST', OWN, 'same-origin', true],
    ['POST', OWN, undefined, true],
    ['POST', undefined, undefined, false],
    ['POST', undefined, 'same-origin', false],
    ['POST', 'null', undefined, false],
    ['POST', 'https://latchkey.example', undefined, false],
    ['POST', 'http://latchkey.example:8443', undefined, false],
    ['DELETE', OWN, 'cross-site', false],
  ])('%s with origin %s from %s: %s', (method, origin, secFetchSite, expected) => {
    expect(isSameOrigin({ method, origin, secFetchSite }, OWN)).toBe(expected);
  });
});
