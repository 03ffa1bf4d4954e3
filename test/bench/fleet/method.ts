/** One way to set the passwords of all hosts. */
export interface Method {
  readonly name: string;
  readonly verified: boolean;
  /** Resolves when the hosts are as a batch finds them after a time of rest. */
  rested?(): Promise<void>;
  /** Sets this password on every host; resolves when the last one is said to be done. */
  setAll(password: string): Promise<void>;
}
