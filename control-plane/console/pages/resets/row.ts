import type { Reset } from '#protocol';
import { texts } from '../../texts/index.ts';

const words = texts.resets;

/** The counts in words; what is zero is left out, but for those that succeeded. */
export function countsOf({ total, succeeded, failed, blocked, pending }: Reset['counts']): readonly string[] {
  return [
    words.succeeded(succeeded, total),
    ...(failed > 0 ? [words.failed(failed)] : []),
    ...(blocked > 0 ? [words.blocked(blocked)] : []),
    ...(pending > 0 ? [words.pending(pending)] : []),
  ];
}
