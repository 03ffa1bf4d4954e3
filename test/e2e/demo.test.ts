import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mustRun, run } from '../support/hosts/run.ts';
import { cloneForDemo, CLONE_TIMEOUT_MS, DEMO_DEADLINE_MS, NOTHING, secretsIn, type DemoClone } from './demo-clone.ts';

const INSTANCES = ['web-1', 'web-2', 'web-3'];

describe('the demonstration, from a fresh clone', { timeout: DEMO_DEADLINE_MS + 30_000 }, () => {
  let demo: DemoClone;
  beforeAll(async () => {
    demo = await cloneForDemo();
  }, CLONE_TIMEOUT_MS);
  afterAll(async () => {
    await demo[Symbol.asyncDispose]();
  });

  test('--once shows refused and accepted passwords, says so, and leaves nothing', async () => {
    const { code, output, commandLines, left } = await demo.demonstrate('--once');
    expect(code, output).toBe(0);
    expect(left).toEqual(NOTHING);
    for (const name of INSTANCES) {
      // In the last table, all of them are reset.
      const rows = output.split('\n').filter((line) => line.trim().startsWith(`${name} `) && line.includes('accepted'));
      expect(rows.at(-1)).toMatch(/^ +\S+ +accepted +refused +refused +accepted$/);
    }
    expect(output).toContain('/etc/passwd, /etc/shadow, /etc/group and /etc/gshadow of this machine are unchanged');
    expect(output).not.toContain('\u001b');
    expect(secretsIn(output, demo.top)).toEqual([]);
    expect(commandLines.filter((line) => secretsIn(line, demo.top).length > 0)).toEqual([]);

    // In the clone there is what npm installed, and nothing more.
    const { stdout } = await mustRun(['git', '-C', demo.clone, 'status', '--porcelain', '--ignored'], {
      env: demo.gitEnvironment,
    });
    expect(stdout).toBe('!! node_modules/\n');
  });

  test.each([
    { signal: 'SIGINT', at: 'are up:', code: 130 },
    { signal: 'SIGTERM', at: 'This machine can have', code: 143 },
    { signal: 'SIGINT', at: 'Reset alice on one', code: 130 },
    // It has broken two instances then; that it waits at its end for a signal is shown beside the console.
    { signal: 'SIGHUP', at: 'It shows within half a minute', code: 129 },
  ] as const)('leaves nothing when it gets $signal at "$at"', async ({ signal, at, code }) => {
    const run = await demo.demonstrate('', { signal, at });
    expect(run.code, run.output).toBe(code);
    expect(run.left).toEqual(NOTHING);
  });

  test('leaves no process and no mount when it is killed', async () => {
    const { code, left } = await demo.demonstrate('', { signal: 'SIGKILL', at: 'All three agents' });
    expect(code).toBe(137);
    expect(left).toEqual({ ...NOTHING, temporary: [expect.stringMatching(/^latchkey-demo-/)] });
  });

  test('says why and what to do where it cannot run', async () => {
    const { clone } = demo;
    const program = join(clone, 'scripts/demo');
    const powerless = await run(['setpriv', '--bounding-set=-all', program, '--once'], { cwd: clone });
    expect(powerless.code).toBe(69);
    expect(powerless.stderr).toMatch(/no namespaces.*run it with --privileged/s);

    // Root of a user namespace is root in name only.
    const rootless = await run(['unshare', '--map-root-user', program, '--once'], { cwd: clone });
    expect(rootless.code).toBe(69);
    expect(rootless.stderr).toMatch(/not the machine's own root/);

    const unprivileged = await run(['setpriv', '--reuid=65534', '--clear-groups', program, '--once'], { cwd: clone });
    expect(unprivileged.code).toBe(77);
    expect(unprivileged.stderr).toMatch(/needs root.*as root/s);

    expect(await run([program, '--twice'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('--twice') as string,
    });
  });
});
