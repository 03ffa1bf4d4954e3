import type { ResetId } from '#protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { CliWorld } from '../../support/cli-world.ts';
import { FakeControlPlane } from '../../support/fake-control-plane.ts';

const GOOD = 'Canary-7f3a91c2';
const BETTER = 'Canary-8e4b02d3';

let plane: FakeControlPlane;
let world: CliWorld;

beforeEach(() => {
  plane = new FakeControlPlane();
  world = new CliWorld(plane);
  world.stdin = Buffer.from(`${GOOD}\n`);
});

const plans = () =>
  plane.requests
    .filter(({ path }) => path === '/api/v1/resets/plan')
    .map(({ body }) => JSON.parse(body) as { concurrency: number; retryOf: string | null });

/** Resets alice where one works, one fails and one is blocked; resolves to the id. */
async function mixed(): Promise<ResetId> {
  await plane.add('good');
  await plane.add('bad', { behaviour: { kind: 'fails', code: 'account-not-found' } });
  await plane.add('off', { blocked: 'agent-offline' });
  const flags = ['--account', 'alice', '--unlock', '--concurrency', '7', '--stop-after', '3'];
  expect(await world.run('reset', 'good', 'bad', 'off', ...flags, '--skip-blocked', '--password-stdin', '--json')).toBe(
    1,
  );
  return world.report().id as ResetId;
}

/** What was wrong is mended. */
function mend(): void {
  for (const instance of plane.instances) Object.assign(instance, { behaviour: { kind: 'succeeds' }, blocked: null });
  world.stdin = Buffer.from(`${BETTER}\n`);
}

describe('a batch', () => {
  test('says how many at once, and after how many failures it stops', async () => {
    await mixed();
    expect(plans()).toMatchObject([{ concurrency: 7, stopAfterFailures: 3, retryOf: null }]);
  });

  test.each(['0', '1001', 'all', '1.5'])('is refused %s at once before anything is asked', async (count) => {
    await plane.add('good');
    expect(await world.run('reset', 'good', '--concurrency', count, '--password-stdin', '--json')).toBe(2);
    expect(world.failure()).toMatchObject({ code: 'usage-invalid', details: [{ subject: '--concurrency' }] });
    expect(plans()).toEqual([]);
  });

  test('is paused with the time that is left, shown as that, and resumed', async () => {
    await plane.add('slow', { behaviour: { kind: 'hangs' } });
    expect(await world.run('reset', 'slow', '--password-stdin', '--no-wait', '--json')).toBe(0);
    const { id } = world.report();
    expect(await world.run('resets', 'pause', id)).toBe(0);
    expect(world.out).toMatch(/Paused\. Waiting: 0 instances; under way, and coming to an end: 1\./);
    expect(world.out).toMatch(/What waits expires in (9 min \d+ s|10 min 0 s) \(.*Z\), paused or not\./);
    expect(await world.run('resets', 'show', id)).toBe(0);
    expect(world.out).toMatch(/reset +the default account, online\n/);
    expect(world.out).toMatch(/state +paused, since \d{4}-/);
    expect(world.out).toMatch(/under way +1; 0 not sent yet/);
    expect(await world.run('resets', 'resume', id, '--json')).toBe(0);
    expect(world.json()).toMatchObject({ id, state: 'running', pausedAt: null });
  });

  test('that is through is neither paused nor resumed', async () => {
    const id = await mixed();
    for (const verb of ['pause', 'resume']) {
      expect(await world.run('resets', verb, id, '--json')).toBe(2);
      expect(world.failure()).toMatchObject({ code: 'reset-finished' });
    }
  });

  test('is cancelled from the command line', async () => {
    await plane.add('slow', { behaviour: { kind: 'hangs' } });
    await world.run('reset', 'slow', '--password-stdin', '--no-wait', '--json');
    expect(await world.run('resets', 'cancel', world.report().id)).toBe(0);
    expect(world.out).toContain('Cancelled on 1 instance; too late on 0.');
  });
});

describe('a retry', () => {
  test('goes where it did not succeed, in the same way, with the password that is asked for anew', async () => {
    const id = await mixed();
    mend();
    expect(await world.run('resets', 'retry', id, '--password-stdin', '--trust-new', '--json')).toBe(0);
    expect(world.report().tasks.map(({ instance, state }) => [instance, state])).toEqual([
      ['bad', 'succeeded'],
      ['off', 'succeeded'],
    ]);
    expect(plans()[1]).toMatchObject({
      ...{ account: 'alice', mode: 'online', options: { unlock: true, unexpire: false, mustChange: false } },
      ...{ concurrency: 7, stopAfterFailures: 3, retryOf: id },
    });
    expect(plane.instances.map(({ passwords }) => passwords.get('alice'))).toEqual([GOOD, BETTER, BETTER]);
    expect(world.err).toContain('Again on 2 instances: account alice, online, with unlock.');
    const second = world.report().id;
    expect(await world.run('resets', 'show', second)).toBe(0);
    expect(world.out).toMatch(new RegExp(`retry of +${id}`));
    expect(await world.run('resets', 'show', id)).toBe(0);
    expect(world.out).toMatch(new RegExp(`retried by +${second}`));
    expect(await world.run('resets', 'show', id, '--json')).toBe(0);
    expect(world.json()).toMatchObject({ id, state: 'finished', retryOf: null, retriedBy: [second] });
  });

  test('makes passwords too, and takes a pace of its own', async () => {
    const id = await mixed();
    mend();
    expect(await world.run('resets', 'retry', id, '--generate', '--concurrency', '2', '--json')).toBe(0);
    expect(world.report().tasks.map(({ password }) => typeof password)).toEqual(['string', 'string']);
    expect(plans()[1]).toMatchObject({ concurrency: 2, retryOf: id });
  });

  test('of what succeeded everywhere is refused, and asks for no password', async () => {
    await plane.add('good');
    await world.run('reset', 'good', '--password-stdin', '--json');
    const { id } = world.report();
    expect(await world.run('resets', 'retry', id, '--json')).toBe(2);
    expect(world.failure()).toMatchObject({ code: 'nothing-to-retry' });
    expect(plans()).toHaveLength(1);
  });

  test('asks about an instance that was never sent to from here, before it shares a password with it', async () => {
    const id = await mixed();
    mend();
    expect(await world.run('resets', 'retry', id, '--password-stdin', '--json')).toBe(2);
    expect(world.err).toContain('1 instance of 2 that the control plane lists');
    expect(plane.instances.map(({ passwords }) => passwords.get('alice'))).toEqual([GOOD, GOOD, undefined]);
  });

  test('of a reset that was not sent from here is asked about, with what it is', async () => {
    const id = await mixed();
    mend();
    const other = new CliWorld(plane);
    other.stdin = Buffer.from(`${BETTER}\n`);
    expect(await other.run('resets', 'retry', id, '--password-stdin', '--trust-new', '--json')).toBe(2);
    expect(other.err).toContain('Again on 2 instances: account alice, online, with unlock.');
    expect(plans()).toHaveLength(1);
    expect(await other.run('resets', 'retry', id, '--password-stdin', '--trust-new', '--yes', '--json')).toBe(0);
  });

  test('is refused where the control plane tells of another account than was sealed for', async () => {
    const id = await mixed();
    mend();
    plane.tamper.reset = (reset) => ({ ...reset, account: null });
    expect(await world.run('resets', 'retry', id, '--password-stdin', '--trust-new', '--json')).toBe(2);
    expect(world.failure()).toMatchObject({ code: 'retry-unconfirmed', details: [{ subject: 'good' }] });
    expect(plans()).toHaveLength(1);
  });
});
