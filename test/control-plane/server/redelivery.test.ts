import { randomUUID } from 'node:crypto';
import type { InstanceId, ProjectName } from '#protocol';
import { expect, test } from 'vitest';
import type { Repositories } from '../../../control-plane/server/store/store.ts';
import { ADMINISTRATOR, openCoreWorld } from '../../support/core-world.ts';
import { FakeAgent, newIdentity, until } from '../../support/fake-agent.ts';

const NO_SERVICE = { serviceEnabled: false, statementVersion: null, enabledBy: null, enabledAt: null };

test.each<[string, string, (tx: Repositories) => Promise<void>]>([
  ['its token was revoked', 'account-not-authorised', (tx) => tx.tokens.revoke(ADMINISTRATOR.tokenId, Date.now())],
  [
    'the service was switched off',
    'service-not-authorised',
    (tx) => tx.projects.put({ name: 'default' as ProjectName, ...NO_SERVICE }),
  ],
])('an order that got lost is not sent once more when %s meanwhile', async (_what, code, change) => {
  await using world = await openCoreWorld();
  const identity = await newIdentity(randomUUID() as InstanceId);
  await world.enrol('one', identity);
  const connect = () => {
    const agent = new FakeAgent(identity, (connection) => world.core.accept(connection), {
      alive: true,
      result: 'none',
    });
    agent.hello();
    return agent;
  };
  const isState = async (state: string) =>
    (await world.store.read.instances.get(identity.instanceId))?.agentState === state ? true : null;
  const first = connect();
  await until(() => isState('running'));
  const reset = await world.start(await world.plan({ targets: { instances: ['one'] } }));
  await first.frame('order');
  first.drop();
  await until(() => isState('offline'));
  await world.store.transaction(change);

  const second = connect();
  const { counts } = await world.finished(reset);
  expect(counts).toMatchObject({ total: 1, failed: 1 });
  const { items } = await world.core.resets.tasks(ADMINISTRATOR, reset.id, { limit: 10 });
  expect(items).toMatchObject([{ state: 'outcome-unknown', code }]);
  expect(second.received.some(({ type }) => type === 'order')).toBe(false);
});
