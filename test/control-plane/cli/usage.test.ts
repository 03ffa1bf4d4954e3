import { beforeEach, describe, expect, test } from 'vitest';
import { CliWorld } from '../../support/cli-world.ts';
import { FakeControlPlane } from '../../support/fake-control-plane.ts';

let plane: FakeControlPlane;
let world: CliWorld;

beforeEach(() => {
  plane = new FakeControlPlane();
  world = new CliWorld(plane);
  world.stdin = Buffer.from('Abcdef-12\n');
});

describe('usage', () => {
  test.each([
    [['reset']],
    [['reset', 'Not A Name']],
    [['reset', 'web-1', '--mode', 'sideways']],
    [['reset', 'web-1', '--password', 'secret']],
    [['reset', 'web-1', '--same']],
    [['reset', 'web-1', '--generate', '--password-stdin']],
    [['reset', 'web-1', '--password-stdin', '--from-file', '-']],
    [['reset', '--tag', 'novalue']],
    [['reset', 'web-1', '--account', '../etc']],
    [['reset', '--tag', 'a=b', '--trust-new', '--strict-identities']],
    [['resets', 'watch', 'nonsense']],
    [['nonsense']],
    [['instances']],
    [[]],
  ])('%j exits with 2 and asks the control plane for nothing', async (argv) => {
    expect(await world.run(...argv)).toBe(2);
    expect(world.err).not.toBe('');
    expect(plane.requests).toEqual([]);
    expect(await world.run(...argv, '--json')).toBe(2);
    expect(world.failure().code).toBe('usage-invalid');
  });

  test('a refusal of the control plane is said with message, remedy and code', async () => {
    world.env['LATCHKEY_TOKEN'] = 'other';
    expect(await world.run('reset', 'web-1', '--password-stdin')).toBe(2);
    expect(world.err).toContain('No valid API token was presented. [unauthenticated]');
    expect(world.err).toContain('(request r-1)');
  });

  test('a token that is not good is said in the words of a command line, not of a request', async () => {
    world.env['LATCHKEY_TOKEN'] = 'other';
    expect(await world.run('whoami')).toBe(2);
    expect(world.err).toMatch(/--token-file FILE, LATCHKEY_TOKEN, or .* the configuration file/);
    expect(world.err).not.toContain('authorization');
  });

  test.each([
    [['instances', 'remove', 'web-1'], '--yes'],
    [['instances', 'trust', 'web-1'], '--fingerprint SHA256:…'],
  ])('%j without a terminal to ask on: the remedy names the flag that confirms', async (argv, flag) => {
    await plane.add('web-1');
    expect(await world.run(...argv, '--json')).toBe(2);
    expect(world.failure()).toMatchObject({
      code: 'not-confirmed',
      remedy: `Run the same command with ${flag} to confirm.`,
      details: [{ message: 'There is no terminal to ask on.' }],
    });
  });

  test('a question that was answered with no is told without a flag', async () => {
    await plane.add('web-1');
    world.terminal = { err: true, in: true };
    world.answer = 'n';
    expect(await world.run('instances', 'remove', 'web-1', '--json')).toBe(2);
    expect(world.failure()).toMatchObject({ code: 'not-confirmed', details: [] });
  });
});
