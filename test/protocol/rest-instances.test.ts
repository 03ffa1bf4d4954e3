import { describe, expect, test } from 'vitest';
import type * as z from 'zod';
import {
  AddInstance,
  AuditQuery,
  ChangeInstance,
  ChangeService,
  ImportInstances,
  InstanceQuery,
  PageQuery,
  TAGS_MAX,
} from '#protocol';
import { IDS } from './support/cast.ts';

const takes = (schema: z.ZodType, value: unknown) => schema.safeParse(value).success;

describe('instances', () => {
  test('are of the default project and without tags unless they say otherwise', () => {
    expect(AddInstance.parse({ name: 'web-1', os: 'linux' })).toMatchObject({ project: 'default', tags: {} });
  });
  test('are of a system that is known', () => {
    for (const os of ['', 'Linux', 'bsd', null]) expect(takes(AddInstance, { name: 'web-1', os })).toBe(false);
  });
  test('are imported by the thousand, and not without end', () => {
    const rows = (count: number) => Array.from({ length: count }, (_, i) => ({ name: `i${i}`, os: 'linux' }));
    expect(takes(ImportInstances, { instances: rows(2000) })).toBe(true);
    expect(takes(ImportInstances, { instances: rows(2001) })).toBe(false);
    expect(takes(ImportInstances, { instances: [] })).toBe(false);
  });
  test('keep their system and their identity: a change cannot name them', () => {
    expect(takes(ChangeInstance, {})).toBe(true);
    for (const change of [{ os: 'windows' }, { id: IDS.otherInstance }, { identity: null }, { name: 'A' }]) {
      expect(takes(ChangeInstance, change)).toBe(false);
    }
  });
  test('are asked for by few words of limited length', () => {
    expect(InstanceQuery.parse({})).toEqual({ limit: 100, sort: 'name', order: 'asc', count: false, lastReset: false });
    expect(takes(InstanceQuery, { search: 'x'.repeat(64) })).toBe(false);
    expect(takes(InstanceQuery, { tag: Array.from({ length: TAGS_MAX + 1 }, () => 'a=b') })).toBe(false);
    expect(takes(InstanceQuery, { state: 'fine' })).toBe(false);
  });
});

describe('a page', () => {
  test.each([
    [undefined, 100],
    ['1', 1],
    ['1000', 1000],
  ])('asked for with the limit %s has at most %i rows', (limit, rows) => {
    expect(PageQuery.parse({ limit }).limit).toBe(rows);
  });
  test.each(['0', '-1', '1001', '1.5', 'ten', '', '1e9', 'Infinity', 'NaN'])(
    'is refused with the limit %j',
    (limit) => {
      expect(takes(PageQuery, { limit })).toBe(false);
    },
  );
  test('has a cursor of limited length', () => {
    expect(takes(PageQuery, { cursor: 'x'.repeat(500) })).toBe(true);
    expect(takes(PageQuery, { cursor: 'x'.repeat(501) })).toBe(false);
  });
  test('of the audit starts at a number', () => {
    expect(AuditQuery.parse({ since: '5' }).since).toBe(5);
    for (const since of ['yesterday', '1.5', 'NaN']) expect(takes(AuditQuery, { since })).toBe(false);
  });
});

describe('the service', () => {
  test('is enabled only by naming the statement that was read', () => {
    expect(takes(ChangeService, { enabled: true, statementVersion: 1 })).toBe(true);
    expect(takes(ChangeService, { enabled: true })).toBe(false);
    expect(takes(ChangeService, { enabled: false })).toBe(true);
    expect(takes(ChangeService, { enabled: false, statementVersion: 1 })).toBe(false);
    expect(takes(ChangeService, { enabled: 'true', statementVersion: 1 })).toBe(false);
  });
});
