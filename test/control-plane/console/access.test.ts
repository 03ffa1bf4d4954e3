import { describe, expect, test } from 'vitest';
import { apiRequest, EMPTY_API, EMPTY_JOIN, joinRequest } from '../../../control-plane/console/pages/access/form.ts';
import { scopeOf } from '../../../control-plane/console/pages/access/rows.ts';
import { stateOf } from '../../../control-plane/console/pages/access/state.ts';
import { ProjectName } from '#protocol';

describe('an API token that somebody wants', () => {
  test('is asked for as it was typed', () => {
    const form = {
      ...EMPTY_API,
      name: ' deploy ',
      projects: 'shop, web,shop',
      accounts: 'root',
      life: 'never' as const,
    };
    expect(apiRequest(form)).toMatchObject({
      ok: true,
      request: { type: 'api', name: 'deploy', projects: ['shop', 'web'], accounts: ['root'], ttlMs: null },
    });
    const all = apiRequest({ ...EMPTY_API, name: 'x' });
    expect(all).toMatchObject({ ok: true, request: { projects: null, accounts: null, privileged: false } });
  });

  test('is refused with everything that is wrong', () => {
    const form = { ...EMPTY_API, name: ' ', projects: 'Not A Project', accounts: 'a/../b\n' };
    expect(apiRequest(form)).toMatchObject({ ok: false, problems: ['name', 'projects', 'accounts'] });
  });
});

describe('a join token that somebody wants', () => {
  test('is for new hosts, or for one instance', () => {
    expect(joinRequest({ ...EMPTY_JOIN, uses: '5' })).toMatchObject({ ok: true, request: { instance: null, uses: 5 } });
    const bound = joinRequest({ ...EMPTY_JOIN, instance: 'web-1', reEnrol: true });
    expect(bound).toMatchObject({ ok: true, request: { instance: 'web-1', reEnrol: true, uses: 1 } });
  });

  test.each([
    [{ uses: '0' }, ['uses']],
    [{ uses: '1e3' }, ['uses']],
    [{ uses: '10001' }, ['uses']],
    [{ uses: '2', instance: 'web-1' }, ['uses']],
    [{ instance: 'Web 1' }, ['instance']],
    [{ project: '' }, ['project']],
    [{ reEnrol: true }, ['reEnrol']],
  ])('%j is refused', (part, problems) => {
    expect(joinRequest({ ...EMPTY_JOIN, ...part })).toEqual({ ok: false, problems });
  });
});

test('a token is good until it is revoked, ends, or is used up', () => {
  const token = { revokedAt: null, expiresAt: null, usesLeft: null };
  expect(stateOf(token, 10)).toBe('good');
  expect(stateOf({ ...token, usesLeft: 0 }, 10)).toBe('used-up');
  expect(stateOf({ ...token, expiresAt: 10 }, 10)).toBe('expired');
  expect(stateOf({ ...token, expiresAt: 5, revokedAt: 4 }, 10)).toBe('revoked');
});

test('what a token is good for is said in words', () => {
  const token = { type: 'api' as const, projects: null, accounts: ['root'], privileged: true, usesLeft: null };
  expect(scopeOf(token)).toBe('all projects; accounts root; privileged accounts, too');
  const join = { ...token, type: 'join' as const, projects: [ProjectName.parse('shop')], usesLeft: 1 };
  expect(scopeOf(join)).toBe('project shop; one more use');
});
