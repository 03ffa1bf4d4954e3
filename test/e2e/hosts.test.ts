import { execPath } from 'node:process';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { spawn } from 'node:child_process';
import { once } from 'node:events';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { controlGroups } from '../support/hosts/cgroup.ts';
import { createFabric, sweepAbandoned, type Fabric } from '../support/hosts/fabric.ts';
import { bootHost, createHost, NODE_IN_HOST, type Host } from '../support/hosts/host.ts';
import { createLightHost } from '../support/hosts/light.ts';
import { OWNER_PREFIX } from '../support/hosts/owner.ts';
import { expectOnly, sshLogin, suLogin } from '../support/hosts/login.ts';
import { descendants, processes, startTime } from '../support/hosts/process-table.ts';
import { requireHosts } from '../support/hosts/requirements.ts';
import { ensureRootfs } from '../support/hosts/rootfs.ts';
import { run } from '../support/hosts/run.ts';
import { until } from '../support/hosts/until.ts';

const OLD = 'Quiet.Harbour-41';
const NEW = 'Windy=Meadow%72';
const WRONG = 'Never^Given_903';

const ROOTFS_TIMEOUT_MS = 15 * 60_000;
const BOOT_TIMEOUT_MS = 180_000;

describe('hosts', { timeout: BOOT_TIMEOUT_MS }, () => {
  beforeAll(async () => {
    requireHosts();
    await ensureRootfs();
  }, ROOTFS_TIMEOUT_MS);

  describe('booted', () => {
    let fabric: Fabric;
    let one: Host;
    let two: Host;

    beforeAll(async () => {
      fabric = await createFabric();
      const accounts = [{ name: 'alice', password: OLD }, { name: 'root' }];
      [one, two] = await Promise.all([
        bootHost(fabric, { name: 'one', accounts }),
        bootHost(fabric, { name: 'two', accounts: [{ name: 'alice', password: NEW }] }),
      ]);
    }, BOOT_TIMEOUT_MS);
    afterAll(async () => {
      await fabric[Symbol.asyncDispose]();
    });

    test('stand side by side, each with its own address, identity and name', async () => {
      expect(one.ip).not.toBe(two.ip);
      for (const path of ['/etc/machine-id', '/etc/ssh/ssh_host_ed25519_key.pub', '/proc/sys/kernel/hostname']) {
        expect(await one.readFile(path)).not.toBe(await two.readFile(path));
      }
    });

    test('see the checkout read-only, and run the pinned Node from it', async () => {
      expect((await one.must([NODE_IN_HOST, '--version'])).trim()).toBe(process.version);
      expect((await one.exec(['touch', '/opt/latchkey/written'])).code).not.toBe(0);
    });

    test('let in the right password and no other, by ssh and by su', async () => {
      const verdicts = await Promise.all([
        sshLogin(one, 'alice', OLD),
        sshLogin(one, 'alice', WRONG),
        suLogin(one, 'alice', OLD),
        suLogin(one, 'alice', WRONG),
      ]);
      expect(verdicts).toEqual(['accepted', 'refused', 'accepted', 'refused']);
    });

    test('fail a proof whose passwords are the wrong way round, without telling them', async () => {
      const error: unknown = await expectOnly(one, 'alice', { accepted: NEW, refused: [OLD] }).catch((e: unknown) => e);
      expect(String(error)).toMatch(/right password was refused by su.*wrong password 0 was accepted by su/);
      expect(String(error)).not.toContain(OLD);
      expect(String(error)).not.toContain(NEW);
    });

    test('neither accept nor refuse an account that must change its password first', async () => {
      await one.must(['useradd', 'eve']);
      await one.must(['chpasswd'], { input: `eve:${OLD}\n` });
      await one.must(['chage', '--lastday', '0', 'eve']);
      await expect(suLogin(one, 'eve', OLD)).rejects.toThrow('required to change your password');
      await expect(sshLogin(one, 'eve', OLD)).rejects.toThrow('neither opened nor refused');
    });

    test('keep what was written over a reboot, ordered from outside or from inside', async () => {
      await one.writeFile('/var/lib/probe/state', 'kept');
      await one.reboot();
      expect(await one.readFile('/var/lib/probe/state')).toBe('kept');
      await one.nextBoot(() => one.exec(['reboot']));
      expect(await one.readFile('/var/lib/probe/state')).toBe('kept');
      expect(one.boots).toBe(3);
      const boots = await one.must(['journalctl', '--list-boots', '--no-pager', '--quiet']);
      expect(boots.trim().split('\n').length).toBeGreaterThanOrEqual(3);
    });

    test('open to the new password only, once it is set, and still after a reboot', async () => {
      await one.must(['chpasswd'], { input: `alice:${NEW}\n` });
      await expectOnly(one, 'alice', { accepted: NEW, refused: [OLD] });
      await one.reboot();
      await expectOnly(one, 'alice', { accepted: NEW, refused: [OLD] });
    });

    test('can be stopped, worked on while stopped, started, and cut off from power', async () => {
      await two.stop();
      expect(two.power).toBe('stopped');
      await two.must(['chpasswd'], { input: `alice:${OLD}\n` });
      await two.start();
      await two.waitForBoot();
      expect(await sshLogin(two, 'alice', OLD)).toBe('accepted');
      await two.kill();
      expect(two.power).toBe('stopped');
      await two.start();
      await two.waitForBoot();
      expect(await sshLogin(two, 'alice', OLD)).toBe('accepted');
    });

    test('hold a frozen process where it stands until it is thawed', async () => {
      const state = (pid: number) => one.must(['ps', '-o', 'state=', '-p', String(pid)]).then((s) => s.trim());
      const pid = Number(await one.must(['systemctl', 'show', '--property=MainPID', '--value', 'ssh']));
      await one.freeze(pid);
      expect(await state(pid)).toBe('T');
      await one.thaw('ssh.service');
      await until(async () => (await state(pid)) !== 'T', { what: 'sshd to go on', deadlineMs: 5_000 });
    });

    test('reach a server in the fabric, which the test process reaches too', async () => {
      const listen = `require('node:net').createServer((s) => s.end('here')).listen(8443, '${fabric.address}', () => console.log('up'))`;
      const server = fabric.spawn(execPath, ['-e', listen]);
      await once(server.stdout, 'data');
      const dial = `exec 3<> /dev/tcp/${fabric.address}/8443; cat <&3`;
      expect(await one.must(['bash', '-c', dial])).toBe('here');

      await using reach = await fabric.reach(8443);
      const socket = connect(reach.port, '127.0.0.1');
      const [chunk] = (await once(socket, 'data')) as [Buffer];
      expect(chunk.toString()).toBe('here');
    });
  });

  describe('light', () => {
    test('change their own accounts and none of the machine', async () => {
      const before = readFileSync('/etc/shadow', 'utf8');
      await using host = await createLightHost({ name: 'light', accounts: [{ name: 'bob', password: OLD }] });
      await host.exec(['chpasswd'], { input: `bob:${NEW}\n` });
      await expectOnly(host, 'bob', { accepted: NEW, refused: [OLD, WRONG] });
      expect((await host.exec(['hostname'])).stdout.trim()).toBe('light');
      expect(readFileSync('/etc/shadow', 'utf8')).toBe(before);
    });

    test('come twenty at a time', async () => {
      const hosts = await Promise.all(
        Array.from({ length: 20 }, (_, at) => createLightHost({ name: `light-${String(at)}` })),
      );
      const ids = await Promise.all(hosts.map((host) => host.exec(['cat', '/etc/machine-id'])));
      expect(new Set(ids.map(({ stdout }) => stdout)).size).toBe(20);
      await Promise.all(hosts.map((host) => host[Symbol.asyncDispose]()));
    });

    test('say what is wrong, with a code for it, when they cannot be made', async () => {
      const instance = 'scripts/throwaway-instance';
      expect(await run([instance, 'Bad_Name', '/nowhere', 'true'])).toMatchObject({ code: 64 });
      const unprivileged = await run(['setpriv', '--reuid=65534', instance, 'name', '/nowhere', 'true']);
      expect(unprivileged).toMatchObject({ code: 77, stderr: expect.stringContaining('needs root') as string });
      const powerless = await run(['setpriv', '--bounding-set=-all', instance, 'name', tmpdir(), 'true']);
      expect(powerless).toMatchObject({ code: 69, stderr: expect.stringContaining('no namespaces') as string });
    });
  });

  test('find the fabric at one hardware address, whichever of them come and go', async () => {
    await using fabric = await createFabric();
    const address = async () =>
      /link\/ether (\S+)/.exec((await fabric.exec(['ip', 'link', 'show', 'br0'])).stdout)?.[1];
    const before = await address();
    const lowest = ['address', '02:00:00:00:00:00', 'master', 'br0', 'type', 'veth', 'peer', 'name', 'other'] as const;
    expect(await fabric.exec(['ip', 'link', 'add', 'name', 'lowest', ...lowest])).toMatchObject({ code: 0 });
    expect(await address()).toBe(before);
    expect(before).toBeDefined();
  });

  test('of the same name live beside each other in two fabrics', async () => {
    await using here = await createFabric();
    await using there = await createFabric();
    const twins = await Promise.all([here, there].map((fabric) => bootHost(fabric, { name: 'twin' })));
    expect(await Promise.all(twins.map((twin) => twin.must(['hostname'])))).toEqual(['twin\n', 'twin\n']);
  });

  describe('leave nothing', () => {
    test('when disposed of, even by a test that fails', async () => {
      const before = trace([process.pid]);
      let family: { pid: number; started: string | undefined }[] = [];
      let network = '';
      let name = '';
      const failing = async (): Promise<void> => {
        await using fabric = await createFabric();
        await using light = await createLightHost({ name: 'light', fabric });
        await using stopped = await createHost(fabric, { name: 'stopped' });
        await bootHost(fabric, { name: 'running' });
        fabric.spawn('sleep', ['1000']);
        name = fabric.name;
        network = readlinkSync(`/proc/${String(light.pid)}/ns/net`);
        family = descendants(process.pid).map(({ pid }) => ({ pid, started: startTime(pid) }));
        throw new Error(`as a test that fails, with ${stopped.name} never started`);
      };
      await expect(failing()).rejects.toThrow('as a test that fails');

      expect(family.length).toBeGreaterThan(10);
      expect(family.filter(({ pid, started }) => started !== undefined && startTime(pid) === started)).toEqual([]);
      expect(processes().filter(({ pid }) => networkOf(pid) === network)).toEqual([]);
      expect(await controlGroups()).not.toContain(name);
      expect(trace([process.pid])).toEqual(before);
    });

    test('when the test process is killed: at once but for what the next run sweeps up', async () => {
      const before = trace([]);
      const here = (path: string): string => JSON.stringify(new URL(`../support/hosts/${path}`, import.meta.url).href);
      const program = `
        const { createFabric } = await import(${here('fabric.ts')});
        const { bootHost } = await import(${here('host.ts')});
        const { createLightHost } = await import(${here('light.ts')});
        const fabric = await createFabric();
        await Promise.all([bootHost(fabric, { name: 'orphan' }), createLightHost({ name: 'orphan', fabric })]);
        console.log(fabric.name);
        setInterval(() => {}, 1000);`;
      const child = spawn(execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
      const [said] = (await once(child.stdout, 'data')) as [Buffer];
      const name = said.toString().trim();
      const family = descendants(child.pid ?? -1);
      expect(await controlGroups()).toContain(name);
      child.kill('SIGKILL');
      await once(child, 'close');

      await until(() => family.every(({ pid }) => startTime(pid) === undefined), {
        what: 'the kernel to end all that the killed process had started',
        deadlineMs: 10_000,
      });
      await sweepAbandoned();
      expect(await controlGroups()).not.toContain(name);
      expect(trace([Number(child.pid)])).toEqual(before);
    });
  });
});

/** What this process might leave on the machine, and the directories of these owners: others may run beside us. */
function trace(owners: readonly number[]): Record<string, unknown> {
  return {
    mounts: readFileSync('/proc/self/mounts', 'utf8')
      .split('\n')
      .filter((line) => /latchkey|overlay|nsfs/.test(line)),
    links: readdirSync('/sys/class/net').sort(),
    files: readdirSync(tmpdir()).filter((name) =>
      owners.some((pid) => name.startsWith(`${OWNER_PREFIX}${String(pid)}.`)),
    ),
    children: descendants(process.pid)
      .map(({ command }) => command)
      .filter((name) => !/^(esbuild|node|sh|ps)$/.test(name)),
  };
}

function networkOf(pid: number): string | undefined {
  try {
    return readlinkSync(`/proc/${String(pid)}/ns/net`);
  } catch {
    return undefined;
  }
}
