/** What there is to know of this system's chpasswd. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { PROGRAM_DIRECTORIES } from './environment.ts';

export interface PasswordTool {
  /**
   * Whether it reads its line before it touches anything. Built with PAM, it leaves all to the modules of the password
   * stack; built without, it takes the lock of the account database first. False where that cannot be told.
   */
  readsFirst(): boolean;
}

const LIBRARY = 'libpam.so';

/** Looks into the program once, and again when it has been replaced. */
export function createPasswordTool(directories: readonly string[] = PROGRAM_DIRECTORIES): PasswordTool {
  let last: { readonly stamp: string; readonly readsFirst: boolean } | null = null;
  const look = () => {
    const found = find(directories);
    if (found === null) return false;
    if (last?.stamp !== found.stamp) {
      last = { stamp: found.stamp, readsFirst: readFileSync(found.path).includes(LIBRARY) };
    }
    return last.readsFirst;
  };
  return {
    readsFirst() {
      try {
        return look();
      } catch {
        return false; // A program that cannot be read is run by the script all the same.
      }
    },
  };
}

/** The one that the script finds, by the order of its search path. */
function find(directories: readonly string[]): { path: string; stamp: string } | null {
  for (const directory of directories) {
    const path = join(directory, 'chpasswd');
    const state = statSync(path, { bigint: true, throwIfNoEntry: false });
    if (state !== undefined) return { path, stamp: `${path}.${state.ino}.${state.ctimeNs}.${state.size}` };
  }
  return null;
}
