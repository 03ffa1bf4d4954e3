import { expect, test } from 'vitest';
import { secondHalf, slopePerHour } from './trend.ts';

const every = (seconds: number, values: readonly number[]) =>
  values.map((value, n) => ({ atMs: n * seconds * 1_000, value }));

test('a leak of one a minute is sixty an hour, whatever the noise', () => {
  expect(slopePerHour(every(60, [1, 2, 3, 4, 5]))).toBeCloseTo(60);
  expect(slopePerHour(every(60, [1, 3, 2, 4, 3, 5]))).toBeGreaterThan(30);
});

test('what goes up and down has no slope to speak of', () => {
  expect(slopePerHour(every(60, [5, 9, 5, 9, 9, 5, 9, 5]))).toBeCloseTo(0);
});

test('one sample is refused, as no trend can be seen in it', () => {
  expect(() => slopePerHour(every(60, [1]))).toThrow('no trend');
});

test('a start that climbs is not counted', () => {
  const samples = every(60, [0, 50, 90, 100, 100, 100, 100]);
  expect(slopePerHour(secondHalf(samples))).toBeCloseTo(0);
  expect(slopePerHour(samples)).toBeGreaterThan(100);
});
