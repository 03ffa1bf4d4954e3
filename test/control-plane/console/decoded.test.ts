import { expect, test } from 'vitest';
import { decoded } from '../../../control-plane/console/parts/decoded.ts';

test.each([
  ['web-1', 'web-1'],
  ['a%20b', 'a b'],
  ['%', '%'],
  ['%E0%A4%A', '%E0%A4%A'],
  ['100%25', '100%'],
])('a part of a URL, %s, is read as %s, also where it is no encoding', (part, text) => {
  expect(decoded(part)).toBe(text);
});
