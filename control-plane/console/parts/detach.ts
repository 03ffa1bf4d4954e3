/** For work that nobody waits for and that shows its own failures: what it does not show is a defect, and is reported. */
export function detach(work: Promise<unknown>): void {
  work.catch((error: unknown) => reportError(error));
}
