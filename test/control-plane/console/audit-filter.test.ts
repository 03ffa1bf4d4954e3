import { AuditRecord } from '#protocol';
import { describe, expect, test } from 'vitest';
import {
  exportHeading,
  exportRow,
  filterQuery,
  isFiltered,
  readFilter,
  writeFilter,
} from '../../../control-plane/console/pages/audit/filter.ts';

const read = (query: string) => readFilter(new URLSearchParams(query));

describe('the filter of the audit', () => {
  test('comes out of the URL as it went in', () => {
    const query = 'action=token.create&resource=token%3Aabc&actor=system&since=7d';
    expect(writeFilter(read(query)).toString()).toBe(query);
    expect(isFiltered(read(query))).toBe(true);
    expect(isFiltered(read('after=x'))).toBe(false);
  });

  test.each([
    ['since=24h', '24h'],
    ['since=1700000000000', 1_700_000_000_000],
    ['since=2026-01-02T00:00:00Z', Date.UTC(2026, 0, 2)],
    ['since=soon', null],
    ['since=-5', null],
    ['since=', null],
    ['', null],
  ])('%s is since %j', (query, since) => {
    expect(read(query).since).toBe(since);
  });

  test('is cut where the API would refuse it', () => {
    expect(read(`action=${'a'.repeat(300)}`).action).toHaveLength(100);
    expect(read(`actor=${'a'.repeat(300)}`).actor).toHaveLength(200);
  });

  test('counts spans back from now, in the words of the API', () => {
    expect(filterQuery(read('action=reset.start&since=1h'), 10_000_000).toString()).toBe(
      'action=reset.start&since=6400000',
    );
  });
});

describe('an exported record', () => {
  const record = AuditRecord.parse({
    sequence: 7,
    at: Date.UTC(2026, 0, 2),
    actor: '=cmd()',
    action: 'token.create',
    resource: 'token:1',
    decision: 'allow',
    rule: 'role-administrator',
    code: null,
    detail: { name: 'a, "b"' },
  });

  test('is a line of CSV below a heading, without a formula', () => {
    expect(exportHeading('csv')).toBe(
      '"sequence","at","actor","action","resource","decision","rule","code","detail"\r\n',
    );
    expect(exportRow('csv', record)).toBe(
      `7,"2026-01-02T00:00:00.000Z","'=cmd()","token.create","token:1","allow","role-administrator",,"{""name"":""a, \\""b\\""""}"\r\n`,
    );
  });

  test('is a line of JSON, as it came but for its time', () => {
    expect(exportHeading('jsonl')).toBe('');
    expect(JSON.parse(exportRow('jsonl', record))).toEqual({ ...record, at: '2026-01-02T00:00:00.000Z' });
  });
});
