import { CODES, type AuditRecord, type Instance } from '#protocol';
import { describe, expect, test } from 'vitest';
import {
  componentRows,
  historyRows,
  spanText,
} from '../../../control-plane/console/pages/instances/one/health-rows.ts';

const reason = { code: 'disk-full', message: 'm', remedy: 'r', component: 'disk', detail: null, since: 5 } as const;

function agentWith(components: Instance['agent']['components'], reasons: Instance['agent']['reasons'] = []) {
  return { agent: { components, reasons } as unknown as Instance['agent'] };
}

describe('the components of an agent', () => {
  test('that fail come first, with what is wrong, since when, and what to do', () => {
    const failing = { state: 'failing', code: 'disk-full', detail: '/var' } as const;
    const rows = componentRows(
      agentWith({ clock: { state: 'ok' }, disk: failing, authentication: { state: 'ok' } }, [reason]),
    );
    expect(rows.map(({ name, isOk }) => [name, isOk])).toEqual([
      ['disk', false],
      ['authentication', true],
      ['clock', true],
    ]);
    expect(rows[0]).toMatchObject({ since: 5, detail: '/var', remedy: CODES['disk-full'].remedy });
  });

  test('that have not failed for long have no beginning yet', () => {
    const [row] = componentRows(agentWith({ disk: { state: 'failing', code: 'disk-full', detail: null } }));
    expect(row).toMatchObject({ isOk: false, since: null, message: CODES['disk-full'].message });
  });
});

describe('the history of an agent', () => {
  const record = (sequence: number, at: number, from: string, to: string, code: string | null = null): AuditRecord => ({
    ...{
      sequence,
      at,
      code,
      actor: 'system',
      action: 'agent.state',
      resource: 'instance:x',
      decision: null,
      rule: null,
    },
    detail: { from, to },
  });

  test('says how long each state lasted, and why it came', () => {
    const rows = historyRows([
      record(3, 9_000, 'abnormal', 'running'),
      record(2, 4_000, 'running', 'abnormal', 'disk-full'),
      record(1, 1_000, 'offline', 'running', 'code-of-another-version'),
    ]);
    expect(rows.map(({ to, lastedMs }) => [to, lastedMs])).toEqual([
      ['running', null],
      ['abnormal', 5_000],
      ['running', 3_000],
    ]);
    expect(rows.map((row) => row.reason?.message ?? null)).toEqual([null, CODES['disk-full'].message, null]);
  });

  test('leaves out what tells of no state that is known', () => {
    expect(historyRows([record(1, 1, 'running', 'asleep'), { ...record(2, 2, '', ''), detail: {} }])).toEqual([]);
  });

  test.each([
    [0, /^0 sec/],
    [59_999, /^59 sec/],
    [60_000, /^1 min/],
    [7_200_000, /^2 h/],
    [3 * 86_400_000 + 1, /^3 day/],
  ])('names spans in their largest unit: %d ms', (ms, text) => {
    expect(spanText(ms)).toMatch(text);
  });
});
