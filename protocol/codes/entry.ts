/** One code: what happened, and what to do. `status` is the HTTP status where a request is answered with it. */
export interface CodeEntry {
  readonly status: number | null;
  readonly message: string;
  readonly remedy: string;
}
