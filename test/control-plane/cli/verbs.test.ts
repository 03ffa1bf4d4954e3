import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { explain } from '#protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { CliWorld } from '../../support/cli-world.ts';
import { FakeControlPlane, type Answer } from '../../support/fake-control-plane.ts';

/** Answers by `METHOD path` in the order given, the last one again and again; everything else is as ever. */
class Scripted extends FakeControlPlane {
  readonly answers = new Map<string, Answer[]>();

  override async handle(method: string, target: string, authorization: string, body: string): Promise<Answer> {
    const path = target.replace('/api/v1', '').replace(/\?.*/, '');
    const queue = this.answers.get(`${method} ${path}`);
    if (queue === undefined) return super.handle(method, target, authorization, body);
    this.requests.push({ method, path: target, body });
    const answer = queue.length > 1 ? queue.shift() : queue[0];
    if (answer === undefined) throw new Error('no answer is left');
    return answer;
  }
}

let plane: Scripted;
let world: CliWorld;

beforeEach(() => {
  plane = new Scripted();
  world = new CliWorld(plane);
});

const ok = (json: unknown): Answer => ({ status: 200, json });
const no = (code: 'instance-name-taken' | 'statement-version-mismatch', details: object[] = []): Answer => ({
  status: 409,
  json: { code, message: explain(code).message, remedy: explain(code).remedy, details, requestId: 'r-1' },
});
const bodies = () =>
  plane.requests.filter(({ method }) => method !== 'GET').map(({ body }) => JSON.parse(body) as unknown);

describe('instances import', () => {
  const rows = (count: number) => Array.from({ length: count }, (_, at) => `vm-${String(at)},linux`).join('\n');

  test('imports nothing when a line is wrong', async () => {
    world.stdin = Buffer.from('ok,linux\nNot Ok,linux\nx,plan9\n');
    expect(await world.run('instances', 'import', '-')).toBe(2);
    expect(world.err).toMatch(/-:2: name: /);
    expect(world.err).toMatch(/-:3: os: /);
    expect(plane.requests).toEqual([]);
  });

  test('names the lines of what the control plane refuses', async () => {
    const details = [
      { subject: 'vm-1', code: 'instance-name-taken', message: 'taken' },
      { subject: 'instances.2.name', code: 'instance-name-taken', message: 'taken' },
    ];
    plane.answers.set('POST /instances/import', [no('instance-name-taken', details)]);
    world.files.set('/fleet.csv', { text: `# fleet\n${rows(3)}`, mode: 0o100644 });
    expect(await world.run('instances', 'import', '/fleet.csv')).toBe(2);
    expect(world.err).toContain('/fleet.csv:3 vm-1: taken');
    expect(world.err).toContain('/fleet.csv:4 vm-2: taken');
  });

  test('says what was added before a later chunk failed, and exits with 1', async () => {
    plane.answers.set('POST /instances/import', [ok({ added: 2_000 }), no('instance-name-taken')]);
    world.stdin = Buffer.from(rows(2_001));
    expect(await world.run('instances', 'import', '-')).toBe(1);
    expect(world.out).toBe('Added 2000 instances.\n');
    expect(world.err).toContain('What was added stays.');
  });
});

describe('instances', () => {
  test('rename, move and tag change the one that was named', async () => {
    const { id } = await plane.add('web-1', { tags: { role: 'web', old: 'x' } });
    const instance = { ...(await shown('web-1')), name: 'web-9', project: 'shop', tags: { role: 'db' } };
    plane.answers.set(`PATCH /instances/${id}`, [ok(instance)]);
    expect(await world.run('instances', 'rename', 'web-1', 'web-9')).toBe(0);
    expect(await world.run('instances', 'move', id, 'shop')).toBe(0);
    expect(await world.run('instances', 'tag', 'web-1', 'role=db', 'old-')).toBe(0);
    expect(bodies()).toEqual([{ name: 'web-9' }, { project: 'shop' }, { tags: { role: 'db' } }]);
  });

  test('answer a program with what became of them', async () => {
    const { id } = await plane.add('web-1');
    const instance = { ...(await shown('web-1')), tags: { role: 'db' } };
    plane.answers.set(`PATCH /instances/${id}`, [ok(instance)]);
    plane.answers.set(`DELETE /instances/${id}`, [ok({})]);
    for (const change of [
      ['rename', 'web-1', 'web-1'],
      ['move', 'web-1', 'default'],
      ['tag', 'web-1', 'role=db'],
    ]) {
      expect(await world.run('instances', ...change, '--json')).toBe(0);
      expect(world.json()).toEqual(instance);
    }
    expect(await world.run('instances', 'remove', 'web-1', '--yes', '--json')).toBe(0);
    expect(world.json()).toEqual({ removed: [{ id, name: 'web-1' }] });
  });

  test('are not removed without a yes, nor when one of them does not exist', async () => {
    const { id } = await plane.add('web-1');
    plane.answers.set(`DELETE /instances/${id}`, [ok({})]);
    expect(await world.run('instances', 'remove', 'web-1')).toBe(2);
    expect(await world.run('instances', 'remove', 'web-1', 'nope', '--yes')).toBe(2);
    world.terminal.in = true;
    world.answer = 'n';
    expect(await world.run('instances', 'remove', 'web-1')).toBe(2);
    expect(plane.requests.filter(({ method }) => method === 'DELETE')).toEqual([]);
    world.answer = 'yes';
    expect(await world.run('instances', 'remove', 'web-1')).toBe(0);
    expect(world.out).toBe('Removed web-1.\n');
  });

  test('are last seen now while their agent is connected, and when it was lost afterwards', async () => {
    const { id } = await plane.add('web-1');
    const online = (await shown('web-1')) as { agent: object };
    const lost = { connectedSince: null, lastSeenAt: 1_800_000_000_000, state: 'offline' };
    const offline = { ...online, id: randomUUID(), name: 'web-2', agent: { ...online.agent, ...lost } };
    plane.answers.set('GET /instances', [ok({ items: [online, offline], nextCursor: null })]);
    expect(await world.run('instances', 'list')).toBe(0);
    expect(world.out).toMatch(/^web-1 .* running +now$/m);
    expect(world.out).toMatch(/^web-2 .* offline +2027-01-15T08:00:00Z$/m);
    expect(await world.run('instances', 'show', id)).toBe(0);
    expect(world.out).toMatch(/^last seen +now$/m);
  });

  async function shown(name: string): Promise<object> {
    await world.run('instances', 'show', name, '--json');
    return world.json() as object;
  }
});

describe('the service', () => {
  const service = { enabled: true, statementVersion: 3, enabledBy: 'me', enabledAt: 0 };
  beforeEach(() => {
    plane.answers.set('GET /service-statement', [ok({ version: 3, text: 'First line.\nSecond\u001b[2J line.' })]);
    plane.answers.set('PUT /projects/shop/service', [ok({ name: 'shop', service })]);
  });

  test('is not enabled without somebody to ask, who is told how to accept what was shown', async () => {
    expect(await world.run('service', 'enable', '--project', 'default', '--json')).toBe(2);
    expect(world.failure()).toMatchObject({
      code: 'not-confirmed',
      remedy: 'Run the same command with --accept-version 3 to confirm.',
    });
    expect(bodies()).toEqual([]);
  });

  test('is enabled once its statement has been shown and accepted', async () => {
    world.terminal.in = true;
    world.answer = 'y';
    expect(await world.run('service', 'enable', '--project', 'shop')).toBe(0);
    expect(world.err).toBe('Service statement, version 3\n\nFirst line.\nSecond\ufffd[2J line.\n');
    expect(bodies()).toEqual([{ enabled: true, statementVersion: 3 }]);
  });

  test('is not enabled without a yes; --accept-version is one', async () => {
    expect(await world.run('service', 'enable', '--project', 'shop')).toBe(2);
    expect(bodies()).toEqual([]);
    expect(await world.run('service', 'enable', '--project', 'shop', '--accept-version', '2', '--json')).toBe(0);
    expect(bodies()).toEqual([{ enabled: true, statementVersion: 2 }]);
  });

  test('is disabled in a project that is added, and a project that is there is not added again', async () => {
    const disabled = { enabled: false, statementVersion: null, enabledBy: null, enabledAt: null };
    const taken = { code: 'project-exists', message: 'There is one.', remedy: 'Use it.', details: [], requestId: 'r' };
    plane.answers.set('POST /projects', [
      { status: 201, json: { name: 'edge', service: disabled } },
      { status: 409, json: taken },
    ]);
    expect(await world.run('service', 'add', '--project', 'edge')).toBe(0);
    expect(world.out).toBe('Added edge. Online reset is disabled for edge.\n');
    expect(await world.run('service', 'add', '--project', 'edge', '--json')).toBe(2);
    expect(world.failure()).toMatchObject({ code: 'project-exists' });
    expect(await world.run('service', 'add', '--project', 'No Name')).toBe(2);
    expect(bodies()).toEqual([{ name: 'edge' }, { name: 'edge' }]);
  });

  test('is disabled', async () => {
    expect(await world.run('service', 'disable', '--project', 'shop')).toBe(0);
    expect(bodies()).toEqual([{ enabled: false }]);
  });
});

describe('audit list', () => {
  test('says of a task what it became, on which instance, and why', async () => {
    const { id } = await plane.add('web-1');
    const stranger = randomUUID();
    world.stdin = Buffer.from('Canary-7f3a91c2');
    expect(await world.run('reset', 'web-1', '--password-stdin')).toBe(0); // Which pins it, name and all.
    const record = (sequence: number, instance: string, from: string, to: string, code: string | null) => ({
      ...{
        sequence,
        at: 0,
        actor: 'system',
        action: 'task.state',
        resource: 'task:x',
        decision: null,
        rule: null,
        code,
      },
      detail: { reset: randomUUID(), instance, account: 'root', from, to },
    });
    const items = [
      record(2, stranger, 'running', 'failed', 'disk-full'),
      record(1, id, 'accepted', 'running', null),
      { ...record(0, id, '', '', null), action: 'token.create', resource: 'token:y', detail: { role: 'viewer' } },
    ];
    plane.answers.set('GET /audit', [ok({ items, nextCursor: null })]);
    expect(await world.run('audit', 'list')).toBe(0);
    expect(world.out).toMatch(/^1 .* web-1 root: accepted → running +- +-$/m);
    expect(world.out).toMatch(new RegExp(`^2 .* ${stranger} root: running → failed +- +disk-full$`, 'm'));
    expect(world.out).toMatch(/^0 .* token\.create +token:y +- +- +-$/m);
  });
});

describe('tokens create', () => {
  test('puts the token, and nothing else, on standard output', async () => {
    plane.answers.set('POST /tokens', [ok({ id: randomUUID(), token: 'lk_secret', expiresAt: null })]);
    expect(await world.run('tokens', 'create', '--name', 'ci', '--role', 'viewer')).toBe(0);
    expect(world.out).toBe('lk_secret\n');
    expect(world.err).not.toContain('lk_secret');
  });

  const CI = ['tokens', 'create', '--name', 'ci', '--role', 'viewer', '--out', '/home/operator/token'];

  test('puts it into a new file for its owner alone with --out, and nowhere else', async () => {
    const id = randomUUID();
    plane.answers.set('POST /tokens', [ok({ id, token: 'lk_secret', expiresAt: null })]);
    expect(await world.run(...CI, '--json')).toBe(0);
    expect(world.files.get('/home/operator/token')).toEqual({ text: 'lk_secret\n', mode: 0o100600 });
    expect(world.json()).toEqual({ id, expiresAt: null, file: '/home/operator/token' });
    expect(world.err).not.toContain('lk_secret');
    expect(await world.run('tokens', 'create', '--help')).toBe(0);
    expect(world.out).toContain('other users of this machine can read');
  });

  test('makes no token for a file that is there already', async () => {
    world.files.set('/home/operator/token', { text: 'mine', mode: 0o100644 });
    expect(await world.run(...CI)).toBe(2);
    expect(world.err).toContain('/home/operator/token: it is there already');
    expect(world.files.get('/home/operator/token')?.text).toBe('mine');
    expect(plane.requests).toEqual([]);
  });

  test('leaves no empty file behind when there is no token', async () => {
    plane.answers.set('POST /tokens', [no('instance-name-taken')]);
    expect(await world.run(...CI)).toBe(2);
    expect(world.files.has('/home/operator/token')).toBe(false);
  });

  test('says which token to revoke when it could not be written down', async () => {
    const id = randomUUID();
    plane.answers.set('POST /tokens', [ok({ id, token: 'lk_secret', expiresAt: null })]);
    world.refuseWrite = /token/;
    expect(await world.run(...CI)).toBe(2);
    expect(world.err).toContain(`latchkey tokens revoke ${id}`);
    expect(world.files.has('/home/operator/token')).toBe(false);
    expect(world.err).not.toContain('lk_secret');
  });
});

describe('an answer that is none', () => {
  test.each([
    [{ status: 200, json: { nonsense: true } }, 'control-plane-answer-invalid'],
    [{ status: 502, json: '<html>' }, 'control-plane-answer-invalid'],
    [{ status: 418, json: { code: 'teapot', message: 'A new code.', remedy: 'Update.' } }, 'teapot'],
  ] as const)('%j is said as %s', async (answer, code) => {
    plane.answers.set('GET /whoami', [answer]);
    expect(await world.run('whoami', '--json')).toBe(2);
    expect(world.failure().code).toBe(code);
  });

  test('a listing that never ends comes to an end', async () => {
    plane.answers.set('GET /tokens', [ok({ items: [], nextCursor: 'again' })]);
    expect(await world.run('tokens', 'list')).toBe(0);
  });
});

describe('help and completion', () => {
  test.each([['--help'], ['help', 'reset'], ['instances', '--help'], ['resets', 'watch', '--help']])(
    '%s %s exits with 0 and needs no configuration',
    async (...argv) => {
      world.env = {};
      expect(await world.run(...argv)).toBe(0);
      expect(world.out).toContain('Usage: latchkey');
      expect(world.out).toContain('--token-file');
    },
  );

  test('bash completes verbs, and the flags of the verb that is typed', async () => {
    expect(await world.run('completion', 'bash')).toBe(0);
    const complete = (...words: string[]) => {
      const ask = `COMP_WORDS=(latchkey ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${String(words.length)}`;
      const script = `${world.out}\n${ask}\n_latchkey\necho "\${COMPREPLY[@]}"`;
      return spawnSync('bash', ['-c', script], { encoding: 'utf8' }).stdout.trim();
    };
    expect(complete('inst')).toBe('instances');
    expect(complete('instances', 're')).toBe('rename remove');
    expect(complete('--url', 'reset', 'resets', 'w')).toBe('watch');
    expect(complete('reset', 'web-1', '--gen')).toBe('--generate');
    expect(complete('reset', '--from-file', 'x')).toBe('');
  });

  test.each(['zsh', 'fish'])('there is a script for %s', async (shell) => {
    expect(await world.run('completion', shell)).toBe(0);
    expect(world.out).toContain('latchkey');
    expect(world.out).toContain('instances');
  });

  test('a shell that is not known is a usage error', async () => {
    expect(await world.run('completion', 'tcsh')).toBe(2);
  });
});
