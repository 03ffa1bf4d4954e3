import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CHECKOUT_IN_HOST, type Host } from '../support/hosts/host.ts';
import {
  FROZEN_MS_MAX,
  NOTICED_MS_MAX,
  openHealthWorld,
  UNIT,
  type Ailment,
  type HealthWorld,
  type Seen,
} from './health-world.ts';

/** Agents that cannot talk, or only for moments; see `health-silent.long.test.ts`. */
let health: HealthWorld;

beforeAll(async () => {
  health = await openHealthWorld();
});

afterAll(async () => {
  await health[Symbol.asyncDispose]();
});

const PROXY = fileURLToPath(new URL('health-proxy.ts', import.meta.url));

describe.concurrent('an agent that cannot talk is offline, blocks resets, and is well again once it can', () => {
  test('one whose network is gone, without a word, when a reset is tried', async () => {
    const host = await health.host('cut');
    // Off the bridge: the link stays up on both sides, and every frame is lost.
    const link = ['ip', 'link', 'set', 'vb-cut'] as const;
    const inFabric = (...words: readonly string[]) => health.world.fabric.exec([...link, ...words]);
    const ailment: Omit<Ailment, 'what'> = {
      breakIt: () => inFabric('nomaster'),
      mend: () => inFabric('master', 'br0'),
      ...{ state: 'offline', code: 'liveness-missed', noticedMsMax: FROZEN_MS_MAX },
    };
    await health.suffer(host, {
      ...ailment,
      what: 'network cut without FIN, a reset is tried',
      atOnce: { state: 'blocked', code: 'agent-not-responding' },
    });
  });

  test('one that speaks no version of the protocol that is spoken here', async () => {
    const host = await health.host('old');
    const path = `${CHECKOUT_IN_HOST}/protocol/version.ts`;
    const version = await readFile(new URL('../../protocol/version.ts', import.meta.url), 'utf8');
    const spoken = 'PROTOCOL_VERSIONS_SPOKEN: readonly number[] = [';
    expect(version, 'or the agent would not be made another').toContain(spoken);
    await host.writeFile('/root/version.ts', version.replace(/(PROTOCOL_VERSIONS_SPOKEN[^=]*= )\[.*\]/, '$1[999]'));
    await health.suffer(host, {
      what: 'agent too old: no version in common',
      async breakIt() {
        await host.must(['mount', '--bind', '/root/version.ts', path]);
        await host.must(['systemctl', 'restart', UNIT]);
      },
      async mend() {
        await host.must(['systemctl', 'stop', UNIT]);
        await host.must(['umount', path]);
        await host.must(['systemctl', 'start', UNIT]);
      },
      ...{ state: 'offline', code: 'agent-version-unsupported', noticedMsMax: NOTICED_MS_MAX },
    });
  });
});

describe.concurrent('behind a proxy that drops what is idle', () => {
  async function startProxy(port: number, idleMs: number): Promise<void> {
    const { fabric } = health.world;
    const proxy = fabric.spawn(process.execPath, [PROXY, fabric.address, String(port), String(idleMs)]);
    await new Promise((resolve) => proxy.stdout.once('data', resolve));
  }

  /** Since when the agent is connected through it. */
  async function goThrough(host: Host, port: number): Promise<number> {
    const at = Date.now();
    const line = `HTTPS_PROXY=http://${health.world.fabric.address}:${String(port)}\n`;
    await host.writeFile('/etc/latchkey-agent/environment', line, '0600');
    await host.must(['systemctl', 'restart', UNIT]);
    const isThrough = ({ connectedSince }: Seen) => (connectedSince ?? 0) > at;
    return (await health.shown(host.name, 'a session through the proxy', isThrough)).connectedSince ?? 0;
  }

  test('after 12 s, an agent stays connected: its answers keep the connection busy', async () => {
    await startProxy(3128, 12_000);
    const host = await health.host('patient');
    const since = await goThrough(host, 3128);
    const later = await health.shown('patient', 'to stay', () => Date.now() - since > 30_000, 90_000);
    expect(later).toMatchObject({ state: 'running', reasons: [], connectedSince: since });
    await health.mustReset(host);
  });

  test('after 4 s, an agent says that its connection is unstable, until it is not', async () => {
    await startProxy(3129, 4_000);
    const host = await health.host('hasty');
    const brokenAt = Date.now();
    await goThrough(host, 3129);
    const unstable = ({ code }: { code: string }) => code === 'connection-unstable';
    await health.shown('hasty', 'to be unstable', ({ reasons }) => reasons.some(unstable), 120_000);
    const noticedMs = Date.now() - brokenAt;
    await health.shown('hasty', 'a connection', ({ state }) => state === 'running');
    const mendedAt = Date.now();
    await host.must(['rm', '/etc/latchkey-agent/environment']);
    await host.must(['systemctl', 'restart', UNIT]);
    await health.shown('hasty', 'its end', ({ state, reasons }) => state === 'running' && reasons.length === 0);
    health.note(
      'proxy that drops what is idle for 4 s',
      'connection-unstable (advice)',
      noticedMs,
      Date.now() - mendedAt,
    );
    await health.mustReset(host);
  });
});
