import type { Figure } from '../figures.ts';

/** Median, smallest, largest, how many. */
export function msCells({ median, min, max, n }: Figure): string[] {
  return [...[median, min, max].map((ms) => ms.toFixed(0)), String(n)];
}
