/** Reads the account database and answers which account a name means. */
import { execFile } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { findShadow, type AccountFiles } from './account-files.ts';
import { isSafeAccountName, lockMarksOf, resolveAccount } from './accounts.ts';
import type { AccountResolution } from './accounts.ts';
import { readAuthorities } from './authority-reader.ts';
import { SYSTEM_ENVIRONMENT } from './environment.ts';

const LOOKUP_MS_MAX = 3_000;

export interface AccountReader {
  /** Throws only if /etc/passwd or /etc/shadow exists and cannot be read. */
  resolve(name: string, signal?: AbortSignal): Promise<AccountResolution>;
  /**
   * The lock marks before the hash that shadow holds for that name, at a glance; null where there is none, the name is
   * unsafe, or it cannot be told. Says nothing of whether the account may be reset.
   */
  lockMarks(name: string): string | null;
  /** Another one after every change of the account database; null where that cannot be told. */
  stamp(): string | null;
}

export interface AccountReaderOptions {
  etc?: string;
  share?: string;
  now: () => number;
  /** Whether any name service knows the account. Asked only for names that the local files do not hold. */
  knownElsewhere?: (name: string, signal?: AbortSignal) => Promise<boolean>;
}

export function createAccountReader({
  etc = '/etc',
  share = '/usr/share',
  now,
  knownElsewhere = askNameServices,
}: AccountReaderOptions): AccountReader {
  return {
    lockMarks: (name) => (isSafeAccountName(name) ? glance(join(etc, 'shadow'), name) : null),
    stamp: () => stampOf(DATABASE.map((name) => join(etc, name))),
    async resolve(name, signal) {
      const resolution = resolveAccount(readAccountFiles(etc, share), name, Math.floor(now() / 86_400_000));
      if (resolution.ok || resolution.code !== 'account-not-found') return resolution;
      return (await knownElsewhere(name, signal)) ? { ok: false, code: 'account-not-local' } : resolution;
    },
  };
}

function glance(shadow: string, name: string): string | null {
  try {
    const entry = findShadow(readFileSync(shadow, 'latin1'), name);
    return entry === null ? null : lockMarksOf(entry.password);
  } catch {
    return null; // Whoever reads all of it says why.
  }
}

const DATABASE = ['passwd', 'shadow', 'group'] as const;

/** Tools put a new file in the place of the old one, or write into it: either shows. */
function stampOf(paths: readonly string[]): string | null {
  try {
    const states = paths.map((path) => statSync(path, { bigint: true, throwIfNoEntry: false }));
    return states.map((state) => (state === undefined ? '' : `${state.ino}.${state.ctimeNs}.${state.size}`)).join();
  } catch {
    return null;
  }
}

export function readAccountFiles(etc: string, share = '/usr/share'): AccountFiles {
  const read = (name: string) => readIfPresent(join(etc, name));
  return {
    passwd: read('passwd'),
    shadow: read('shadow'),
    group: read('group'),
    authorities: readAuthorities({ etc, share }),
  };
}

function readIfPresent(path: string): string {
  try {
    return readFileSync(path, 'latin1'); // one character a byte: a stray byte must not move a field
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

/** The name has passed the allowlist: it cannot be an option. A name service that does not answer counts as no. */
function askNameServices(name: string, signal?: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const options = {
      env: SYSTEM_ENVIRONMENT,
      signal,
      timeout: LOOKUP_MS_MAX,
      killSignal: 'SIGKILL',
    } as const;
    execFile('getent', ['passwd', name], options, (error) => resolve(error === null));
  });
}
