import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  API_PREFIX,
  GATEWAY_PATH,
  GATEWAY_SUBPROTOCOL,
  negotiateVersion,
  PROTOCOL_HISTORY,
  PROTOCOL_VERSION,
  PROTOCOL_VERSIONS_SPOKEN,
} from '#protocol';

interface Entry {
  readonly version: number;
  readonly date: string;
  readonly change: string;
}
const history: readonly Entry[] = PROTOCOL_HISTORY;

describe('the history of the protocol', () => {
  test('is dated, in order, and says what changed', () => {
    for (const { date, change } of history) {
      expect(new Date(`${date}T00:00:00Z`).toISOString()).toBe(`${date}T00:00:00.000Z`);
      expect(change).toMatch(/^[A-Z].*\.$/);
    }
    const dates = history.map(({ date }) => date);
    expect(dates).toEqual(dates.toSorted());
  });
  test('starts at 1 and rises by one or, for an addition, stays', () => {
    expect(history[0]?.version).toBe(1);
    history.slice(1).forEach(({ version }, index) => {
      expect([0, 1]).toContain(version - history[index]!.version);
    });
  });
  test('ends at the version that is spoken', () => {
    expect(history.at(-1)?.version).toBe(PROTOCOL_VERSION);
  });
});

describe('a common version', () => {
  test('is the newest that both speak', () => {
    expect(negotiateVersion([1])).toBe(1);
    expect(negotiateVersion([1, 2, 999])).toBe(1);
    expect(negotiateVersion([999, 1, 1])).toBe(1);
  });
  test('is not there when there is none', () => {
    for (const theirs of [[], [0], [2], [999], [NaN]]) expect(negotiateVersion(theirs)).toBeNull();
  });
  test('is one that both named', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 4 })), (theirs) => {
        const common = negotiateVersion(theirs);
        if (common === null) expect(PROTOCOL_VERSIONS_SPOKEN.some((each) => theirs.includes(each))).toBe(false);
        else expect(theirs.includes(common) && PROTOCOL_VERSIONS_SPOKEN.includes(common)).toBe(true);
      }),
    );
  });
  test('is chosen from versions that are listed newest first', () => {
    expect(PROTOCOL_VERSIONS_SPOKEN).toEqual(PROTOCOL_VERSIONS_SPOKEN.toSorted((a, b) => b - a));
    expect(PROTOCOL_VERSIONS_SPOKEN[0]).toBe(PROTOCOL_VERSION);
  });
});

test('the addresses of the protocol stand', () => {
  expect([GATEWAY_SUBPROTOCOL, GATEWAY_PATH, API_PREFIX]).toEqual(['latchkey.v1', '/agent/v1', '/api/v1']);
});
