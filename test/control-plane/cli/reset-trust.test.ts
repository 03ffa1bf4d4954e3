import { isPrintable, Order, SealingKeyStatement, signJson } from '#protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { newIdentity } from '../../support/fake-agent.ts';
import { CliWorld } from '../../support/cli-world.ts';
import { FakeControlPlane } from '../../support/fake-control-plane.ts';

const PINS = '/home/operator/.local/state/latchkey/known_instances';
const GOOD = 'Canary-7f3a91c2';

let plane: FakeControlPlane;
let world: CliWorld;

beforeEach(() => {
  plane = new FakeControlPlane();
  world = new CliWorld(plane);
  world.stdin = Buffer.from(`${GOOD}\n`);
});

describe('the control plane is not believed', () => {
  beforeEach(async () => {
    await plane.add('web-1');
  });

  const refused = async (code: string, ...more: string[]) => {
    expect(await world.run('reset', 'web-1', '--password-stdin', '--json', ...more)).toBe(2);
    expect(world.failure().code).toBe(code);
    expect(plane.chunks).toEqual([]);
    expect(world.secrets).toEqual([]); // Not even asked for.
  };

  test('a sealing key that the identity did not sign is refused before anything is sent', async () => {
    const other = await newIdentity(plane.instances[0]!.id);
    plane.tamper.plan = (plan) => ({
      ...plan,
      targets: plan.targets.map((target) => ({ ...target, sealingKey: other.sealingKey })),
    });
    await refused('sealing-key-unsigned');
  });

  test('a sealing key of another instance is refused', async () => {
    const { identity } = plane.instances[0]!;
    const other = await newIdentity((await plane.add('web-2')).id);
    const statement = { ...other.statement, identity: identity.signer.key };
    const sealingKey = await signJson(identity.signer, 'sealing-key', SealingKeyStatement.parse(statement));
    plane.tamper.plan = (plan) => ({ ...plan, targets: plan.targets.map((target) => ({ ...target, sealingKey })) });
    await refused('sealing-key-other-instance');
  });

  test('an expired sealing key is refused', async () => {
    const { identity } = plane.instances[0]!;
    const sealingKey = await signJson(identity.signer, 'sealing-key', { ...identity.statement, notAfter: 1 });
    plane.tamper.plan = (plan) => ({ ...plan, targets: plan.targets.map((target) => ({ ...target, sealingKey })) });
    await refused('sealing-key-expired');
  });

  test('an identity that is not the pinned one is refused, with both fingerprints, until it is trusted', async () => {
    expect(await world.run('reset', 'web-1', '--password-stdin')).toBe(0);
    expect(world.err).toContain('trusted on first use');
    expect(world.files.get(PINS)?.mode).toBe(0o100600);

    const instance = plane.instances[0]!;
    const before = `SHA256:${instance.identity.signer.key}`;
    instance.identity = await newIdentity(instance.id);
    const after = `SHA256:${instance.identity.signer.key}`;
    plane.requests.length = 0;
    world.secrets.length = 0;
    await refused('identity-changed');
    expect(world.out).toContain(before);
    expect(world.out).toContain(after);
    expect(world.failure().remedy).toContain('latchkey instances trust');

    expect(await world.run('instances', 'trust', 'web-1', '--fingerprint', before)).toBe(2);
    expect(world.err).toContain(`--fingerprint is ${before}, and it presents ${after}. Nothing was pinned.`);
    expect(await world.run('instances', 'trust', 'web-1', '--fingerprint', 'x', '--json')).toBe(2);
    expect(world.failure()).toMatchObject({ code: 'usage-invalid', details: [{ subject: '--fingerprint' }] });
    expect(await world.run('instances', 'trust', 'web-1')).toBe(2);
    expect(await world.run('instances', 'trust', 'web-1', '--fingerprint', after)).toBe(0);
    expect(await world.run('reset', 'web-1', '--password-stdin')).toBe(0);
    expect(world.err).not.toContain('first use');
  });

  test('a pinned name that now leads to another instance is refused', async () => {
    expect(await world.run('reset', 'web-1', '--password-stdin')).toBe(0);
    plane.instances[0]!.name = 'web-old';
    await plane.add('web-1');
    plane.requests.length = 0;
    world.secrets.length = 0;
    await refused('identity-changed');
  });

  test('with --strict-identities an identity that is not pinned is refused, and trusting it first helps', async () => {
    await refused('identity-unknown', '--strict-identities');
    world.terminal.in = true;
    world.answer = 'y';
    expect(await world.run('instances', 'trust', 'web-1')).toBe(0);
    world.terminal.in = false;
    expect(await world.run('reset', 'web-1', '--password-stdin', '--strict-identities')).toBe(0);
  });

  test('a file of pins that another user could change stops everything, and is not written to', async () => {
    expect(await world.run('reset', 'web-1', '--password-stdin')).toBe(0);
    const before = world.files.get(PINS);
    world.weaknesses.set(PINS, 'it can be written by other users');
    plane.requests.length = 0;
    plane.chunks.length = 0;
    world.secrets.length = 0;
    await refused('state-exposed');
    expect(world.failure()).toMatchObject({
      details: [{ subject: PINS, message: 'it can be written by other users' }],
    });
    expect(await world.run('instances', 'trust', 'web-1', '--fingerprint', `SHA256:${'A'.repeat(43)}`)).toBe(2);
    expect(world.files.get(PINS)).toBe(before);
  });

  test('a record of what was sent that another user could have written proves nothing', async () => {
    await world.run('reset', 'web-1', '--password-stdin', '--no-wait', '--json');
    const { id } = world.report();
    const record = [...world.files.keys()].find((path) => path.endsWith(`/resets/${id}.json`)) ?? '';
    world.weaknesses.set(record, 'it belongs to another user (4000)');
    expect(await world.run('resets', 'watch', id, '--json')).toBe(2);
    expect(world.failure().code).toBe('state-exposed');
  });

  test('a damaged file of pins stops everything', async () => {
    world.files.set(PINS, { text: 'https://control-plane.test nonsense\n', mode: 0o100600 });
    await refused('configuration-invalid');
  });

  test('a plan about another account, another instance or the same one twice is refused', async () => {
    const mallory = await plane.add('mallory');
    plane.tamper.plan = (plan) => ({
      ...plan,
      targets: plan.targets.map((target) => ({ ...target, account: Order.shape.account.parse('mallory') })),
    });
    await refused('control-plane-answer-invalid');
    plane.tamper.plan = (plan) => ({
      ...plan,
      targets: plan.targets.map((target) => ({ ...target, instanceId: mallory.id, name: target.name })),
    });
    await refused('sealing-key-other-instance');
    plane.tamper.plan = (plan) => ({ ...plan, targets: [...plan.targets, ...plan.targets] });
    await refused('control-plane-answer-invalid');
  });

  test('a plan that leaves out an instance is refused: nobody would hear of it again', async () => {
    await plane.add('web-2');
    plane.tamper.plan = (plan) => ({ ...plan, targets: plan.targets.filter(({ name }) => name === 'web-1') });
    expect(await world.run('reset', 'web-1', 'web-2', '--password-stdin', '--json')).toBe(2);
    expect(world.failure()).toMatchObject({
      code: 'control-plane-answer-invalid',
      details: [{ subject: 'web-2' }],
    });
  });

  test('a clock that is off by more than five minutes is refused', async () => {
    world.clockOffMs = -6 * 60_000;
    await refused('clock-disagrees');
  });

  test.each(['unsigned', 'other-key', 'other-password', 'other-reset', 'other-account', 'other-task'] as const)(
    'a success that is %s counts as not proven',
    async (how) => {
      plane.instances[0]!.behaviour = { kind: 'forges', how };
      expect(await world.run('reset', 'web-1', '--password-stdin', '--json')).toBe(1);
      expect(world.report().tasks).toMatchObject([
        { state: 'outcome-unknown', code: 'result-unproven', verifiedBy: null },
      ]);
    },
  );
});

describe('a tag that leads to an instance which was never seen', () => {
  const TAGGED = ['reset', '--tag', 'role=web'];
  const fingerprintOf = (name: string) => {
    return `SHA256:${plane.instances.find((instance) => instance.name === name)?.identity.signer.key ?? ''}`;
  };

  beforeEach(async () => {
    await plane.add('web-1', { tags: { role: 'web' } });
    await world.run('reset', 'web-1', '--password-stdin');
    // What somebody with the control plane's database could do.
    await plane.add('mallory', { tags: { role: 'web' } });
    plane.requests.length = 0;
    world.secrets.length = 0;
    world.terminal = { err: true, in: true };
    world.typed = [GOOD, GOOD];
  });

  const nothingHappened = async () => {
    expect(plane.chunks).toEqual([]);
    expect(world.secrets).toEqual([]);
    expect(plane.instances.find(({ name }) => name === 'mallory')?.passwords.size).toBe(0);
    expect(world.files.get(PINS)?.text).not.toContain('mallory');
  };

  test.each([['n'], [''], [null]])('is asked about, with its fingerprint; nothing is sealed on %j', async (answer) => {
    world.answer = answer;
    expect(await world.run(...TAGGED)).toBe(2);
    expect(world.err).toContain(`  mallory  ${fingerprintOf('mallory')}`);
    expect(world.err).not.toContain(fingerprintOf('web-1'));
    expect(world.question).toMatch(/\[y\/N\] $/);
    await nothingHappened();
  });

  test('gets the password after a yes, and is pinned then', async () => {
    world.answer = 'y';
    expect(await world.run(...TAGGED)).toBe(0);
    expect(plane.instances.map(({ passwords }) => passwords.get('root'))).toEqual([GOOD, GOOD]);
    world.question = null;
    expect(await world.run(...TAGGED)).toBe(0);
    expect(world.question).toBeNull();
  });

  test('stops a script, which --trust-new lets go on', async () => {
    world.terminal = { err: false, in: false };
    expect(await world.run(...TAGGED, '--password-stdin', '--json')).toBe(2);
    expect(world.failure()).toMatchObject({
      code: 'not-confirmed',
      remedy: 'Run the same command with --trust-new to confirm.',
      details: [{}, { subject: 'mallory', message: expect.stringContaining(fingerprintOf('mallory')) as string }],
    });
    await nothingHappened();
    expect(await world.run(...TAGGED, '--password-stdin', '--trust-new')).toBe(0);
    expect(world.err).toContain('mallory: identity');
  });

  test('is refused with --strict-identities', async () => {
    expect(await world.run(...TAGGED, '--strict-identities', '--json')).toBe(2);
    expect(world.failure().code).toBe('identity-unknown');
    await nothingHappened();
  });

  test('is asked about with one generated password for all, and not where each gets its own', async () => {
    world.answer = 'n';
    expect(await world.run(...TAGGED, '--generate', '--same')).toBe(2);
    await nothingHappened();
    world.question = null;
    expect(await world.run(...TAGGED, '--generate')).toBe(0);
    expect(world.question).toBeNull();
    const [web, mallory] = plane.instances.map(({ passwords }) => passwords.get('root'));
    expect(web).not.toBe(mallory);
  });

  test.each([['n'], [null]])(
    'is asked about too when it was named beside a pinned one, and refused on %j',
    async (answer) => {
      world.answer = answer;
      expect(await world.run('reset', 'web-1', 'mallory')).toBe(2);
      expect(world.err).toContain(`  mallory  ${fingerprintOf('mallory')}`);
      await nothingHappened();
    },
  );

  test('stops a script that names it beside a pinned one, which --trust-new lets go on', async () => {
    world.terminal = { err: false, in: false };
    const named = ['reset', 'web-1', 'mallory', '--password-stdin'];
    expect(await world.run(...named, '--json')).toBe(2);
    expect(world.failure()).toMatchObject({ code: 'not-confirmed', details: [{}, { subject: 'mallory' }] });
    await nothingHappened();
    expect(await world.run(...named, '--trust-new')).toBe(0);
  });

  test('is not asked about where nobody pinned shares its password', async () => {
    await plane.add('new-1');
    expect(await world.run('reset', 'mallory', 'new-1')).toBe(0);
    expect(await world.run('reset', 'web-1', 'mallory')).toBe(0);
    expect(world.question).toBeNull();
  });
});

describe('text from outside', () => {
  test('reaches a terminal with every control and invisible character replaced', async () => {
    await plane.add('web-1', {
      behaviour: {
        kind: 'fails',
        code: 'script-timeout',
        detail: 'x\u001b]0;owned\u0007\u009b2J\u202egnp\nroot: fine',
      },
    });
    plane.tamper.task = (task) => ({ ...task, instance: '\u001b[2Jweb-1', message: 'a\r\u001b[A' });
    expect(await world.run('reset', 'web-1', '--password-stdin')).toBe(1);
    expect((world.out + world.err).split('\n').filter((line) => !isPrintable(line))).toEqual([]);
    expect(world.out + world.err).not.toMatch(/^root: fine/m);
  });

  test('is escaped in JSON, which changes no value', async () => {
    await plane.add('web-1');
    plane.tamper.task = (task) => ({ ...task, instance: '\u009b2Jweb\u202e' });
    await world.run('reset', 'web-1', '--password-stdin', '--json');
    expect(world.out).toMatch(/^[\n\x20-\x7e]*$/);
    expect(world.report().tasks[0]?.instance).toBe('\u009b2Jweb\u202e');
  });
});
