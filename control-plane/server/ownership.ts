import { fchownSync, lstatSync } from 'node:fs';

/**
 * Gives an open, new file to whoever owns what lies at `path`: its directory, or the file whose place it takes. Root, who
 * may run the verbs of a server that has a user of its own, would otherwise leave files that the server cannot read at
 * its next start. For everybody else, a file is his own.
 */
export function giveToOwnerOf(path: string, file: number): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = lstatSync(path);
  fchownSync(file, uid, gid);
}
