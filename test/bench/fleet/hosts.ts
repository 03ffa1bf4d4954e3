import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { createLightHost, type LightHost } from '../../support/hosts/light.ts';
import { mustRun } from '../../support/hosts/run.ts';
import { pooled } from './pool.ts';

export const ACCOUNT = 'alice';
const STARTED_AT_ONCE = 8;
/** Of the loopback, since light hosts share the machine's network: a /16 that nothing else here uses. */
const NETWORK = '127.79';
export const SSH_PORT = 2222;
const HOSTS_MAX = 250;

export interface FleetHost {
  readonly host: LightHost;
  /** Where its sshd listens, at `SSH_PORT`. */
  readonly address: string;
  /** What its account database holds for the account now. */
  stored(): Promise<string>;
}

export interface Fleet extends AsyncDisposable {
  readonly hosts: readonly FleetHost[];
  /** A private key that root of every host accepts. */
  readonly sshKey: string;
}

/** Light hosts with an account each; no sshd yet. */
export async function openFleet(directory: string, count: number): Promise<Fleet> {
  if (count > HOSTS_MAX) throw new Error(`--hosts takes at most ${HOSTS_MAX}`);
  await using stack = new AsyncDisposableStack();
  const sshKey = join(directory, 'ssh-key');
  await mustRun(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', sshKey]);
  const numbers = Array.from({ length: count }, (_, at) => at + 1);
  const hosts = await pooled(numbers, STARTED_AT_ONCE, async (number): Promise<FleetHost> => {
    const host = stack.use(await createLightHost({ name: `fleet-${number}`, accounts: [{ name: ACCOUNT }] }));
    return { host, address: `${NETWORK}.0.${number}`, stored: () => storedOn(host) };
  });
  const parts = stack.move();
  return { hosts, sshKey, [Symbol.asyncDispose]: () => parts.disposeAsync() };
}

async function storedOn(host: LightHost): Promise<string> {
  const shadow = await readFile(`/proc/${host.pid}/root/etc/shadow`, 'utf8');
  const line = shadow.split('\n').find((text) => text.startsWith(`${ACCOUNT}:`));
  if (line === undefined) throw new Error(`${host.name} has no ${ACCOUNT}`);
  return line;
}

/** Starts an sshd on each; they end with their hosts. */
export async function startSshd({ hosts, sshKey }: Fleet, directory: string): Promise<void> {
  const authorized = join(directory, 'authorized_keys');
  await writeFile(authorized, await readFile(`${sshKey}.pub`));
  await pooled(hosts, STARTED_AT_ONCE, async ({ host, address }) => {
    const options = [
      `ListenAddress=${address}`,
      `Port=${SSH_PORT}`,
      'HostKey=/run/ssh-host-key',
      `AuthorizedKeysFile=${authorized}`,
      'PermitRootLogin=prohibit-password',
      // The directory of the bench is in /tmp, which anyone may write to.
      'StrictModes=no',
      'PidFile=/run/sshd.pid',
    ].flatMap((option) => ['-o', option]);
    const script =
      'mkdir -p /run/sshd && ssh-keygen -q -t ed25519 -N "" -f /run/ssh-host-key && exec /usr/sbin/sshd "$@"';
    const { code, stderr } = await host.exec(['sh', '-c', script, 'sh', '-f', '/dev/null', ...options]);
    if (code !== 0) throw new Error(`no sshd on ${host.name}: ${stderr}`);
  });
}
