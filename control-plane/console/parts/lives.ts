const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

/** For how long a token is good, in milliseconds; null: until somebody revokes it. */
export const LIVES = {
  '15m': 15 * MINUTE_MS,
  '1h': 60 * MINUTE_MS,
  '1d': DAY_MS,
  '7d': 7 * DAY_MS,
  '30d': 30 * DAY_MS,
  '90d': 90 * DAY_MS,
  '400d': 400 * DAY_MS,
  never: null,
} as const;
export type Life = keyof typeof LIVES;
export const API_LIVES: readonly Life[] = ['1h', '1d', '7d', '30d', '90d', '400d', 'never'];
export const JOIN_LIVES: readonly Life[] = ['15m', '1h', '1d', '7d'];
