import { passwordViolations, signJson } from '#protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { newIdentity } from '../../support/fake-agent.ts';
import { CliWorld } from '../../support/cli-world.ts';
import { FakeControlPlane } from '../../support/fake-control-plane.ts';

const GOOD = 'Canary-7f3a91c2';

let plane: FakeControlPlane;
let world: CliWorld;

beforeEach(() => {
  plane = new FakeControlPlane();
  world = new CliWorld(plane);
  world.stdin = Buffer.from(`${GOOD}\n`);
});

describe('not waiting', () => {
  test('--no-wait ends once it is accepted', async () => {
    await plane.add('web-1', { behaviour: { kind: 'hangs' } });
    expect(await world.run('reset', 'web-1', '--password-stdin', '--no-wait')).toBe(0);
    expect(world.out).toContain('Watch: latchkey resets watch');
    expect(await world.run('reset', 'web-1', '--password-stdin', '--no-wait', '--json')).toBe(0);
    expect(world.report().tasks).toMatchObject([{ instance: 'web-1', state: 'pending', code: null, message: null }]);
  });

  test('Ctrl-C detaches, says how to watch, and exits with 1', async () => {
    await plane.add('web-1', { behaviour: { kind: 'hangs' } });
    const running = world.run('reset', 'web-1', '--password-stdin', '--json');
    await expect.poll(() => plane.requests.some(({ path }) => path.endsWith('/events'))).toBe(true);
    world.interrupt();
    expect(await running).toBe(1);
    expect(world.err).toContain(`latchkey resets watch ${world.report().id}`);
    expect(world.listening).toBe(false);
  });

  test('a watch that follows still proves what this client sent', async () => {
    await plane.add('web-1');
    await world.run('reset', 'web-1', '--password-stdin', '--no-wait', '--json');
    const { id } = world.report();
    expect(await world.run('resets', 'watch', id)).toBe(0);
    expect(world.err).not.toContain('unproven');
    expect(world.out).toMatch(/web-1 +succeeded/);

    plane.instances[0]!.behaviour = { kind: 'forges', how: 'other-password' };
    await world.run('reset', 'web-1', '--password-stdin', '--no-wait', '--json');
    expect(await world.run('resets', 'watch', world.report().id)).toBe(1);
    expect(world.out).toContain('[result-unproven]');
  });

  test('a watch of a control plane that is silent about every instance is no success', async () => {
    await plane.add('web-1');
    await world.run('reset', 'web-1', '--password-stdin', '--no-wait', '--json');
    plane.tamper.isSilent = true;
    expect(await world.run('resets', 'watch', world.report().id, '--json')).toBe(1);
    expect(world.report().tasks).toMatchObject([{ state: 'outcome-unknown', code: 'result-unproven' }]);
  });

  test.each([
    ['a reset that was waited for', []],
    ['one that was watched afterwards', ['--no-wait']],
  ])('%s is still proven when it is looked at later', async (_, how) => {
    await plane.add('web-1');
    await plane.add('web-2', { behaviour: { kind: 'forges', how: 'other-password' } });
    await world.run('reset', 'web-1', 'web-2', '--password-stdin', '--json', ...how);
    const { id } = world.report();
    if (how.length > 0) await world.run('resets', 'watch', id);
    for (const look of ['show', 'watch']) {
      await world.run('resets', look, id);
      expect(world.err).not.toContain('unproven.');
      expect(world.out).toMatch(/web-1 +succeeded/);
      expect(world.out).toContain('[result-unproven]');
    }
  });

  test('what is recorded for that has no secret in it, and goes a week after the end was seen', async () => {
    const removals: [string, number][] = [];
    world.removedOlder = (directory, ageMs) => removals.push([directory, ageMs]);
    await plane.add('web-1');
    expect(await world.run('reset', 'web-1', '--password-stdin')).toBe(0);
    const records = [...world.files].filter(([path]) => path.includes('/resets/'));
    expect(records.map(([path]) => path)).toEqual([expect.stringMatching(/\/resets\/ended\/[0-9a-f-]{36}\.json$/)]);
    expect(Object.keys((JSON.parse(records[0]?.[1].text ?? '') as { targets: object[] }).targets[0] ?? {})).toEqual([
      ...['instanceId', 'account', 'identityKey', 'digest'],
    ]);
    expect(removals).toContainEqual(['/home/operator/.local/state/latchkey/resets/ended', 7 * 24 * 3_600_000]);
  });

  test('a disk that refuses to move the record keeps nothing back', async () => {
    const web = await plane.add('web-1');
    world.refuseWrite = /\/ended\//;
    expect(await world.run('reset', 'web-1', '--generate', '--json')).toBe(0);
    const { id, tasks } = world.report();
    expect(tasks[0]?.password).toBe(web.passwords.get('root'));
    await world.run('resets', 'show', id);
    expect(world.err).not.toContain('unproven.');
  });

  test('a watch of what someone else sent says that it is unproven', async () => {
    await plane.add('web-1');
    await world.run('reset', 'web-1', '--password-stdin', '--no-wait', '--json');
    const { id } = world.report();
    world.files.clear();
    expect(await world.run('resets', 'watch', id)).toBe(0);
    expect(world.err).toContain('the word of the control plane, unproven');
  });
});

describe('a control plane that comes and goes', () => {
  test('a stream that breaks is taken up again', async () => {
    await plane.add('web-1');
    plane.streamsToBreak = 2;
    expect(await world.run('reset', 'web-1', '--password-stdin')).toBe(0);
    expect(world.err).toContain('The reset goes on; trying again.');
  });

  test('a restart in the middle of a watch is survived', async () => {
    await plane.add('web-1');
    plane.unavailable = { count: 5, matching: /events$/ };
    expect(await world.run('reset', 'web-1', '--password-stdin')).toBe(0);
  });

  test('streams that never come through are replaced by asking', async () => {
    await plane.add('web-1');
    plane.unavailable = { count: Infinity, matching: /events$/ };
    expect(await world.run('reset', 'web-1', '--password-stdin')).toBe(0);
    expect(plane.requests.some(({ path }) => path.endsWith('/tasks'))).toBe(true);
  });

  test('an answer that is lost after the last chunk is not taken for a failure', async () => {
    await plane.add('web-1');
    plane.lostAnswers = { count: 1, matching: /^POST \/api\/v1\/resets$/ };
    expect(await world.run('reset', 'web-1', '--password-stdin')).toBe(0);
  });

  test('a control plane that refuses the last chunk has started nothing', async () => {
    await plane.add('web-1');
    plane.unavailable = { count: 1, matching: /^POST \/api\/v1\/resets$/ };
    expect(await world.run('reset', 'web-1', '--password-stdin', '--json')).toBe(2);
    expect(world.failure().code).toBe('shutting-down');
  });

  test('one that stays away ends the watch, not the reset', async () => {
    await plane.add('web-1');
    plane.unavailable = { count: Infinity, matching: /^GET/ };
    expect(await world.run('reset', 'web-1', '--password-stdin')).toBe(1);
    expect(world.err).toContain('latchkey resets watch');
  }, 30_000);
});

/** Text as a pattern that matches it. */
const escaped = (text: string) => text.replace(/[^A-Za-z0-9]/g, String.raw`\$&`);

describe('generated passwords', () => {
  test('are different for each instance, meet the rules, and stand on standard output only', async () => {
    const [web, db] = [await plane.add('web-1'), await plane.add('db-1')];
    expect(await world.run('reset', 'web-1', 'db-1', '--generate')).toBe(0);
    const [one = '', other = ''] = [web, db].map(({ passwords }) => passwords.get('root'));
    expect(one).not.toBe(other);
    expect(passwordViolations({ os: 'linux', account: 'root', password: one })).toEqual([]);
    expect(world.out.split('\n').filter((line) => line.includes(one))).toHaveLength(1);
    expect(world.out).toMatch(new RegExp(`^db-1 +${escaped(other)}$`, 'm'));
    expect(world.err + JSON.stringify([...world.files])).not.toContain(one);
  });

  test('are one with --same', async () => {
    const [web, db] = [await plane.add('web-1'), await plane.add('db-1')];
    expect(await world.run('reset', 'web-1', 'db-1', '--generate', '--same')).toBe(0);
    expect(web.passwords.get('root')).toBe(db.passwords.get('root'));
    expect(world.out).toContain(`Password, on 2 instances: ${web.passwords.get('root') ?? ''}`);
  });

  test('stand in the JSON of tasks that got one, or may have, and of no others', async () => {
    await plane.add('good');
    await plane.add('unsure', { behaviour: { kind: 'fails', code: 'script-timeout' } });
    await plane.add('forged', { behaviour: { kind: 'forges', how: 'unsigned' } });
    await plane.add('failed', { behaviour: { kind: 'fails', code: 'account-not-found' } });
    await plane.add('blocked', { blocked: 'agent-offline' });
    const names = ['good', 'unsure', 'forged', 'failed', 'blocked'];
    expect(await world.run('reset', ...names, '--generate', '--skip-blocked', '--json')).toBe(1);
    const shown = world.report().tasks.filter(({ password }) => password !== undefined);
    expect(shown.map(({ instance }) => instance).toSorted()).toEqual(['forged', 'good', 'unsure']);
    for (const { instance, password } of shown) {
      expect(plane.instances.find(({ name }) => name === instance)?.passwords.get('root')).toBe(password);
    }
  });

  test.each(['cancelled', 'superseded', 'task-expired', 'blocked', 'failed'] as const)(
    'are not lost when the control plane, and not the instance, says %s',
    async (state) => {
      const [web, db] = [await plane.add('web-1'), await plane.add('db-1')];
      plane.tamper.task = (task) =>
        task.instanceId === db.id
          ? task
          : { ...task, state, code: 'account-not-found', result: null, verifiedBy: null };
      expect(await world.run('reset', 'web-1', 'db-1', '--generate')).toBe(1);
      expect(world.out).toMatch(new RegExp(`^web-1 +${escaped(web.passwords.get('root') ?? '')} +may be$`, 'm'));
      expect(world.out).toMatch(new RegExp(`^db-1 +${escaped(db.passwords.get('root') ?? '')} +yes$`, 'm'));
      expect(await world.run('reset', 'web-1', 'db-1', '--generate', '--json')).toBe(1);
      const password = web.passwords.get('root');
      expect(world.report().tasks).toContainEqual(expect.objectContaining({ instance: 'web-1', state, password }));
    },
  );

  test('are shown although somebody says in the name of the instance that nothing was changed', async () => {
    const web = await plane.add('web-1', { behaviour: { kind: 'fails', code: 'account-not-found' } });
    const other = await newIdentity(web.id);
    const forged = await signJson(other.signer, 'result', {});
    plane.tamper.task = (task) => ({ ...task, result: { ...forged, key: web.identity.signer.key } });
    expect(await world.run('reset', 'web-1', '--generate')).toBe(1);
    expect(world.out).toContain(web.passwords.get('root'));
  });

  test('are one that may be in force on some with --same', async () => {
    const web = await plane.add('web-1');
    await plane.add('db-1', { behaviour: { kind: 'fails', code: 'script-timeout' } });
    expect(await world.run('reset', 'web-1', 'db-1', '--generate', '--same')).toBe(1);
    expect(world.out).toContain(
      `Password, on 2 instances: ${web.passwords.get('root') ?? ''}\nIt may be in force on 1`,
    );
  });

  test.each([['--no-wait'], ['Ctrl-C']])('are not lost by %s', async (how) => {
    const web = await plane.add('web-1', { behaviour: { kind: 'hangs' } });
    const running = world.run('reset', 'web-1', '--generate', ...(how === '--no-wait' ? [how] : []));
    if (how === 'Ctrl-C') {
      await expect.poll(() => plane.requests.some(({ path }) => path.endsWith('/events'))).toBe(true);
      world.interrupt();
    }
    await running;
    expect(world.out).toContain(web.passwords.get('root'));
  });

  test('are not lost when nobody says whether the reset was taken', async () => {
    const web = await plane.add('web-1');
    plane.lostAnswers = { count: Infinity, matching: /resets($|\/[0-9a-f-]{36}$)/ };
    expect(await world.run('reset', 'web-1', '--generate')).toBe(1);
    expect(world.err).toContain('It is not known whether the control plane took the reset');
    expect(world.out).toContain(web.passwords.get('root'));
  });
});
