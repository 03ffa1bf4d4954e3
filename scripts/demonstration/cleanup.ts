/** What has to be undone, in reverse order of what was done. */
export interface Cleanup {
  /** To be called before the thing is done, so that no signal finds it done and unknown. */
  defer(what: string, undo: () => Promise<void>): void;
  /** Undoes everything, also after one undoing has failed; returns what was left, a line each. */
  run(): Promise<string[]>;
}

export function createCleanup(): Cleanup {
  const steps: { what: string; undo: () => Promise<void> }[] = [];
  return {
    defer(what, undo) {
      steps.push({ what, undo });
    },
    async run() {
      const left: string[] = [];
      for (let step = steps.pop(); step !== undefined; step = steps.pop()) {
        try {
          await step.undo();
        } catch (error) {
          left.push(`${step.what}: ${error instanceof Error ? error.message : String(error)}`);
        }
      }
      return left;
    },
  };
}
