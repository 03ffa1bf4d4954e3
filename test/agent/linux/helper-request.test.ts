import { describe, expect, test } from 'vitest';
import { frameRequest, readRequest } from '../../../agent/linux/helper-request.ts';

const REQUEST = { account: 'alice', authenticate: true, hash: '$y$j9T$ä$b' };
const PASSWORD = Buffer.from('pä ss\u0001');

/** Reads of these bytes, so many at a time. */
function reads(bytes: Buffer, atOnce: number): (into: Uint8Array) => number {
  let at = 0;
  return (into) => {
    const count = bytes.copy(into, 0, at, at + Math.min(atOnce, into.length));
    at += count;
    return count;
  };
}

describe('what the helper is asked', () => {
  test.each([1, 3, 7, 10_000])('arrives in pieces of %i bytes, the password with a NUL byte behind it', (atOnce) => {
    const found = readRequest(reads(frameRequest(REQUEST, PASSWORD), atOnce));
    expect(found?.request).toEqual(REQUEST);
    expect(found?.password).toEqual(Buffer.concat([PASSWORD, Buffer.of(0)]));
  });

  test('is complete before the input ends', () => {
    const bytes = frameRequest(REQUEST, PASSWORD);
    const read = reads(bytes, bytes.length);
    let left = bytes.length;
    const found = readRequest((into) => {
      if (left === 0) throw new Error('it waits for more');
      const count = read(into);
      left -= count;
      return count;
    });
    expect(found?.request).toEqual(REQUEST);
  });

  test.each([0, 1, 7, 8, 20, -1])('is nothing where the input ends early: after byte %i', (end) => {
    expect(readRequest(reads(frameRequest(REQUEST, PASSWORD).subarray(0, end), 100))).toBeNull();
  });

  test('is refused where it says that it is larger than can be', () => {
    const bytes = frameRequest(REQUEST, PASSWORD);
    bytes.writeUInt32BE(0xffff_ffff, 4);
    expect(() => readRequest(reads(bytes, 100))).toThrow('too large');
  });
});
