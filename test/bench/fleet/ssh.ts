import { join } from 'node:path';

import { run, mustRun } from '../../support/hosts/run.ts';
import { ACCOUNT, SSH_PORT, type Fleet, type FleetHost } from './hosts.ts';
import type { Method } from './method.ts';
import { pooled } from './pool.ts';

const AT_ONCE = [2, 10, 50];
const OPENED_AT_ONCE = 8;

/** ssh over connections that were opened before, to `chpasswd`. */
export async function sshMethods(
  { hosts, sshKey }: Fleet,
  directory: string,
  stack: AsyncDisposableStack,
): Promise<Method[]> {
  const control = ({ host }: FleetHost): string => join(directory, `ssh-${host.name}`);
  await pooled(hosts, OPENED_AT_ONCE, async (at) => {
    const known = ['-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'LogLevel=ERROR'];
    const master = ['-M', '-S', control(at), '-f', '-N', '-i', sshKey, '-p', String(SSH_PORT)];
    await mustRun(['ssh', '-F', '/dev/null', ...known, ...master, `root@${at.address}`]);
    stack.defer(async () => {
      await run(['ssh', '-F', '/dev/null', '-S', control(at), '-O', 'exit', `root@${at.address}`]);
    });
  });
  return AT_ONCE.map((atOnce) => ({
    name: `ssh, ControlMaster, chpasswd, ${atOnce} at once`,
    verified: false,
    async setAll(password) {
      await pooled(hosts, atOnce, async (at) => {
        const command = ['-F', '/dev/null', '-S', control(at), `root@${at.address}`, 'chpasswd'];
        await mustRun(['ssh', ...command], { input: `${ACCOUNT}:${password}\n` });
      });
    },
  }));
}
