/**
 * Two sessions of one identity in one role. A reconnect over a half-open socket leaves an old session that answers
 * nothing any more; a clone leaves one that does. So both are challenged after the newer one has proven itself.
 */
export interface Contention {
  readonly older: 'waiting' | 'answered' | 'gone';
  readonly newer: 'waiting' | 'answered' | 'gone';
}

export type ContentionVerdict =
  /** Both answered: two machines. */
  | 'fence'
  /** Only one is alive. */
  | 'keep-newer'
  | 'keep-older'
  | 'wait';

/** Read again at every answer, loss and at the deadline. */
export function judgeContention(contention: Contention, deadlinePassed: boolean): ContentionVerdict {
  const { older, newer } = contention;
  if (older === 'answered' && newer === 'answered') return 'fence';
  if (older === 'gone') return 'keep-newer';
  if (newer === 'gone') return 'keep-older';
  if (!deadlinePassed) return 'wait';
  return newer === 'answered' ? 'keep-newer' : 'keep-older';
}
