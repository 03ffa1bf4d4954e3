import type { Action, AgentState, Digest, ProjectName, TokenId } from '#protocol';
import { describe, expect, test } from 'vitest';
import { actorOfToken, type Actor, type TokenRights } from '../../../../control-plane/server/domain/actor.ts';
import { authorize } from '../../../../control-plane/server/domain/authorization.ts';
import { continues, handOver } from '../../../../control-plane/server/domain/continuity.ts';
import { judgeReadiness, type ReadinessFacts } from '../../../../control-plane/server/domain/readiness.ts';
import { judgeContention } from '../../../../control-plane/server/domain/sessions.ts';

const actor = (more: Partial<Actor> = {}): Actor => ({
  tokenId: '6f0d6a3e-41d4-4a70-9a0f-3f1f3a0e8a01' as TokenId,
  name: 'test',
  role: 'operator',
  projects: null,
  accounts: null,
  privileged: false,
  expiresAt: null,
  ...more,
});
const blue = { project: 'blue' as ProjectName, instanceId: null };

describe('authorisation', () => {
  test('denies what no rule grants', () => {
    expect(authorize(actor({ role: 'viewer' }), 'reset.start', blue)).toEqual({ allow: false, rule: 'default-deny' });
    expect(authorize(actor(), 'token.create', blue)).toEqual({ allow: false, rule: 'default-deny' });
    expect(authorize(actor(), 'no.such.action' as Action, blue)).toEqual({ allow: false, rule: 'default-deny' });
  });

  test('keeps a scoped token in its projects, and away from what is about everything', () => {
    const scoped = actor({ role: 'administrator', projects: ['green' as ProjectName] });
    expect(authorize(scoped, 'instance.read', blue)).toEqual({ allow: false, rule: 'project-scope' });
    expect(authorize(scoped, 'audit.read', { project: null, instanceId: null })).toMatchObject({ allow: false });
    expect(authorize(scoped, 'instance.read', { ...blue, project: 'green' as ProjectName })).toMatchObject({
      allow: true,
    });
  });

  test('keeps an account-scoped token to its accounts', () => {
    const scoped = actor({ accounts: ['alice'] });
    expect(authorize(scoped, 'reset.start', blue, { account: 'root' as never })).toEqual({
      allow: false,
      rule: 'account-scope',
    });
    expect(authorize(scoped, 'reset.start', blue, { account: 'alice' as never })).toMatchObject({ allow: true });
  });

  test('gives no rights to a token that is revoked, expired, or no API token', () => {
    const token: TokenRights = { ...actor(), id: actor().tokenId, expiresAt: null, revokedAt: null };
    expect(actorOfToken(token, 1_000)).toEqual(actor());
    expect(actorOfToken({ ...token, revokedAt: 1 }, 1_000)).toBeNull();
    expect(actorOfToken({ ...token, expiresAt: 1_000 }, 1_000)).toBeNull();
    expect(actorOfToken({ ...token, role: null }, 1_000)).toBeNull();
    expect(actorOfToken(null, 1_000)).toBeNull();
  });
});

describe('an online reset', () => {
  const ready: ReadinessFacts = {
    mode: 'online',
    authorization: { allow: true, rule: 'test' },
    serviceEnabled: true,
    power: 'running',
    agentState: 'running',
    fenced: false,
    hasSealingKey: true,
    unfinished: false,
    supersede: false,
  };

  test('starts when nothing stands against it, also where the power state is not known', () => {
    expect(judgeReadiness(ready)).toBeNull();
    expect(judgeReadiness({ ...ready, power: 'unknown' })).toBeNull();
  });

  test.each<[Partial<ReadinessFacts>, string]>([
    [{ authorization: { allow: false, rule: 'x' } }, 'account-not-authorised'],
    [{ serviceEnabled: false }, 'service-not-authorised'],
    [{ fenced: true }, 'agent-fenced'],
    [{ power: 'stopped' }, 'instance-stopped'],
    [{ agentState: 'offline' }, 'agent-offline'],
    [{ agentState: 'abnormal' }, 'agent-abnormal'],
    [{ agentState: 'not-installed' }, 'agent-not-installed'],
    [{ agentState: 'installing' }, 'agent-installing'],
    [{ agentState: 'install-failed' }, 'agent-install-failed'],
    [{ hasSealingKey: false }, 'agent-offline'],
    [{ unfinished: true }, 'reset-in-progress'],
    [{ mode: 'offline' }, 'plug-in-missing'],
  ])('is blocked by %o', (fact, code) => {
    expect(judgeReadiness({ ...ready, ...fact })).toBe(code);
  });

  test('may replace an unfinished one when it says so', () => {
    expect(judgeReadiness({ ...ready, unfinished: true, supersede: true })).toBeNull();
  });

  test('tells who may not reset nothing about the agent', () => {
    for (const agentState of ['offline', 'abnormal'] satisfies AgentState[]) {
      const denied = { ...ready, agentState, authorization: { allow: false, rule: 'x' } };
      expect(judgeReadiness(denied)).toBe('account-not-authorised');
    }
  });
});

describe('continuity of sessions', () => {
  const nothing = { current: null, previous: null };
  const [a, b, c] = ['a', 'b', 'c'] as Digest[] as [Digest, Digest, Digest];

  test('holds from session to session, and over a secret lost in a crash', () => {
    expect(continues(nothing, null)).toBe(true);
    const first = handOver(null, a);
    expect(continues(first, a)).toBe(true);
    expect(continues(first, null)).toBe(true); // `a` never reached the disk
    const second = handOver(a, b);
    expect(continues(second, b)).toBe(true);
    expect(continues(second, a)).toBe(true); // `b` never reached the disk
  });

  test('shows a copy as soon as both the copy and the original have spoken', () => {
    const shared = handOver(null, a); // both disks hold `a`
    const original = handOver(a, b);
    expect(continues(shared, a)).toBe(true);
    const copy = handOver(a, c); // the copy presents `a` too: taken for a lost `b`
    expect(continues(original, a)).toBe(true);
    expect(continues(copy, b)).toBe(false); // the original comes back with `b`
  });

  test('refuses nothing at all where a secret is due', () => {
    expect(continues(handOver(a, b), null)).toBe(false);
  });

  test('takes any secret where none is known to have been handed over, as after a restored backup', () => {
    expect(continues(nothing, a)).toBe(true);
    expect(continues(handOver(a, b), a)).toBe(true);
    expect(continues(handOver(a, b), c)).toBe(false); // from then on as ever
  });
});

describe('two sessions of one identity', () => {
  test('are a clone only if both answer after the newer one came', () => {
    expect(judgeContention({ older: 'answered', newer: 'answered' }, false)).toBe('fence');
    expect(judgeContention({ older: 'answered', newer: 'waiting' }, false)).toBe('wait');
    expect(judgeContention({ older: 'waiting', newer: 'answered' }, false)).toBe('wait');
  });

  test('are a reconnect over a half-open socket when the older one is silent', () => {
    expect(judgeContention({ older: 'waiting', newer: 'answered' }, true)).toBe('keep-newer');
    expect(judgeContention({ older: 'gone', newer: 'answered' }, false)).toBe('keep-newer');
  });

  test('leave the older one in place when the newer one is silent', () => {
    expect(judgeContention({ older: 'answered', newer: 'gone' }, false)).toBe('keep-older');
    expect(judgeContention({ older: 'answered', newer: 'waiting' }, true)).toBe('keep-older');
  });
});
