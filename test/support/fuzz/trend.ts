/** One look at something, and when: milliseconds since whenever. */
export interface Sample {
  readonly atMs: number;
  readonly value: number;
}

const HOUR_MS = 3_600_000;

/** How much it grows in an hour, by the least squares of all samples. */
export function slopePerHour(samples: readonly Sample[]): number {
  if (samples.length < 2) throw new Error('one sample shows no trend');
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [atMean, valueMean] = [mean(samples.map(({ atMs }) => atMs)), mean(samples.map(({ value }) => value))];
  let [product, square] = [0, 0];
  for (const { atMs, value } of samples) {
    product += (atMs - atMean) * (value - valueMean);
    square += (atMs - atMean) ** 2;
  }
  return (product / square) * HOUR_MS;
}

/** Those of the second half of the time: before, caches fill and code is compiled. */
export function secondHalf(samples: readonly Sample[]): readonly Sample[] {
  const [first, last] = [samples[0]?.atMs ?? 0, samples.at(-1)?.atMs ?? 0];
  return samples.filter(({ atMs }) => atMs >= (first + last) / 2);
}
