/** Why a step failed, for a person. */
export class StepFailure extends Error {
  /** Whose last lines say more; null where there is no such file. */
  readonly logFile: string | null;
  /** What the demonstration ends with. */
  readonly exitCode: number;

  constructor(why: string, more: { readonly logFile?: string; readonly exitCode?: number } = {}) {
    super(why);
    this.name = 'StepFailure';
    this.logFile = more.logFile ?? null;
    this.exitCode = more.exitCode ?? 1;
  }
}
