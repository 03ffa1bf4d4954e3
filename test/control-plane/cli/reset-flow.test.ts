import { fromBase64Url } from '#protocol';
import { beforeEach, describe, expect, test } from 'vitest';
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

describe('a reset', () => {
  test('brings the password to the instance, and reports what the instance itself signed', async () => {
    const web = await plane.add('web-1');
    expect(await world.run('reset', 'web-1', '--account', 'alice', '--password-stdin')).toBe(0);
    expect(web.passwords).toEqual(new Map([['alice', GOOD]]));
    expect(world.out).toMatch(/web-1 +succeeded +login +105 ms/);
    expect(world.out).toContain('1 of 1 succeeded, 0 failed, 0 blocked, 0 pending.');
  });

  test('prints one JSON object of the promised shape', async () => {
    await plane.add('web-1');
    expect(await world.run('reset', 'web-1', '--password-stdin', '--json')).toBe(0);
    const task = { state: 'succeeded', code: null, message: null, verifiedBy: 'login', warnings: [] };
    expect(world.report()).toEqual({
      id: expect.any(String) as string,
      mode: 'online',
      account: null,
      tasks: [{ instance: 'web-1', ...task, appliedMs: 55, verifiedMs: 105 }],
    });
  });

  test('takes the password that was typed twice', async () => {
    const web = await plane.add('web-1');
    world.terminal.in = true;
    world.typed = [GOOD, GOOD];
    expect(await world.run('reset', 'web-1')).toBe(0);
    expect(web.passwords.get('root')).toBe(GOOD);
  });

  test.each([
    ['root on web-1', ['web-1']],
    ['alice on web-1', ['web-1', '--account', 'alice']],
    ['root on 2 instances', ['web-1', 'db-1']],
    ['the built-in administrator on win-1', ['win-1']],
    ['root and the built-in administrator on 2 instances', ['web-1', 'win-1', '--mode', 'offline']],
  ])('asks for the password of %s', async (whose, argv) => {
    await plane.add('web-1');
    await plane.add('db-1');
    await plane.add('win-1', { os: 'windows' });
    world.terminal.in = true;
    world.typed = [GOOD, GOOD];
    expect(await world.run('reset', ...argv)).toBe(0);
    expect(world.prompts).toEqual([`New password for ${whose}: `, 'The same again: ']);
  });

  test('explains what stands in the way of a login although the password is right', async () => {
    await plane.add('web-1', {
      behaviour: { kind: 'succeeds', verifiedBy: 'authenticate', warnings: ['account-expired'] },
    });
    expect(await world.run('reset', 'web-1', '--password-stdin')).toBe(0);
    expect(world.out).toContain('authentication only');
    expect(world.out).toContain('web-1: the account has expired; reset again with --unexpire to open it');
  });

  test('says which instances failed and why, and exits with 1', async () => {
    await plane.add('web-1');
    await plane.add('web-2', { behaviour: { kind: 'fails', code: 'account-not-found' } });
    expect(await world.run('reset', 'web-1', 'web-2', '--password-stdin')).toBe(1);
    expect(world.err).toContain('web-2: failed [account-not-found] The instance has no such account.');
    expect(world.out).toContain('1 of 2 succeeded, 1 failed, 0 blocked, 0 pending.');
  });

  test('reaches what carries a tag, and what a file names', async () => {
    const tagged = await plane.add('web-1', { tags: { role: 'web' } });
    const listed = await plane.add('db-1');
    await plane.add('db-2');
    world.files.set('/fleet', { text: '# databases\ndb-1\n\n', mode: 0o100644 });
    expect(
      await world.run('reset', '--tag', 'role=web', '--from-file', '/fleet', '--password-stdin', '--trust-new'),
    ).toBe(0);
    expect([tagged, listed].map(({ passwords }) => passwords.get('root'))).toEqual([GOOD, GOOD]);
    expect(plane.chunks.flatMap(({ sealed }) => sealed)).toHaveLength(2);
  });

  test('zeroes every buffer that held the password', async () => {
    await plane.add('web-1');
    await world.run('reset', 'web-1', '--password-stdin');
    world.terminal.in = true;
    world.typed = [GOOD, GOOD];
    await world.run('reset', 'web-1');
    expect(world.secrets.length).toBe(3);
    // One newline may be left of the input; nothing of the password is.
    for (const secret of world.secrets) expect(secret.every((byte) => byte === 0 || byte === 0x0a)).toBe(true);
  });

  test('leaves no trace of the password in output, files or requests', async () => {
    await plane.add('web-1');
    await plane.add('web-2', { behaviour: { kind: 'forges', how: 'unsigned' } });
    await world.run('reset', 'web-1', 'web-2', '--password-stdin');
    const everything = JSON.stringify([world.out, world.err, world.statuses, [...world.files], plane.requests]);
    expect(everything).not.toContain(GOOD);
    expect(everything).not.toContain(Buffer.from(GOOD).toString('base64'));
  });
});

describe('what is sent', () => {
  test('has the same length for the shortest and the longest password', async () => {
    await plane.add('web-1');
    for (const password of ['Abcdef-1', 'Abcdefghij-1Abcdefghij-123']) {
      world.stdin = Buffer.from(password);
      expect(await world.run('reset', 'web-1', '--password-stdin')).toBe(0);
    }
    const lengths = plane.chunks.map(({ sealed }) => fromBase64Url(sealed[0]?.password.ciphertext ?? '').length);
    expect(lengths).toEqual([80, 80]);
    const bodies = plane.requests.filter(({ path }) => path === '/api/v1/resets').map(({ body }) => body.length);
    expect(bodies[0]).toBe(bodies[1]);
  });

  test('expires ten minutes after the plan', async () => {
    await plane.add('web-1');
    const before = Date.now();
    await world.run('reset', 'web-1', '--password-stdin');
    const { notAfter = 0 } = plane.chunks[0] ?? {};
    expect(notAfter - before).toBeGreaterThanOrEqual(600_000);
    expect(notAfter - before).toBeLessThan(605_000);
  });

  test('goes in chunks of 2,000, of which only the last is final', async () => {
    const names: string[] = [];
    for (let at = 0; at < 2_001; at += 1) {
      const name = `vm-${String(at)}`;
      names.push(name);
      await plane.add(name);
    }
    expect(await world.run('reset', ...names, '--password-stdin', '--no-wait')).toBe(0);
    expect(plane.chunks.map(({ sealed, final }) => [sealed.length, final])).toEqual([
      [2_000, false],
      [1, true],
    ]);
    expect(Math.max(...plane.requests.map(({ body }) => body.length))).toBeLessThan(1024 * 1024);
  }, 60_000);
});

describe('nothing is sent', () => {
  const sentNothing = () => expect(plane.chunks).toEqual([]);

  test('for a weak password; every rule that it breaks is listed', async () => {
    await plane.add('web-1');
    world.stdin = Buffer.from('tôôr');
    expect(await world.run('reset', 'web-1', '--password-stdin', '--json')).toBe(2);
    expect(world.failure().code).toBe('password-weak');
    expect(world.failure().details.map(({ code }) => code)).toEqual(['length', 'classes', 'character']);
    sentNothing();
  });

  test('for a password that fits one operating system of an offline batch only', async () => {
    await plane.add('web-1');
    await plane.add('win-1', { os: 'windows' });
    world.stdin = Buffer.from('Abcdef1^2');
    expect(await world.run('reset', 'web-1', 'win-1', '--mode', 'offline', '--password-stdin')).toBe(2);
    expect(world.err).toContain('The password, on Windows: may hold letters, digits and !@%-_=+[]:./? only');
    sentNothing();
  });

  test.each([
    ['is not the same twice', [GOOD, `${GOOD}x`], 'password-unreadable'],
    ['was given up on', null, 'not-confirmed'],
  ])('when the typed password %s', async (_, typed, code) => {
    await plane.add('web-1');
    world.terminal.in = true;
    world.typed = typed;
    expect(await world.run('reset', 'web-1', '--json')).toBe(2);
    expect(world.failure().code).toBe(code);
    sentNothing();
  });

  test('without a terminal to ask on; the error names --password-stdin', async () => {
    await plane.add('web-1');
    expect(await world.run('reset', 'web-1')).toBe(2);
    expect(world.err).toContain('[password-unavailable]');
    expect(world.err).toContain('--password-stdin');
    sentNothing();
  });

  test.each([
    ['two lines', 'Abcdef-12\nAbcdef-12\n'],
    ['more than a password could be', 'A'.repeat(2_000)],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0xff, 0xfe, 0x41, 0x42, 0x31, 0x2d])],
  ])('when standard input holds %s', async (_, input) => {
    await plane.add('web-1');
    world.stdin = Buffer.from(input);
    expect(await world.run('reset', 'web-1', '--password-stdin', '--json')).toBe(2);
    expect(['password-unreadable', 'password-weak']).toContain(world.failure().code);
    sentNothing();
  });

  test('when --password-stdin would read from a terminal that shows it', async () => {
    await plane.add('web-1');
    world.terminal.in = true;
    expect(await world.run('reset', 'web-1', '--password-stdin')).toBe(2);
    expect(world.err).toContain('leave out --password-stdin');
    sentNothing();
  });

  test('when an instance is blocked; the reason and the remedy are said', async () => {
    await plane.add('web-1');
    await plane.add('web-2', { blocked: 'agent-offline' });
    expect(await world.run('reset', 'web-1', 'web-2', '--password-stdin', '--json')).toBe(2);
    expect(world.failure()).toMatchObject({
      code: 'targets-blocked',
      details: [{ subject: 'web-2', code: 'agent-offline' }],
    });
    sentNothing();
  });

  test('when all are blocked, --skip-blocked or not', async () => {
    await plane.add('web-2', { blocked: 'agent-offline' });
    expect(await world.run('reset', 'web-2', '--password-stdin', '--skip-blocked')).toBe(2);
    sentNothing();
  });

  test('by a dry run, which asks for no password either', async () => {
    await plane.add('web-1');
    await plane.add('web-2', { blocked: 'agent-offline' });
    expect(await world.run('reset', 'web-1', '--dry-run')).toBe(0);
    expect(world.out).toContain('1 instance can be reset, 0 blocked. Nothing was changed.');
    expect(await world.run('reset', 'web-1', 'web-2', '--dry-run', '--json')).toBe(1);
    expect(world.report().tasks.map(({ instance, state, code }) => [instance, state, code])).toEqual([
      ['web-2', 'blocked', 'agent-offline'],
      ['web-1', null, null],
    ]);
    expect(world.files.size).toBe(0);
    sentNothing();
  });
});

describe('a batch with blocked instances', () => {
  test('goes on without them with --skip-blocked, and still exits with 1', async () => {
    const web = await plane.add('web-1');
    await plane.add('web-2', { blocked: 'agent-offline' });
    expect(await world.run('reset', 'web-1', 'web-2', '--password-stdin', '--skip-blocked', '--json')).toBe(1);
    expect(web.passwords.get('root')).toBe(GOOD);
    expect(plane.chunks[0]).toMatchObject({ skipBlocked: true, final: true });
    const states = Object.fromEntries(world.report().tasks.map(({ instance, state }) => [instance, state]));
    expect(states).toEqual({ 'web-1': 'succeeded', 'web-2': 'blocked' });
  });
});
