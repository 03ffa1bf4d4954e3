/** So many transactions in one commit are a crowd: thousands of agents come back, or a large batch is under way. */
const CROWD_MIN = 4;
/** What a crowd is waited for at the most, milliseconds: no answer is held back for longer than that. */
const WAIT_MS_MAX = 10;

/** When the next commit begins: company shares it, and who is alone waits for nobody. */
export interface Company {
  /** Resolves when the next commit may begin. */
  gather(): Promise<void>;
  /** So many transactions have shared a commit that took so long. */
  committed(transactions: number, tookMs: number): void;
}

/**
 * Waits for the end of the event loop's turn, so that all that this turn brings shares one flush to the disk; and after
 * a crowd for as long again as its commit took. A commit blocks everything: in a storm, half of the time is left for
 * what is not a commit.
 */
export function createCompany(deps: {
  /** Resolves at the end of the turn. */
  readonly turn: () => Promise<void>;
  readonly wait: (ms: number) => Promise<void>;
}): Company {
  let waitMs = 0;
  return {
    async gather() {
      await deps.turn();
      if (waitMs === 0) return;
      const ms = waitMs;
      waitMs = 0;
      await deps.wait(ms);
    },
    committed(transactions, tookMs) {
      waitMs = transactions < CROWD_MIN ? 0 : Math.min(tookMs, WAIT_MS_MAX);
    },
  };
}
