import type { ResetCounts } from '#protocol';

/** How a command that started something ended. */
export type Ending = 'watched' | 'accepted' | 'dry-run' | 'detached';

/** 0: everything succeeded, was accepted (`--no-wait`) or could be reset (`--dry-run`). 1: some did not. */
export function exitCodeOf(ending: Ending, tally: ResetCounts): 0 | 1 {
  switch (ending) {
    case 'watched':
      return tally.total > 0 && tally.succeeded === tally.total ? 0 : 1;
    case 'accepted':
    case 'dry-run':
      return tally.blocked === 0 && tally.failed === 0 ? 0 : 1;
    case 'detached':
      return 1;
    default:
      return ending satisfies never;
  }
}
