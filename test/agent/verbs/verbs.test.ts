import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { lockDirectory } from '../../../agent/node/instance-lock.ts';
import { writeStatusFile } from '../../../agent/node/status-file.ts';
import { check, formatCheck } from '../../../agent/verbs/check.ts';
import { run } from '../../../agent/verbs/run.ts';
import { formatStatus, readStatus } from '../../../agent/verbs/status.ts';
import { uninstall } from '../../../agent/verbs/uninstall.ts';
import { eventually } from '../support/fake-wire.ts';
import { openEnrolledWorld, type Enrolled } from '../support/enrolled.ts';

let world: Enrolled;
beforeEach(async () => {
  world = await openEnrolledWorld();
});
afterEach(async () => {
  await world[Symbol.asyncDispose]();
});

const snapshot = (directory: string) =>
  Object.fromEntries(
    readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => [name, readFileSync(join(directory, name), 'base64')]),
  );

describe('status', () => {
  test('of an agent that does not run shows where it belongs, and its fingerprint', async () => {
    const { config, fingerprint } = await world.join();
    const report = await readStatus(world.directory);
    expect(report).toMatchObject({ running: false, state: null, fingerprint, keySetVersion: 3 });
    const text = formatStatus(report);
    for (const part of ['not running', config.instanceId, world.gateway.url, fingerprint, 'version 3']) {
      expect(text).toContain(part);
    }
  });

  test('of one that runs shows what it wrote last; of one that has ended, nothing of that', async () => {
    await world.join();
    const components = { disk: { state: 'failing', code: 'disk-low', detail: '/var' } } as const;
    const status = {
      state: 'waiting',
      since: 0,
      lastLoss: 'ECONNREFUSED',
      components,
      unacknowledgedResults: 2,
    } as const;
    writeStatusFile(world.directory, status);
    const lock = lockDirectory(world.directory);
    const text = formatStatus(await readStatus(world.directory));
    for (const part of ['waiting since 1970-01-01T00:00:00.000Z', 'ECONNREFUSED', '2 to deliver', 'disk-low (/var)']) {
      expect(text).toContain(part);
    }
    if (lock.ok) lock.release();
    expect(await readStatus(world.directory)).toMatchObject({ running: false, state: null, lastLoss: null });
  });

  test('shows no control characters, whoever put them there', async () => {
    await world.join();
    const lastLoss = 'closed \u001b]0;owned\u0007\r\u009b2J\u202e';
    writeStatusFile(world.directory, {
      state: 'waiting',
      since: 0,
      lastLoss,
      components: {},
      unacknowledgedResults: 0,
    });
    const lock = lockDirectory(world.directory);
    const report = await readStatus(world.directory);
    for (const text of [formatStatus(report), JSON.stringify(report)]) expect(text).not.toMatch(/[^\P{C}\n]/u);
    if (lock.ok) lock.release();
  });

  test('says when the key set is missing or damaged', async () => {
    await world.join();
    writeFileSync(join(world.directory, 'key-set.json'), '{}');
    expect(formatStatus(await readStatus(world.directory))).toContain('missing or damaged');
  });
});

describe('check', () => {
  test('connects, has the control plane prove itself, and leaves no session and no trace', async () => {
    await world.join();
    const before = snapshot(world.directory);
    const report = await check(world.options);
    expect([report.connection, report.policy]).toEqual([null, null]);
    expect(world.gateway.frames.map(({ type }) => type)).toEqual(['hello']);
    expect(snapshot(world.directory)).toEqual(before);
    expect(formatCheck(report)).toContain('ok        control plane');
  });

  test.each<[string, (it: Enrolled) => Promise<void> | void, string]>([
    [
      'a control plane that is not there',
      async (it) => {
        await it.gateway[Symbol.asyncDispose]();
      },
      'ECONNREFUSED',
    ],
    [
      'one that cannot prove itself',
      (it) => {
        Object.assign(it.controlPlane, { orderKey: it.controlPlane.scriptKey });
      },
      'server-proof-invalid',
    ],
    ['a key set that is gone', (it) => writeFileSync(join(it.directory, 'key-set.json'), ''), 'missing, damaged'],
  ])('tells of %s', async (_what, spoil, problem) => {
    await world.join();
    await spoil(world);
    const report = await check(world.options);
    expect(report.ok).toBe(false);
    expect(report.connection).toContain(problem);
  });

  test('tells of a policy that does not count', async () => {
    await world.join();
    writeFileSync(world.policyFile, '{"accounts": "all"}');
    expect(await check(world.options)).toMatchObject({
      ok: false,
      policy: expect.stringContaining('accounts') as string,
    });
  });
});

describe('uninstall', () => {
  test('says goodbye in a session of its own, and leaves nothing', async () => {
    await world.join();
    writeFileSync(world.policyFile, '{}');
    const report = await uninstall(world.options);
    expect(report).toEqual({ saidGoodbye: true, removed: [world.directory, world.policyFile] });
    const goodbye = await eventually(() => world.gateway.frames.find(({ type }) => type === 'goodbye'));
    expect(goodbye).toEqual({ type: 'goodbye', reason: 'uninstalled' });
    expect([existsSync(world.directory), existsSync(world.policyFile)]).toEqual([false, false]);
  });

  test('goes on where the state is damaged, and where there is none', async () => {
    await world.join();
    writeFileSync(join(world.directory, 'config.json'), '{}');
    expect(await uninstall(world.options)).toEqual({ saidGoodbye: false, removed: [world.directory] });
    expect(await uninstall(world.options)).toEqual({ saidGoodbye: false, removed: [] });
  });

  test('touches no directory that holds anything else', async () => {
    await world.join();
    writeFileSync(join(world.directory, 'shadow'), 'not ours');
    const before = snapshot(world.directory);
    await expect(uninstall(world.options)).rejects.toMatchObject({ code: 'state-directory-foreign', exitCode: 2 });
    expect(snapshot(world.directory)).toEqual(before);
    expect(world.gateway.frames).toEqual([]);
  });
});

describe('run ends at once, and says why, where', () => {
  const start = () => run({ ...world.options, standby: false });

  test('there is no enrolment', async () => {
    await expect(start()).rejects.toMatchObject({ code: 'not-enrolled', exitCode: 1 });
  });
  test('the policy is not valid: without one nothing runs', async () => {
    await world.join();
    writeFileSync(world.policyFile, '{');
    await expect(start()).rejects.toMatchObject({ code: 'policy-invalid' });
  });
  test('another runs already', async () => {
    await world.join();
    const lock = lockDirectory(world.directory);
    await expect(start()).rejects.toMatchObject({ code: 'already-running' });
    if (lock.ok) lock.release();
  });
  test.each([
    ['identity.key', 'state-damaged'],
    ['config.json', 'state-damaged'],
    ['key-set.json', 'trust-missing'],
  ])('%s is damaged', async (name, code) => {
    await world.join();
    writeFileSync(join(world.directory, name), 'damaged');
    await expect(start()).rejects.toMatchObject({ code });
    expect(world.gateway.frames).toEqual([]);
    expect(existsSync(join(world.directory, 'agent.lock'))).toBe(false);
  });
});
