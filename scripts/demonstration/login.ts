import { StepFailure } from './failure.ts';
import type { Instance } from './instance.ts';
import type { Argv } from './processes.ts';

/** What the door of an account said to a password. */
export type Verdict = 'accepted' | 'refused';

/** The number of nobody: `su` asks root for no password, but everyone else. */
const UNPRIVILEGED = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups', '--'] as const;

/**
 * Logs in by `su` inside the instance, as an unprivileged user would, through PAM. The password goes down a pipe. What
 * neither opens nor refuses throws.
 */
export async function tryLogin(instance: Instance, account: string, password: string): Promise<Verdict> {
  const argv: Argv = [...UNPRIVILEGED, 'su', '-s', '/bin/sh', account, '-c', 'id -un'];
  const { code, stdout, said } = await instance.run(argv, `${password}\n`);
  // The name in the answer is the proof: whose shell it is.
  if (code === 0 && stdout.trim() === account) return 'accepted';
  if (code !== 0 && said.includes('Authentication failure')) return 'refused';
  const what = `su to ${account} on ${instance.name} neither opened nor refused (code ${code})`;
  throw new StepFailure(`${what}: ${said.replace(/^Password: /, '').trim()}`);
}
