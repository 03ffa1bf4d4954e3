import { AddInstance, type Code } from '#protocol';
import { describe, expect, test } from 'vitest';
import { ApiFailure } from '../../../control-plane/console/api/failure.ts';
import { fieldErrors, refusedFields } from '../../../control-plane/console/pages/instances/forms/fields.ts';
import { readTags, tagsText } from '../../../control-plane/console/pages/instances/forms/tags.ts';
import { remedies } from '../../../control-plane/console/texts/remedies.ts';

describe('tags as lines', () => {
  test('are read as they are written', () => {
    const tags = { role: 'web', note: 'a = b; c', empty: '' };
    expect(readTags(tagsText(tags))).toEqual({ tags });
    expect(readTags('\n a=b \r\n\r\nc=d')).toEqual({ tags: { a: 'b', c: 'd' } });
    expect(readTags('')).toEqual({ tags: {} });
  });

  test.each(['role', '=web', 'a=b\u001b[2J', 'a=\u202ex', 'sp ace=x'])('say which line is none: %j', (line) => {
    expect(readTags(`ok=1\n${line}`)).toEqual({ wrong: line });
  });

  test('name a key once, and no key of another kind', () => {
    expect(readTags('a=1\na=2')).toEqual({ wrong: 'a=2' });
    expect(readTags('constructor=1')).toEqual({ tags: { constructor: '1' } });
  });
});

describe('what is wrong with a form', () => {
  const refusal = (code: Code, details: ApiFailure['details'] = []) =>
    new ApiFailure(409, { code, message: 'No.', remedy: 'Do so.', details });

  test('stands at its field', () => {
    const parsed = AddInstance.safeParse({ name: 'Web 1', os: 'linux' });
    expect(fieldErrors(parsed.error!)).toEqual({ name: expect.stringContaining('lower-case') as string });
    expect(refusedFields(refusal('instance-name-taken'), ['name'])).toEqual({
      name: `No. ${remedies['instance-name-taken'] ?? ''}`,
    });
    const details = [{ subject: 'tags.a', code: 'x', message: 'too long' }];
    expect(refusedFields(refusal('body-malformed', details), ['name', 'tags'])).toEqual({ tags: 'too long' });
  });

  test('that is of no field is left for the whole', () => {
    expect(refusedFields(refusal('not-authorised'), ['name'])).toEqual({});
    expect(refusedFields(null, ['name'])).toEqual({});
  });
});
