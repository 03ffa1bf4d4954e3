/** What lies beside an archive. */

/** What is to be signed. */
export const statementFileOf = (archive: string): string => archive.replace(/\.tar\.gz$/, '.unsigned.json');

/** Statement, signature and key: what a control plane takes with the archive (`SignedRelease`). */
export const signedFileOf = (archive: string): string => archive.replace(/\.tar\.gz$/, '.json');
