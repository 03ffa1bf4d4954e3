import { randomUUID } from 'node:crypto';
import type { ComponentMap, InstanceId } from '#protocol';
import { describe, expect, test } from 'vitest';
import { REASON_LASTS_MS } from '../../../control-plane/server/domain/agent-health.ts';
import { openCoreWorld, type CoreWorld } from '../../support/core-world.ts';
import { FakeAgent, newIdentity, until, type FakeIdentity } from '../../support/fake-agent.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const BROKEN: ComponentMap = {
  'account-database': { state: 'failing', code: 'account-database-read-only', detail: '/etc' },
};
const DEAD = { alive: false, result: 'none' } as const;

async function shown(world: CoreWorld, { instanceId }: FakeIdentity) {
  const instance = await world.store.read.instances.get(instanceId);
  return [instance?.agentState, ...(instance?.reasons ?? []).map(({ code }) => code)].join(' ');
}

async function toBe(world: CoreWorld, identity: FakeIdentity, wanted: string): Promise<void> {
  await until(async () => ((await shown(world, identity)) === wanted ? true : null));
}

function comeBack(world: CoreWorld, identity: FakeIdentity, components?: ComponentMap): FakeAgent {
  const agent = new FakeAgent(identity, world.core.accept);
  if (components !== undefined) agent.components = components;
  agent.hello();
  return agent;
}

async function enrolled(world: CoreWorld): Promise<FakeIdentity> {
  const identity = await newIdentity(randomUUID() as InstanceId);
  await world.enrol('one', identity);
  return identity;
}

const planOf = (world: CoreWorld) => world.plan({ targets: { instances: ['one'] } });

describe('an agent that answers no challenge any more', () => {
  test('is offline, and the reason says that it hangs or is cut off, until it is back', async () => {
    await using world = await openCoreWorld();
    const identity = await enrolled(world);
    const agent = comeBack(world, identity);
    await toBe(world, identity, 'running');
    agent.habits = DEAD;
    await world.start(await planOf(world));
    await toBe(world, identity, 'offline liveness-missed');
    const [target] = (await planOf(world)).targets;
    expect(target?.blocked).toMatchObject({ code: 'agent-offline', remedy: 'The agent hangs or the network is cut.' });
    comeBack(world, identity);
    await toBe(world, identity, 'running');
  }, 20_000);
});

describe('an agent with no version of the protocol in common', () => {
  test('is offline, and the reason says to upgrade it, until it has been', async () => {
    await using world = await openCoreWorld();
    const identity = await enrolled(world);
    const old = new FakeAgent(identity, world.core.accept);
    old.hello({ protocols: [999] });
    expect(await until(() => old.closedFor)).toBe('version-unsupported');
    await toBe(world, identity, 'offline agent-version-unsupported');
    const [target] = (await planOf(world)).targets;
    expect(target?.blocked).toMatchObject({
      code: 'agent-offline',
      remedy: expect.stringContaining('Upgrade the agent') as string,
    });
    comeBack(world, identity);
    await toBe(world, identity, 'running');
  });

  test('is no word on an instance whose identity it does not know, nor on one that is connected', async () => {
    await using world = await openCoreWorld();
    const identity = await enrolled(world);
    const stranger = new FakeAgent(await newIdentity(identity.instanceId), world.core.accept);
    stranger.hello({ protocols: [999] });
    expect(await until(() => stranger.closedFor)).toBe('version-unsupported');
    await world.core.settled();
    expect(await shown(world, identity)).toBe('offline');
    comeBack(world, identity);
    await toBe(world, identity, 'running');
    const old = new FakeAgent(identity, world.core.accept);
    old.hello({ protocols: [999] });
    expect(await until(() => old.closedFor)).toBe('version-unsupported');
    await world.core.settled();
    expect(await shown(world, identity)).toBe('running');
  });
});

test('an agent that comes back as broken as it went is not shown as well first', async () => {
  const clock = new FakeClock();
  await using world = await openCoreWorld({ clock });
  const identity = await enrolled(world);
  const agent = comeBack(world, identity, BROKEN);
  await toBe(world, identity, 'running');
  clock.advance(REASON_LASTS_MS);
  await toBe(world, identity, 'abnormal account-database-read-only');
  agent.drop();
  await toBe(world, identity, 'offline');
  comeBack(world, identity, BROKEN);
  await toBe(world, identity, 'abnormal account-database-read-only');
  const { rows } = await world.store.read.audit.list({ action: 'agent.state' }, { limit: 10, after: null });
  expect(rows.map(({ detail }) => detail['to']).reverse()).toEqual(['running', 'abnormal', 'offline', 'abnormal']);
});
