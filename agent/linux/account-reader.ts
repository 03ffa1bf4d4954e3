/** Reads the account database and answers which account a name means. */
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { AccountFiles } from './account-files.ts';
import { resolveAccount } from './accounts.ts';
import type { AccountResolution } from './accounts.ts';
import { SYSTEM_ENVIRONMENT } from './environment.ts';

const LOOKUP_MS_MAX = 3_000;
const SUDOERS_FILES_MAX = 200;

export interface AccountReader {
  /** Throws only if /etc/passwd or /etc/shadow exists and cannot be read. */
  resolve(name: string, signal?: AbortSignal): Promise<AccountResolution>;
}

export interface AccountReaderOptions {
  etc?: string;
  now: () => number;
  /** Whether any name service knows the account. Asked only for names that the local files do not hold. */
  knownElsewhere?: (name: string, signal?: AbortSignal) => Promise<boolean>;
}

export function createAccountReader({
  etc = '/etc',
  now,
  knownElsewhere = askNameServices,
}: AccountReaderOptions): AccountReader {
  return {
    async resolve(name, signal) {
      const resolution = resolveAccount(readAccountFiles(etc), name, Math.floor(now() / 86_400_000));
      if (resolution.ok || resolution.code !== 'account-not-found') return resolution;
      return (await knownElsewhere(name, signal)) ? { ok: false, code: 'account-not-local' } : resolution;
    },
  };
}

export function readAccountFiles(etc: string): AccountFiles {
  const read = (name: string) => readIfPresent(join(etc, name));
  return {
    passwd: read('passwd'),
    shadow: read('shadow'),
    group: read('group'),
    sudoers: [read('sudoers'), ...list(join(etc, 'sudoers.d')).map(readIfPresent)],
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

function list(directory: string): string[] {
  try {
    // sudo itself skips names with a dot or a trailing tilde.
    const names = readdirSync(directory).filter((name) => !name.includes('.') && !name.endsWith('~'));
    return names.slice(0, SUDOERS_FILES_MAX).map((name) => join(directory, name));
  } catch {
    return [];
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
