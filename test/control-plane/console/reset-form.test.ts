import {
  AccountName,
  DEFAULT_PASSWORD_POLICY,
  InstanceId,
  InstanceName,
  passwordViolations,
  ProjectName,
  RID_500,
  type PlannedTarget,
} from '#protocol';
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { blockedGroups } from '../../../control-plane/console/parts/reset/blocked.ts';
import {
  emptyForm,
  planRequestOf,
  ruleTargetsOf,
  systemsOf,
  type ResetTarget,
} from '../../../control-plane/console/parts/reset/form.ts';
import { missingOf } from '../../../control-plane/console/parts/reset/missing.ts';
import { generateFor, rulesFor } from '../../../control-plane/console/parts/reset/rules.ts';

const target = (name: string, os: 'linux' | 'windows'): ResetTarget => {
  return { id: InstanceId.parse(randomUUID()), name, os };
};
const [web, db, desk] = [target('web-1', 'linux'), target('db-1', 'linux'), target('desk-1', 'windows')];
const alice = AccountName.parse('alice');
const empty = emptyForm(null);

describe('the rules of a password', () => {
  const states = (os: 'linux' | 'windows', account: typeof alice | typeof RID_500, password: string) =>
    rulesFor([{ os, account }], DEFAULT_PASSWORD_POLICY, password).map(({ state }) => state);

  test('are all open while nothing is typed', () => {
    expect(new Set(states('linux', alice, ''))).toEqual(new Set(['open']));
  });

  test('are ticked off one by one', () => {
    expect(states('linux', alice, 'abc')).toEqual(['open', 'open', 'met', 'met', 'met']);
    expect(states('linux', alice, 'Alice-2026')).toEqual(['met', 'met', 'met', 'open', 'met']);
    expect(states('linux', alice, 'Blue-2026')).toEqual(['met', 'met', 'met', 'met', 'met']);
  });

  test('about a name that only the instance knows are left to the instance', () => {
    expect(states('windows', RID_500, 'Blue-2026')).toEqual(['met', 'met', 'met', 'later', 'later', 'later', 'met']);
  });

  test('are met by what is generated', () => {
    const made = generateFor(
      [
        { os: 'linux', account: alice },
        { os: 'windows', account: RID_500 },
      ],
      { charsMin: 24, classesMin: 4 },
    );
    expect(made.length).toBeGreaterThanOrEqual(24);
    expect(passwordViolations({ os: 'windows', account: null, password: made })).toEqual([]);
  });
});

describe('the form of a reset', () => {
  test('asks for the default account where none is named', () => {
    expect(planRequestOf(empty, [web, db], null)).toMatchObject({
      targets: { instances: [web.id, db.id], tags: [] },
      account: null,
      concurrency: 50,
      stopAfterFailures: null,
      retryOf: null,
    });
    expect(ruleTargetsOf(empty, [desk])).toEqual([{ os: 'windows', account: RID_500 }]);
  });

  test.each([
    ['an account that cannot be one', { account: '-x; y' }],
    ['no concurrency', { concurrency: '' }],
    ['a concurrency beyond the limit', { concurrency: '1001' }],
    ['a stop after half a failure', { stopAfter: '0.5' }],
  ])('asks for nothing with %s', (_, wrong) => {
    expect(planRequestOf({ ...empty, ...wrong }, [web], null)).toBeNull();
  });

  test('asks for nothing with Linux and Windows mixed, or without an instance', () => {
    expect(systemsOf([desk, web, db])).toEqual(['linux', 'windows']);
    expect(planRequestOf(empty, [web, desk], null)).toBeNull();
    expect(planRequestOf(empty, [], null)).toBeNull();
  });

  test('says everything that has to be mended at once', () => {
    const form = { ...empty, account: '/', stopAfter: 'x', concurrency: '0' };
    const rules = rulesFor(ruleTargetsOf(form, [web]), DEFAULT_PASSWORD_POLICY, 'short');
    const consent = { skipBlocked: false, trustStrangers: false };
    const missing = missingOf({ form, password: 'short', again: 'shor', rules, judged: null, consent });
    expect([...missing].sort()).toEqual(['account', 'again', 'concurrency', 'password', 'stopAfter']);
  });
});

describe('what is blocked', () => {
  const planned = (name: string, project: string, code: string | null, message = 'No.') =>
    ({
      name: InstanceName.parse(name),
      project: ProjectName.parse(project),
      blocked: code === null ? null : { code, message, remedy: '' },
    }) as PlannedTarget;

  test('is told by reason, the most frequent first, with what starts the remedy', () => {
    const groups = blockedGroups([
      planned('a', 'p', 'agent-not-installed'),
      planned('b', 'p', null),
      planned('c', 'q', 'service-not-authorised'),
      planned('d', 'p', 'service-not-authorised'),
      planned('e', 'p', 'agent-abnormal', 'One cause.'),
      planned('f', 'p', 'agent-abnormal', 'Another cause.'),
    ]);
    expect(groups.map(({ code, names, projects, remedy }) => [code, names, projects, remedy])).toEqual([
      ['service-not-authorised', ['c', 'd'], ['p', 'q'], 'service'],
      ['agent-not-installed', ['a'], ['p'], 'install'],
      ['agent-abnormal', ['e'], ['p'], 'instance'],
      ['agent-abnormal', ['f'], ['p'], 'instance'],
    ]);
  });
});
