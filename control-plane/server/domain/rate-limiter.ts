/** A bucket of `burst` tokens that fills by `perSecond`. */
export interface RateLimit {
  readonly burst: number;
  readonly perSecond: number;
}

/** How many keys are remembered. Beyond it, the one that was heard of least recently is forgotten. */
const KEYS_MAX = 10_000;

export interface RateLimiter {
  /** Takes that much. Null when it was there; otherwise how many whole seconds to wait for it, and nothing is taken. */
  take(key: string, cost?: number): number | null;
  /** Takes what is there, up to that much. */
  charge(key: string, cost: number): void;
}

interface Bucket {
  tokens: number;
  /** Monotonic, milliseconds. */
  filledAt: number;
}

/** `monotonic`: milliseconds that never go back. */
export function createRateLimiter(limit: RateLimit, monotonic: () => number, keysMax = KEYS_MAX): RateLimiter {
  const buckets = new Map<string, Bucket>();

  const bucketOf = (key: string): Bucket => {
    const now = monotonic();
    const known = buckets.get(key);
    const bucket = known ?? { tokens: limit.burst, filledAt: now };
    bucket.tokens = Math.min(limit.burst, bucket.tokens + ((now - bucket.filledAt) / 1000) * limit.perSecond);
    bucket.filledAt = now;
    // A map keeps the order of insertion: the first key is the one that was heard of least recently.
    buckets.delete(key);
    if (buckets.size >= keysMax) {
      const [oldest] = buckets.keys();
      if (oldest !== undefined) buckets.delete(oldest);
    }
    buckets.set(key, bucket);
    return bucket;
  };

  return {
    take(key, cost = 1) {
      const bucket = bucketOf(key);
      if (bucket.tokens < cost) return Math.max(1, Math.ceil((cost - bucket.tokens) / limit.perSecond));
      bucket.tokens -= cost;
      return null;
    },
    charge(key, cost) {
      const bucket = bucketOf(key);
      bucket.tokens = Math.max(0, bucket.tokens - cost);
    },
  };
}
