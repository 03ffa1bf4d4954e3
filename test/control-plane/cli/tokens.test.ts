import { randomUUID } from 'node:crypto';
import type { ActorRole } from '#protocol';
import { beforeEach, describe, expect, test } from 'vitest';
import { CliWorld } from '../../support/cli-world.ts';
import { FakeControlPlane, type Answer } from '../../support/fake-control-plane.ts';

/** Answers to requests about tokens as the test says; everything else is as ever. */
class Scripted extends FakeControlPlane {
  readonly answers = new Map<string, Answer>();

  override async handle(method: string, target: string, authorization: string, body: string): Promise<Answer> {
    const answer = this.answers.get(`${method} ${target}`);
    if (answer === undefined) return super.handle(method, target, authorization, body);
    this.requests.push({ method, path: target, body });
    return answer;
  }
}

let plane: Scripted;
let world: CliWorld;

beforeEach(() => {
  plane = new Scripted();
  world = new CliWorld(plane);
});

const pathOf = (id: string, query = '') => `DELETE /api/v1/tokens/${id}${query}`;

describe('tokens revoke', () => {
  const [maker, child, other] = [randomUUID(), randomUUID(), randomUUID()];

  test('leaves alone what was made with them, unless it is asked for', async () => {
    plane.answers.set(pathOf(maker), { status: 204, json: '' });
    expect(await world.run('tokens', 'revoke', maker, '--json')).toBe(0);
    expect(world.json()).toEqual({ revoked: [maker] });
    expect(plane.requests.map(({ path }) => path)).toEqual([`/api/v1/tokens/${maker}`]);
  });

  test('--descendants revokes that, too, and says what it was', async () => {
    plane.answers.set(pathOf(maker, '?descendants=true'), { status: 200, json: { revoked: [maker, child] } });
    plane.answers.set(pathOf(other, '?descendants=true'), { status: 200, json: { revoked: [] } });
    expect(await world.run('tokens', 'revoke', maker, other, '--descendants', '--json')).toBe(0);
    expect(world.json()).toEqual({ revoked: [maker, child, other] });
    expect(await world.run('tokens', 'revoke', maker, '--descendants')).toBe(0);
    expect(world.out).toBe(`Revoked ${maker}.\nRevoked ${child}.\n`);
  });
});

describe('whoami', () => {
  const me = (accounts: readonly string[] | null) => {
    const role: ActorRole = 'operator';
    const json = { tokenId: randomUUID(), name: 'ci', role, projects: null, accounts, privileged: false };
    plane.answers.set('GET /api/v1/whoami', { status: 200, json });
  };

  test.each([
    [['alice', 'bob'], /^ *accounts +alice, bob$/m],
    [null, /^ *accounts +all$/m],
  ])('says which accounts may be reset: %j', async (accounts, line) => {
    me(accounts);
    expect(await world.run('whoami')).toBe(0);
    expect(world.out).toMatch(line);
  });
});
