import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createHost, CHECKOUT_IN_HOST, type Host } from '../support/hosts/host.ts';
import { openInstallWorld, secretOf, type InstallWorld } from './install-world.ts';

const SEED = '/var/lib/cloud/seed/nocloud';
const ANSIBLE = ['ansible-core', 'openssh-client', 'sudo'];
const BOOT_MS_MAX = 300_000;
/** For grep: a join token, as far as its identifier. */
const JOIN_TOKEN = 'lkj_[0-9a-f-]{36}';

let installs: InstallWorld;
beforeAll(async () => {
  installs = await openInstallWorld();
});
afterAll(() => installs[Symbol.asyncDispose]());

/** What `install-command` prints for people; `--json` is for the line. */
async function printed(...options: string[]): Promise<string> {
  const { code, stdout, stderr } = await installs.world.latchkey(['agents', 'install-command', ...options]);
  expect(code, stderr).toBe(0);
  return stdout;
}

test('a machine that is given the user data joins when it first boots, and not again', async () => {
  const userData = await printed('--name', 'cloud-1', '--format', 'cloud-init');
  const host = await createHost(installs.world.fabric, { name: 'cloud-1', packages: ['cloud-init'] });
  try {
    await host.writeFile(`${SEED}/user-data`, userData, '0600');
    await host.writeFile(`${SEED}/meta-data`, 'instance-id: first\nlocal-hostname: cloud-1\n');
    await host.writeFile(
      '/etc/cloud/cloud.cfg.d/99-seed.cfg',
      'datasource_list: [NoCloud]\nnetwork: {config: disabled}\nlocale: C.UTF-8\n',
    );
    await host.start();
    await host.waitForBoot();
    const said = await host.exec(['cloud-init', 'status', '--wait', '--long'], { timeoutMs: BOOT_MS_MAX });
    expect(said.stdout, await host.readFile('/var/log/cloud-init-output.log')).toMatch(/^status: done$/m);
    await installs.world.state('cloud-1', 'running');
    const fingerprint = /SHA256:\S+/.exec(await host.must(['latchkey-agent', 'status']))?.[0];
    const log = await host.readFile('/var/log/cloud-init-output.log');
    expect(log).toContain(fingerprint);
    const secret = secretOf(userData);
    expect(log + (await host.journal()) + host.console).not.toContain(secret);
    const holders = await host.must(['grep', '-rlF', secret, '/etc', '/var', '/run', '/root', '/usr/local', '/tmp']);
    const modes = await host.must(['stat', '-L', '-c', '%a %U', ...holders.trim().split('\n')]);
    for (const mode of modes.trim().split('\n')) expect(mode).toMatch(/^[4-7]00 root$/);

    await host.reboot();
    await host.must(['cloud-init', 'status', '--wait'], { timeoutMs: BOOT_MS_MAX });
    await installs.world.state('cloud-1', 'running');
    expect(await host.must(['latchkey-agent', 'status'])).toContain(fingerprint);
  } finally {
    await host[Symbol.asyncDispose]();
  }
});

/** Ansible and the operator's command line, set up as an operator would. */
async function operatorHost(): Promise<Host> {
  const host = await installs.boot('operator', 'bookworm', ANSIBLE);
  const { world } = installs;
  const token = await world.json(['tokens', 'create', '--type', 'api', '--name', 'ansible', '--role', 'administrator']);
  const pem = await readFile(join(world.directory, 'keys', 'ca.crt'), 'utf8');
  await host.must(['ln', '-s', `${CHECKOUT_IN_HOST}/scripts/latchkey`, '/usr/local/bin/latchkey']);
  await host.writeFile('/root/.config/latchkey/token', `${(token as { token: string }).token}\n`, '0600');
  await host.writeFile('/root/.config/latchkey/ca.crt', pem);
  const config = { url: world.url, tokenFile: 'token', ca: 'ca.crt' };
  await host.writeFile('/root/.config/latchkey/config.json', JSON.stringify(config), '0600');
  await host.must(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', '/root/.ssh/id_ed25519']);
  return host;
}

/** Runs the playbook on the hosts of the inventory; resolves to what it shows, at its most talkative. */
async function play(operator: Host, ...more: string[]): Promise<{ code: number; stdout: string }> {
  const command = ['ansible-playbook', '-vvv', '-i', '/root/hosts', '/root/latchkey.yml', ...more] as const;
  return operator.exec(command, { timeoutMs: 300_000 });
}

test('the playbook installs where there is no agent, changes nothing again, shows no token, and says why it fails', async () => {
  const operator = await operatorHost();
  const host = await installs.boot('managed', 'bookworm', ANSIBLE);
  try {
    const key = await operator.readFile('/root/.ssh/id_ed25519.pub');
    await host.must(['useradd', '--create-home', '--shell', '/bin/sh', 'deploy']);
    await host.writeFile('/home/deploy/.ssh/authorized_keys', key, '0644');
    await host.writeFile('/etc/sudoers.d/deploy', 'deploy ALL=(ALL) NOPASSWD: ALL\n', '0440');
    const known = (await host.readFile('/etc/ssh/ssh_host_ed25519_key.pub')).split(' ').slice(0, 2).join(' ');
    await operator.writeFile('/root/.ssh/known_hosts', `${host.ip} ${known}\n`);
    await operator.writeFile('/root/hosts', `managed ansible_host=${host.ip} ansible_user=deploy\n`);
    await operator.writeFile('/root/latchkey.yml', await printed('--format', 'ansible'));

    const looked = await play(operator, '--check');
    expect(looked.code, looked.stdout).toBe(0);
    expect((await host.exec(['test', '-e', '/usr/local/bin/latchkey-agent'])).code).toBe(1);

    const full = 'mount -t tmpfs -o size=20m,mode=755 none /usr/local/lib';
    await host.must(['sh', '-c', full]);
    const failed = await play(operator);
    await host.must(['umount', '/usr/local/lib']);
    expect(failed.code, failed.stdout).toBe(2);
    expect(failed.stdout).toContain('latchkey: install-disk-full: ');
    expect(failed.stdout).not.toContain('lkj_');

    const first = await play(operator);
    expect(first.code, first.stdout).toBe(0);
    expect(first.stdout).toMatch(/managed\s.*changed=1 /);
    await installs.world.state('managed', 'running');
    const fingerprint = /SHA256:\S+/.exec(await host.must(['latchkey-agent', 'status']))?.[0];
    expect(first.stdout).toContain(fingerprint);
    expect(first.stdout).not.toContain('lkj_');
    for (const each of [operator, host]) {
      expect(await each.journal()).not.toContain('lkj_');
      // Not the prefix alone: the code of the command line, which Node keeps compiled, knows how a token begins.
      const found = await each.exec(['grep', '-rlE', JOIN_TOKEN, '/root', '/tmp', '/var', '/home', '/etc']);
      expect(found.stdout).toBe('');
    }

    const tokens = await installs.world.json(['tokens', 'list']);
    const again = await play(operator);
    expect(again.code, again.stdout).toBe(0);
    expect(again.stdout).toMatch(/managed\s.*changed=0 /);
    expect(await installs.world.json(['tokens', 'list'])).toEqual(tokens);

    await installs.world.json(['instances', 'remove', 'managed', '--yes']);
    await host.must(['latchkey-agent', 'uninstall', '--yes']);
    await operator.must(['rm', '/root/.config/latchkey/token']);
    const mute = await play(operator);
    expect(mute.code).toBe(2);
    expect(mute.stdout).toContain('file-unusable');
  } finally {
    await host[Symbol.asyncDispose]();
    await operator[Symbol.asyncDispose]();
  }
});
