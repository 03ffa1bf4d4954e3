import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type * as z from 'zod';
import {
  AccountName,
  AccountRef,
  CreateToken,
  defaultAccount,
  InstanceId,
  InstanceName,
  PlanReset,
  ProjectName,
  RID_500,
  TagKey,
  Tags,
  TAGS_MAX,
} from '#protocol';
import { IDS } from './support/cast.ts';

const takes = (schema: z.ZodType, value: unknown) => schema.safeParse(value).success;

describe('an account', () => {
  test.each(['root', 'a', '_apt', 'Alice', 'www-data', 'svc.backup', 'user_1', 'machine$', '0day', 'x'.repeat(32)])(
    'may be called %s',
    (name) => {
      expect(takes(AccountName, name)).toBe(true);
    },
  );

  test.each([
    '',
    '-rf',
    '--root',
    '../x',
    './x',
    '.',
    '..',
    '.profile',
    '/etc/passwd',
    'a/b',
    'a b',
    ' root',
    'root ',
    'root\n',
    'root\r\n',
    '\nroot',
    'ro\0ot',
    'root:x',
    'root,wheel',
    'a$b',
    '$',
    '$HOME',
    '`id`',
    'a;id',
    'a|b',
    'a&b',
    'a*',
    '~root',
    'a"b',
    "a'b",
    'a\\b',
    'DOMAIN\\user',
    'user@domain',
    'größe',
    'аdmin',
    'root\u200b',
    '\u202etoor',
    'root\u001b[31m',
    'x'.repeat(33),
  ])('may not be called %j', (name) => {
    expect(takes(AccountName, name)).toBe(false);
    expect(takes(AccountRef, name)).toBe(false);
    expect(takes(PlanReset, { targets: { instances: ['web-1'] }, account: name })).toBe(false);
    expect(takes(CreateToken, { type: 'api', name: 'ci', role: 'operator', accounts: [name] })).toBe(false);
  });

  test('that is not named is root, and on Windows the administrator by its identifier', () => {
    expect(defaultAccount('linux')).toBe('root');
    expect(defaultAccount('windows')).toBe(RID_500);
    expect(takes(AccountRef, RID_500)).toBe(true);
    expect(takes(AccountName, RID_500)).toBe(false);
    expect(takes(AccountRef, '@rid-501')).toBe(false);
  });
});

describe('a name', () => {
  test.each(['a', 'web-1', 'db.example.org', 'a_b', '1', 'x'.repeat(63)])('of an instance may be %s', (name) => {
    expect(takes(InstanceName, name)).toBe(true);
  });
  test.each([
    '',
    'Web-1',
    '-web',
    'web-',
    '.web',
    'web.',
    'web 1',
    'web\n',
    'web/1',
    'wéb',
    'x'.repeat(64),
    IDS.instance,
    '00000000-0000-0000-0000-000000000000',
  ])('of an instance may not be %j', (name) => {
    expect(takes(InstanceName, name)).toBe(false);
  });
  test('of an instance is never an id, so that a request means one or the other', () => {
    for (let round = 0; round < 100; round += 1) {
      const id = randomUUID();
      expect([takes(InstanceId, id), takes(InstanceName, id)]).toEqual([true, false]);
    }
  });
  test('of a project follows its rule', () => {
    for (const name of ['default', 'a', 'a-1', 'x'.repeat(40)]) expect(takes(ProjectName, name)).toBe(true);
    for (const name of ['', 'A', 'a.b', 'a_b', '-a', 'a-', 'a\n', 'x'.repeat(41)]) {
      expect(takes(ProjectName, name)).toBe(false);
    }
  });
  test('of a tag follows its rule', () => {
    for (const name of ['role', 'Role', 'a.b/c-d_e', '1', 'x'.repeat(63)]) expect(takes(TagKey, name)).toBe(true);
    for (const name of ['', '-a', '.a', 'a=b', 'a b', 'a\n', '__proto__', 'x'.repeat(64)]) {
      expect(takes(TagKey, name)).toBe(false);
    }
  });
});

describe('an id', () => {
  test('has one spelling', () => {
    expect(takes(InstanceId, IDS.instance)).toBe(true);
    for (const id of [
      IDS.instance.toUpperCase(),
      `{${IDS.instance}}`,
      `urn:uuid:${IDS.instance}`,
      IDS.instance.replaceAll('-', ''),
    ]) {
      expect(takes(InstanceId, id)).toBe(false);
    }
    expect(takes(InstanceId, `${IDS.instance}\n`)).toBe(false);
  });
});

describe('tags', () => {
  const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, 'v']));
  test('are limited in number, length and characters', () => {
    expect(takes(Tags, many(TAGS_MAX))).toBe(true);
    expect(takes(Tags, many(TAGS_MAX + 1))).toBe(false);
    expect(takes(Tags, { role: 'x'.repeat(200) })).toBe(true);
    expect(takes(Tags, { role: 'x'.repeat(201) })).toBe(false);
    expect(takes(Tags, { role: '\u001b[2J' })).toBe(false);
    expect(takes(Tags, { role: 1 })).toBe(false);
    expect(takes(Tags, ['role'])).toBe(false);
  });
  test('leave the prototype alone', () => {
    const tags = Tags.parse(JSON.parse('{"__proto__":"x","constructor":"web","role":"db"}'));
    expect(Object.entries(tags)).toEqual([
      ['constructor', 'web'],
      ['role', 'db'],
    ]);
    expect(Object.getPrototypeOf(tags)).toBe(Object.getPrototypeOf({}));
  });
});
