import { describe, expect, test } from 'vitest';
import { pageQuery, readCursor, withCursor } from '../../../control-plane/console/parts/cursor.ts';

describe('a page of a listing', () => {
  test('is in the URL, beside what else stands there', () => {
    const params = new URLSearchParams('action=x');
    expect(withCursor(params, 'abc').toString()).toBe('action=x&after=abc');
    expect(readCursor(withCursor(params, 'abc'))).toBe('abc');
    expect(withCursor(withCursor(params, 'abc'), null).toString()).toBe('action=x');
    expect(readCursor(new URLSearchParams({ after: 'a'.repeat(501) }))).toBeNull();
    expect(pageQuery(25, null).toString()).toBe('limit=25');
    expect(pageQuery(25, 'abc').toString()).toBe('limit=25&cursor=abc');
  });
});
