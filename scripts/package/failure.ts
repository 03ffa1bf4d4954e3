/** Why there is no package, for a person: what happened, then what to do. */
export class PackageError extends Error {
  override readonly name = 'PackageError';
  constructor(what: string, remedy: string, options?: ErrorOptions) {
    super(`${what} ${remedy}`, options);
  }
}
