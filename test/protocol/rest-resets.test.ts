import { describe, expect, test } from 'vitest';
import type * as z from 'zod';
import {
  BODY_BYTES_MAX,
  PlanReset,
  SEALED_PASSWORDS_PER_CHUNK_MAX,
  StartReset,
  RESET_CONCURRENCY_MAX,
  TAGS_MAX,
  TARGETS_MAX,
  toBase64Url,
  utf8,
} from '#protocol';
import { IDS, NOW, thumbprint } from './support/cast.ts';

const takes = (schema: z.ZodType, value: unknown) => schema.safeParse(value).success;

describe('the plan of a reset', () => {
  const plan = (body: object) => PlanReset.safeParse({ targets: { instances: ['web-1'] }, ...body });

  test('is online, of the usual account, without options, unless it says otherwise', () => {
    expect(plan({}).data).toEqual({
      targets: { instances: ['web-1'], tags: [] },
      mode: 'online',
      account: null,
      options: { unlock: false, unexpire: false, mustChange: false },
      supersede: false,
      concurrency: 50,
      stopAfterFailures: null,
      retryOf: null,
    });
    expect(plan({ options: { unlock: true } }).data?.options).toEqual({
      unlock: true,
      unexpire: false,
      mustChange: false,
    });
  });

  test.each([
    ['no targets', { targets: {} }],
    ['empty targets', { targets: { instances: [], tags: [] } }],
    ['targets missing', { targets: undefined }],
    ['a target that is a path', { targets: { instances: ['../web'] } }],
    ['an id in capitals', { targets: { instances: [IDS.instance.toUpperCase()] } }],
    ['a tag without a value', { targets: { tags: [{ key: 'role' }] } }],
    ['a tag with something beside', { targets: { tags: [{ key: 'role', value: 'web', not: true }] } }],
    ['too many tags', { targets: { tags: Array.from({ length: TAGS_MAX + 1 }, () => ({ key: 'a', value: 'b' })) } }],
    ['too many targets', { targets: { instances: Array.from({ length: TARGETS_MAX + 1 }, (_, i) => `i${i}`) } }],
    ['no concurrency', { concurrency: 0 }],
    ['more at once than a batch may', { concurrency: RESET_CONCURRENCY_MAX + 1 }],
    ['half an instance at once', { concurrency: 1.5 }],
    ['a stop before the first failure', { stopAfterFailures: 0 }],
    ['another mode', { mode: 'rescue' }],
    ['an option that is not known', { options: { force: true } }],
    ['an option that is no switch', { options: { unlock: 'yes' } }],
    ['a password', { password: 'Correct-Horse7' }],
  ])('is refused with %s', (_, body) => {
    expect(plan(body).success).toBe(false);
  });

  test('takes ids, names and tags together', () => {
    const targets = { instances: [IDS.instance, 'web-1'], tags: [{ key: 'role', value: '' }] };
    expect(plan({ targets }).success).toBe(true);
  });

  test('of the most and longest targets fits into a body', () => {
    const instances = Array.from({ length: TARGETS_MAX }, (_, i) => `${i}-`.padEnd(63, 'x'));
    const body = { targets: { instances } };
    expect(plan(body).success).toBe(true);
    expect(utf8(JSON.stringify(body)).length).toBeLessThan(BODY_BYTES_MAX);
  });
});

describe('the start of a reset', () => {
  const sealed = (count: number) => ({
    instanceId: IDS.instance,
    password: {
      keyId: thumbprint('sealing'),
      enc: toBase64Url(new Uint8Array(32)),
      ciphertext: toBase64Url(new Uint8Array(count)),
    },
  });
  const start = { resetId: IDS.reset, notAfter: NOW };

  test('is final and starts nothing that is blocked, unless it says otherwise', () => {
    expect(StartReset.parse({ ...start, sealed: [] })).toMatchObject({ final: true, skipBlocked: false });
  });
  test('takes only passwords of the one length that hides theirs', () => {
    expect(takes(StartReset, { ...start, sealed: [sealed(80)] })).toBe(true);
    for (const bytes of [0, 79, 81]) expect(takes(StartReset, { ...start, sealed: [sealed(bytes)] })).toBe(false);
  });
  test('of the largest chunk fits into a body, and not one more', () => {
    const body = {
      ...start,
      sealed: Array.from({ length: SEALED_PASSWORDS_PER_CHUNK_MAX }, () => sealed(80)),
      skipBlocked: false,
      final: false,
    };
    expect(takes(StartReset, body)).toBe(true);
    expect(utf8(JSON.stringify(body)).length).toBeLessThan(BODY_BYTES_MAX);
    expect(takes(StartReset, { ...body, sealed: [...body.sealed, sealed(80)] })).toBe(false);
  });
  test.each([NaN, -1, 1.5, 253_402_300_800_000, '1', null])('is refused with the limit %s', (notAfter) => {
    expect(takes(StartReset, { resetId: IDS.reset, notAfter, sealed: [] })).toBe(false);
  });
});
