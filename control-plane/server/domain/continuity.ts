import type { Digest } from '#protocol';

/** Hashes of the secrets that a next session may present: the newest, and the one before in case it was lost. */
export interface Continuity {
  /** Handed over last; null before the first session, and after a restored backup, which cannot know. */
  readonly current: Digest | null;
  /** What the holder of `current` presented itself; null when that was nothing. */
  readonly previous: Digest | null;
}

/**
 * Whether a session continues the last one. The previous secret is good too, since a crash may lose the newest between
 * its receipt and the disk. An older one means that two machines took turns: a copy. Where nothing is known to have been
 * handed over, nothing can contradict it: the instance may hold a secret of a store that was restored to an older state
 * since, or of its enrolment before this one.
 */
export function continues(known: Continuity, presented: Digest | null): boolean {
  if (known.current === null) return true;
  return presented === known.current || presented === known.previous;
}

/** What is known once `next` has been handed to a session that presented `presented`. */
export function handOver(presented: Digest | null, next: Digest): Continuity {
  return { current: next, previous: presented };
}
