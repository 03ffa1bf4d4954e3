import {
  ADVISORY_CODES,
  AgentState,
  API_CODES,
  explain,
  HealthCode,
  PowerState,
  ResetMode,
  type AccountRef,
  type ApiCode,
  type InstanceId,
  type ProjectName,
  type ResetOptions,
  type Signed,
  type TokenId,
} from '#protocol';
import { describe, expect, test } from 'vitest';
import type { Actor } from '../../../../control-plane/server/domain/actor.ts';
import { applyReport, judgeAgent, REASON_LASTS_MS } from '../../../../control-plane/server/domain/agent-health.ts';
import { judgeReset, type ResetQuestion } from '../../../../control-plane/server/domain/readiness.ts';
import { blockedReason } from '../../../../control-plane/server/service/resets/readiness.ts';
import type { InstanceRecord } from '../../../../control-plane/server/store/records.ts';

const PROJECT = 'blue' as ProjectName;
const ACCOUNT = 'alice' as AccountRef;
const yesOrNo = [true, false] as const;

const holder = (more: Partial<Actor> = {}): Actor => ({
  tokenId: '6f0d6a3e-41d4-4a70-9a0f-3f1f3a0e8a01' as TokenId,
  name: 'test',
  role: 'operator',
  projects: null,
  accounts: null,
  privileged: false,
  expiresAt: null,
  ...more,
});

/** Who may ask for this reset, and who may not: each way of not being allowed once. */
const ACTORS = {
  allowed: [
    holder(),
    holder({ role: 'administrator', privileged: true }),
    holder({ projects: [PROJECT], accounts: [ACCOUNT] }),
  ],
  denied: [
    null,
    holder({ role: 'viewer' }),
    holder({ projects: ['green' as ProjectName] }),
    holder({ accounts: ['bob'] }),
  ],
} as const;

/** All that a reset of one account of one instance is decided by. */
interface Situation {
  readonly actor: keyof typeof ACTORS;
  readonly mode: ResetMode;
  readonly service: 'on' | 'off';
  readonly identity: 'whole' | 'fenced';
  readonly power: PowerState;
  readonly agent: AgentState;
  readonly key: 'certified' | 'none';
  readonly other: 'none' | 'unfinished';
  readonly supersede: boolean;
}

const DIMENSIONS: { readonly [K in keyof Situation]: readonly Situation[K][] } = {
  actor: ['allowed', 'denied'],
  mode: ResetMode.options,
  service: ['on', 'off'],
  identity: ['whole', 'fenced'],
  power: PowerState.options,
  agent: AgentState.options,
  key: ['certified', 'none'],
  other: ['none', 'unfinished'],
  supersede: yesOrNo,
};

const OPTIONS: readonly ResetOptions[] = yesOrNo.flatMap((unlock) =>
  yesOrNo.flatMap((unexpire) => yesOrNo.map((mustChange) => ({ unlock, unexpire, mustChange }))),
);

/** Every situation that there is, made from the values that there are: a value that is added comes in by itself. */
function allSituations(): Situation[] {
  const names = Object.keys(DIMENSIONS) as (keyof Situation)[];
  const combined = names.reduce<Partial<Situation>[]>(
    (rows, name) => rows.flatMap((row) => DIMENSIONS[name].map((value) => ({ ...row, [name]: value }))),
    [{}],
  );
  return combined as Situation[];
}

type Condition = { readonly [K in keyof Situation]?: Situation[K] | readonly Situation[K][] };

const may = { actor: 'allowed', mode: 'online', service: 'on' } as const;
const up = { ...may, identity: 'whole', power: ['running', 'unknown'] } as const;
const ready = { ...up, agent: 'running', key: 'certified' } as const;

/** The decision, as people read it. What a row does not name may be anything; no two rows fit the same situation. */
const TABLE: readonly (readonly [Condition, ApiCode | null])[] = [
  [{ actor: 'denied' }, 'account-not-authorised'],
  [{ actor: 'allowed', mode: 'offline' }, 'plug-in-missing'],
  [{ actor: 'allowed', mode: 'online', service: 'off' }, 'service-not-authorised'],
  [{ ...may, identity: 'fenced' }, 'agent-fenced'],
  [{ ...may, identity: 'whole', power: 'stopped' }, 'instance-stopped'],
  [{ ...up, agent: 'not-installed' }, 'agent-not-installed'],
  [{ ...up, agent: 'installing' }, 'agent-installing'],
  [{ ...up, agent: 'install-failed' }, 'agent-install-failed'],
  [{ ...up, agent: 'offline' }, 'agent-offline'],
  [{ ...up, agent: 'abnormal' }, 'agent-abnormal'],
  [{ ...up, agent: 'running', key: 'none' }, 'agent-offline'],
  [{ ...ready, other: 'unfinished', supersede: false }, 'reset-in-progress'],
  [{ ...ready, other: 'unfinished', supersede: true }, null],
  [{ ...ready, other: 'none' }, null],
];

const fits = (situation: Situation, condition: Condition) =>
  (Object.keys(condition) as (keyof Situation)[]).every((name) => {
    const wanted: unknown = condition[name];
    return Array.isArray(wanted) ? wanted.includes(situation[name]) : situation[name] === wanted;
  });

function question(situation: Situation, actor: Actor | null, options: ResetOptions): ResetQuestion {
  const { mode, service, identity, power, agent, key, other, supersede } = situation;
  return {
    actor,
    target: {
      id: '1f0d6a3e-41d4-4a70-9a0f-3f1f3a0e8a01' as InstanceId,
      project: PROJECT,
      power,
      agentState: agent,
      fencedAt: identity === 'fenced' ? 1 : null,
      sealingKey: key === 'none' ? null : ({} as Signed),
    },
    serviceEnabled: service === 'on',
    reset: { mode, options, account: ACCOUNT },
    unfinished: other === 'unfinished',
    supersede,
  };
}

describe('whether a reset may start', () => {
  const situations = allSituations();

  test('is said for every situation, by one row of the table each', () => {
    const product = Object.values(DIMENSIONS).reduce((count, values) => count * values.length, 1);
    expect(situations).toHaveLength(product);
    const ambiguous = situations.filter(
      (situation) => TABLE.filter(([condition]) => fits(situation, condition)).length !== 1,
    );
    expect(ambiguous).toEqual([]);
    const unused = TABLE.filter(([condition]) => !situations.some((situation) => fits(situation, condition)));
    expect(unused).toEqual([]);
  });

  test.each(TABLE)('%o is %s, whoever asks in that way and whatever options', (condition, code) => {
    const wrong = situations
      .filter((situation) => fits(situation, condition))
      .flatMap((situation) =>
        ACTORS[situation.actor].flatMap((actor) => OPTIONS.map((options) => question(situation, actor, options))),
      )
      .filter((asked) => judgeReset(asked) !== code);
    expect(wrong).toEqual([]);
  });

  test('is decided by what was asked alone: the size of the batch changes nothing', () => {
    const [situation] = situations.filter((each) => fits(each, { ...ready, other: 'none' }));
    if (situation === undefined) throw new Error('the table has no situation in which a reset may start');
    const asked = question(situation, holder(), { unlock: false, unexpire: false, mustChange: false });
    for (const batchSize of [1, 10_000])
      expect(judgeReset({ ...asked, reset: { ...asked.reset, batchSize } })).toBeNull();
  });
});

describe('what stops a reset', () => {
  const CODES = [...new Set(TABLE.flatMap(([, code]) => (code === null ? [] : [code])))];
  const shown = (code: ApiCode, health: HealthCode | null) => {
    const reasons = health === null ? [] : [{ component: null, code: health, detail: null, since: 1 }];
    // Of an instance, only its reasons are looked at.
    return blockedReason(code, { reasons } as unknown as InstanceRecord);
  };
  const sentence = expect.stringMatching(/^[A-Z].{8,}\.$/s) as string;

  test.each(CODES)('%s comes with a sentence and a remedy', (code) => {
    expect(API_CODES[code].status).toBeGreaterThanOrEqual(400);
    expect(shown(code, null)).toEqual({ code, message: sentence, remedy: expect.stringMatching(/.{8,}/) as string });
  });

  test.each(HealthCode.options)(
    '%s is named behind an agent that is abnormal or offline, with its own remedy',
    (health) => {
      for (const code of ['agent-abnormal', 'agent-offline'] as const) {
        const { message, remedy } = shown(code, health);
        expect(message).toBe(`${explain(code).message} ${explain(health).message}`);
        expect(remedy).toBe(explain(health).remedy);
      }
    },
  );

  test.each(HealthCode.options)('%s makes an agent abnormal, unless it is advice', (code) => {
    const components = { disk: { state: 'failing', code, detail: null } } as const;
    const nothing = { components: {}, failingSince: {} };
    const health = applyReport(nothing, { sequence: 1, full: true, components }, 0);
    const verdict = judgeAgent({ enrolled: true, fenced: null, connected: true, health }, REASON_LASTS_MS);
    expect(verdict.state).toBe(ADVISORY_CODES.includes(code) ? 'running' : 'abnormal');
    expect(verdict.reasons).toMatchObject([{ code }]);
  });
});
