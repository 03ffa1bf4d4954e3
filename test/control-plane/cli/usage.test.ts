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
});
