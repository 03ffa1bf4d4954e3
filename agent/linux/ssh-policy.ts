/** What the SSH server will say to a password of this account, whatever the proof says. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { SYSTEM_ENVIRONMENT } from './environment.ts';

export type SshWarning = 'ssh-password-forbidden' | 'ssh-root-forbidden';

const SSHD_MS_MAX = 2_000;
const OUTPUT_BYTES_MAX = 256 * 1024;

/** `effective`: the output of `sshd -T`, which has resolved includes and Match blocks. */
export function judgeSsh(effective: string, account: { uid: number }): SshWarning[] {
  const values = new Map<string, string>();
  for (const line of effective.split('\n')) {
    const [key = '', value = ''] = line.trim().toLowerCase().split(/\s+/, 2);
    if (!values.has(key)) values.set(key, value);
  }
  const warnings: SshWarning[] = [];
  // Keyboard-interactive asks for the password too, through PAM.
  const interactive = values.get('kbdinteractiveauthentication') ?? values.get('challengeresponseauthentication');
  const throughPam = interactive === 'yes' && values.get('usepam') === 'yes';
  if (values.get('passwordauthentication') === 'no' && !throughPam) warnings.push('ssh-password-forbidden');
  const root = values.get('permitrootlogin');
  if (account.uid === 0 && root !== undefined && root !== 'yes') warnings.push('ssh-root-forbidden');
  return warnings;
}

export interface SshPolicy {
  /** Never fails: no sshd, no answer or no right to ask give no warning. */
  warningsFor(account: { name: string; uid: number }, signal?: AbortSignal): Promise<SshWarning[]>;
}

export function createSshPolicy({ sshd = '/usr/sbin/sshd' }: { sshd?: string } = {}): SshPolicy {
  return {
    warningsFor: (account, signal) =>
      new Promise((resolve) => {
        if (!existsSync(sshd)) {
          resolve([]);
          return;
        }
        const match = `user=${account.name},host=localhost,addr=127.0.0.1`; // the name has passed the allowlist
        const options = {
          env: SYSTEM_ENVIRONMENT,
          signal,
          timeout: SSHD_MS_MAX,
          killSignal: 'SIGKILL',
          maxBuffer: OUTPUT_BYTES_MAX,
        } as const;
        execFile(sshd, ['-T', '-C', match], options, (error, stdout) =>
          resolve(error === null ? judgeSsh(stdout, account) : []),
        );
      }),
  };
}
