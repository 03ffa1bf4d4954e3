import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { PLACE_ENVIRONMENT } from '../../support/hosts/place.ts';
import { mustRun, run } from '../../support/hosts/run.ts';
import { needPackage, PACKAGES } from '../rivals/packages.ts';
import { ACCOUNT, SSH_PORT, type Fleet } from './hosts.ts';
import type { Method } from './method.ts';

const FORKS = [2, 10, 50];
const BATCH_MS_MAX = 600_000;

/** Ansible's user module as fast as it can be set: pipelining, standing connections, no facts, no waiting for others. */
export async function ansibleMethods({ hosts, sshKey }: Fleet, directory: string): Promise<Method[]> {
  await needPackage(PACKAGES.ansible);
  const [inventory, playbook, variables] = ['hosts.ini', 'play.yml', 'hash.json'].map((name) => join(directory, name));
  if (inventory === undefined || playbook === undefined || variables === undefined) throw new Error('three names');
  const all = `ansible_user=root ansible_port=${SSH_PORT} ansible_ssh_private_key_file=${sshKey} ansible_python_interpreter=/usr/bin/python3`;
  const lines = hosts.map(({ host, address }) => `${host.name} ansible_host=${address} ${all}`);
  await writeFile(inventory, `${lines.join('\n')}\n`);
  const task = { user: { name: ACCOUNT, password: '{{ hash }}' } };
  const play = { hosts: 'all', gather_facts: false, strategy: 'free', vars_files: [variables], tasks: [task] };
  await writeFile(playbook, JSON.stringify([play]));
  const env = {
    ...PLACE_ENVIRONMENT,
    HOME: directory,
    ANSIBLE_HOST_KEY_CHECKING: 'False',
    ANSIBLE_PIPELINING: 'True',
    ANSIBLE_SSH_ARGS: '-F /dev/null -o ControlMaster=auto -o ControlPersist=600 -o UserKnownHostsFile=/dev/null',
    ANSIBLE_NOCOLOR: 'True',
  };
  return FORKS.map((forks) => ({
    name: `Ansible's user module, ${forks} forks`,
    verified: false,
    async setAll(password) {
      // Hashed once, which saves its hosts that work.
      const { stdout } = await mustRun(['openssl', 'passwd', '-6', '-stdin'], { input: `${password}\n` });
      await writeFile(variables, JSON.stringify({ hash: stdout.trim() }), { mode: 0o600 });
      const command = ['ansible-playbook', '--inventory', inventory, '--forks', String(forks), playbook] as const;
      const { code, stdout: said, stderr } = await run(command, { env, cwd: directory, timeoutMs: BATCH_MS_MAX });
      if (code !== 0) throw new Error(`Ansible ended with ${code}: ${stderr}${said.slice(-500)}`);
    },
  }));
}
