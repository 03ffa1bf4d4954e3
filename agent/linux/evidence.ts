/** What the helper says about a password, and the reading of it: foreign code of PAM's modules lives in that process. */

export interface HelperEvidence {
  /** What PAM answered; null where it was not asked. */
  authenticate: number | null;
  account: number | null;
  hiddenPrompts: number;
  visiblePrompts: number;
  /** Compared only where authentication and account check did not both succeed. */
  hash: HashAnswer;
  /** Why libpam could not be used; empty otherwise. */
  error: string;
}

const HASH_ANSWERS = ['match', 'mismatch', 'unsupported', 'absent', 'not-tried'] as const;
type HashAnswer = (typeof HASH_ANSWERS)[number];

/** null for everything that is not evidence, whole and of these types: then nothing is proven. */
export function parseEvidence(text: string): HelperEvidence | null {
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null) return null;
  const field = (name: keyof HelperEvidence): unknown =>
    Object.hasOwn(value, name) ? Reflect.get(value, name) : undefined;
  const authenticate = codeOf(field('authenticate'));
  const account = codeOf(field('account'));
  const hiddenPrompts = field('hiddenPrompts');
  const visiblePrompts = field('visiblePrompts');
  const hash = HASH_ANSWERS.find((known) => known === field('hash'));
  const error = field('error');
  if (authenticate === undefined || account === undefined) return null;
  if (!isCount(hiddenPrompts) || !isCount(visiblePrompts)) return null;
  if (hash === undefined || typeof error !== 'string') return null;
  return { authenticate, account, hiddenPrompts, visiblePrompts, hash, error };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // Which is no evidence.
  }
}

/** undefined for what is neither a code nor null. */
function codeOf(value: unknown): number | null | undefined {
  return value === null || Number.isSafeInteger(value) ? (value as number | null) : undefined;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
