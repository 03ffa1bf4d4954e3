import { expect, test } from 'vitest';
import { FIRST_VERSION, shapesOf } from '../support/first-version.ts';
import { AgentWorld } from './support/agent-world.ts';
import { newNonce } from './support/control-plane.ts';

test('under a control plane of the first version the agent resets, and says nothing that it would not know', async () => {
  const world = await AgentWorld.started();
  const session = await world.connect();
  const { line } = session;
  expect(await line.frame('hello')).toMatchObject({ protocols: expect.arrayContaining([1]) as number[] });
  world.say(session, { type: 'health-request' });
  await line.frame('health');
  world.say(session, { type: 'liveness-challenge', challenge: newNonce() });
  await line.frame('liveness-answer');
  const order = await world.order(session);
  await world.send(session, order);
  expect((await world.result(session, order.taskId)).state).toBe('succeeded');

  // What was sent, as it was read: a field beyond these would have been refused on the way.
  const said = Object.assign({}, ...line.sent.map((frame) => shapesOf(frame, FIRST_VERSION.fromAgent))) as object;
  expect(said).toEqual(FIRST_VERSION.fromAgent);
});
