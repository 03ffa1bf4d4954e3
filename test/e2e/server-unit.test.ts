import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createFabric, type Fabric } from '../support/hosts/fabric.ts';
import { CHECKOUT_IN_HOST, bootHost, type Host } from '../support/hosts/host.ts';
import { expectOnly } from '../support/hosts/login.ts';
import { until } from '../support/hosts/until.ts';
import { newPassword, type ResetReport } from './world.ts';

/** The control plane as its unit runs it, on a booted host, and an instance beside it. */
const UNIT = 'latchkey-server.service';
const PORT = 8443;
const OLD = 'Old-Password-1';
/** scripts/server/README.md quotes it. Out of 10, where 10 is no confinement at all. */
const EXPOSURE_MAX = 1.3;

let fabric: Fabric;
let server: Host;
let instance: Host;
let url: string;
let token: string;

const recipe = (name: string) => readFile(new URL(`../../scripts/server/${name}`, import.meta.url), 'utf8');

/** As scripts/server/README.md says. */
async function installServer(): Promise<void> {
  await server.must(['ln', '-s', `${CHECKOUT_IN_HOST}/scripts/latchkey`, '/usr/local/bin/latchkey']);
  await server.writeFile('/etc/sysusers.d/latchkey-server.conf', await recipe('latchkey-server.sysusers'));
  await server.writeFile('/etc/tmpfiles.d/latchkey-server.conf', await recipe('latchkey-server.tmpfiles'));
  await server.writeFile(`/etc/systemd/system/${UNIT}`, await recipe('latchkey-server.service'));
  await server.must(['systemd-sysusers', 'latchkey-server.conf']);
  await server.must(['systemd-tmpfiles', '--create', 'latchkey-server.conf']);
  const config = { listen: `0.0.0.0:${String(PORT)}`, publicUrl: url, retention: { resetsDays: 30 } };
  await server.writeFile('/etc/latchkey/server.json', JSON.stringify(config));
  await server.must(['systemctl', 'daemon-reload']);
}

async function latchkey(args: readonly string[], input = ''): Promise<{ code: number; stdout: string }> {
  const env = { LATCHKEY_URL: url, LATCHKEY_TOKEN: token, LATCHKEY_CA: '/etc/latchkey/keys/ca.crt' };
  const { code, stdout, stderr } = await server.exec(['latchkey', ...args, '--json'], { env, input });
  return { code, stdout: stdout === '' ? stderr : stdout };
}
async function json(args: readonly string[], input?: string): Promise<unknown> {
  const { code, stdout } = await latchkey(args, input);
  expect(code, stdout).toBe(0);
  return JSON.parse(stdout);
}
async function agentRuns(): Promise<void> {
  const look = async () =>
    ((await json(['instances', 'show', 'web-1'])) as { agent: { state: string } }).agent.state === 'running';
  await until(look, { what: 'the agent to be running', deadlineMs: 60_000 });
}
async function reset(password: string): Promise<ResetReport> {
  const args = ['reset', 'web-1', '--account', 'alice', '--password-stdin'];
  return (await json(args, `${password}\n`)) as ResetReport;
}

const property = async (name: string) =>
  (await server.must(['systemctl', 'show', `--property=${name}`, '--value', UNIT])).trim();
const readyz = async () => {
  const probe = ['curl', '--silent', '--cacert', '/etc/latchkey/keys/ca.crt', `${url}/readyz`] as const;
  return (await server.exec([...probe, '--output', '/dev/null', '--write-out', '%{http_code}'])).stdout;
};

beforeAll(async () => {
  fabric = await createFabric();
  server = await bootHost(fabric, { name: 'control' });
  instance = await bootHost(fabric, { name: 'web-1', accounts: [{ name: 'alice', password: OLD }] });
  url = `https://${server.ip}:${String(PORT)}`;
  await installServer();
  const { code } = await server.exec(['systemctl', 'enable', '--now', UNIT]);
  if (code !== 0) throw new Error(`the unit did not start: ${await server.journal(UNIT)}`);
  token = (await server.readFile('/etc/latchkey/keys/administrator-token')).trim();
});

afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await instance[Symbol.asyncDispose]();
  await fabric[Symbol.asyncDispose]();
});

describe('the unit of the server', () => {
  test('is started when the server takes work', async () => {
    expect(await property('ActiveState')).toBe('active');
    expect(await readyz()).toBe('200');
    await server.must(['systemd-analyze', 'verify', `/etc/systemd/system/${UNIT}`]);
  });

  test('is confined as far as its README says', async () => {
    const said = await server.must(['systemd-analyze', 'security', '--no-pager', UNIT]);
    const exposure = Number(/Overall exposure level for \S+: ([0-9.]+)/.exec(said)?.[1]);
    expect(exposure, said).toBeLessThanOrEqual(EXPOSURE_MAX);
  });

  test('runs as a user of its own without a single capability', async () => {
    const status = await server.readFile(`/proc/${await property('MainPID')}/status`);
    const field = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(status)?.[1];
    expect(field('Uid')).toBe((await server.must(['id', '--user', 'latchkey'])).trim());
    expect([field('CapBnd'), field('CapEff'), field('NoNewPrivs')]).toEqual([
      '0000000000000000',
      '0000000000000000',
      '1',
    ]);
  });

  test('keeps database and keys to itself', async () => {
    for (const path of ['/var/lib/latchkey', '/etc/latchkey/keys']) {
      expect(await server.must(['stat', '--format=%U:%G:%a', path]), path).toBe('latchkey:latchkey:700\n');
      const others = ['find', path, '-type', 'f', '-perm', '/077', '!', '-name', '*.crt'] as const;
      expect(await server.must(others), path).toBe('');
    }
  });

  test('opens no debugger on a signal, and leaves no core file', async () => {
    const pid = await property('MainPID');
    await server.must(['kill', '-USR1', pid]);
    expect(await readyz()).toBe('200');
    const listening = await server.must(['ss', '--listening', '--tcp', '--numeric', '--processes', '--no-header']);
    const ofServer = listening.split('\n').filter((line) => line.includes(`pid=${pid},`));
    expect(ofServer).toEqual([expect.stringContaining(`0.0.0.0:${String(PORT)}`) as string]);
    expect(await server.readFile(`/proc/${pid}/limits`)).toMatch(/^Max core file size\s+0\s+0\s/m);
  });
});

test('a reload keeps the server that runs', async () => {
  const before = await property('MainPID');
  await server.must(['systemctl', 'reload', UNIT]);
  expect(await readyz()).toBe('200');
  expect(await property('MainPID')).toBe(before);
});

describe('through it', () => {
  test('an instance is enrolled and a password reset', async () => {
    const statement = (await json(['service', 'statement'])) as { version: number };
    await json(['service', 'enable', '--project', 'default', '--accept-version', String(statement.version)]);
    const created = (await json(['tokens', 'create', '--type', 'join'])) as { token: string };
    const agent = `${CHECKOUT_IN_HOST}/scripts/latchkey-agent`;
    await instance.must([agent, 'enroll', '--url', url, '--name', 'web-1'], { input: `${created.token}\n` });
    const unit = await readFile(new URL('../../agent/systemd/latchkey-agent.service', import.meta.url), 'utf8');
    const text = unit.replace(/^ExecStart=\S+/m, `ExecStart=${agent}`);
    await instance.writeFile('/etc/systemd/system/latchkey-agent.service', text);
    await instance.must(['systemctl', 'enable', '--now', 'latchkey-agent.service']);
    await agentRuns();
    const password = newPassword();
    expect((await reset(password)).tasks).toMatchObject([{ state: 'succeeded', verifiedBy: 'login' }]);
    await expectOnly(instance, 'alice', { accepted: password, refused: [OLD] });
  });

  test('a stop ends in order and within seconds, and a start keeps everything', async () => {
    const started = performance.now();
    await server.must(['systemctl', 'stop', UNIT]);
    expect(performance.now() - started).toBeLessThan(25_000);
    expect([await property('ActiveState'), await property('Result')]).toEqual(['inactive', 'success']);
    expect(await property('ExecMainStatus')).toBe('0');
    const journal = await server.journal(UNIT);
    expect(journal).toContain('stopping');
    expect(journal).not.toMatch(/SIGKILL|timed out|"level":[56]0/);

    await server.must(['systemctl', 'start', UNIT]);
    expect(await readyz()).toBe('200');
    await agentRuns();
    const { items } = (await json(['resets', 'list'])) as { items: unknown[] };
    expect(items).toHaveLength(1);
    const password = newPassword();
    expect((await reset(password)).tasks).toMatchObject([{ state: 'succeeded' }]);
  });

  test('a server that was killed is started again, and agents come back', async () => {
    const before = await property('MainPID');
    await server.must(['kill', '-KILL', before]);
    const isBack = async () =>
      !['0', before].includes(await property('MainPID')) && (await property('ActiveState')) === 'active';
    await until(isBack, { what: 'another server', deadlineMs: 30_000 });
    await agentRuns();
    expect((await reset(newPassword())).tasks).toMatchObject([{ state: 'succeeded' }]);
  });

  test.each(['latchkey', 'root'])('what %s does to a stopped server leaves what the server can read', async (user) => {
    await server.must(['systemctl', 'stop', UNIT]);
    const keys = '/etc/latchkey/keys';
    const backup = `/var/lib/latchkey/backup-by-${user}`;
    const verb = (...args: string[]) => server.must(['runuser', '--user', user, '--', 'latchkey', 'server', ...args]);
    expect(await verb('recover-administrator')).toContain(`${keys}/administrator-token`);
    expect(await verb('rotate-order-key', '--script-key', `${keys}/script.key`)).toContain('names the order key');
    await verb('backup', backup);
    expect(await verb('restore', backup)).toContain('set aside');
    await server.must(['systemctl', 'start', UNIT]);
    expect(await readyz()).toBe('200');
    token = (await server.readFile(`${keys}/administrator-token`)).trim();
    await agentRuns();
    expect((await reset(newPassword())).tasks).toMatchObject([{ state: 'succeeded' }]);
  });

  test('a wrong configuration fails the start at once, with what is wrong in the journal', async () => {
    await server.must(['systemctl', 'stop', UNIT]);
    const good = await server.readFile('/etc/latchkey/server.json');
    await server.writeFile('/etc/latchkey/server.json', '{ "listen": "nowhere" }');
    expect((await server.exec(['systemctl', 'start', UNIT])).code).not.toBe(0);
    expect([await property('ActiveState'), await property('NRestarts')]).toEqual(['failed', '0']);
    expect(await server.journal(UNIT)).toContain('Write host:port');
    await server.writeFile('/etc/latchkey/server.json', good);
    await server.must(['systemctl', 'start', UNIT]);
    expect(await readyz()).toBe('200');
  });
});
