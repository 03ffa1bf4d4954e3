import type { ComponentMap, ComponentStatus } from '#protocol';
import { describe, expect, test } from 'vitest';
import {
  REASON_LASTS_MS,
  applyReport,
  judgeAgent,
  type AgentFacts,
  type ReportedHealth,
} from '../../../../control-plane/server/domain/agent-health.ts';

const NOTHING: ReportedHealth = { components: {}, failingSince: {} };
const failing = (code: Extract<ComponentStatus, { state: 'failing' }>['code']): ComponentStatus => ({
  state: 'failing',
  code,
  detail: null,
});
const report = (components: ComponentMap, full = false) => ({ sequence: 1, full, components });
const facts = (health: ReportedHealth, more: Partial<AgentFacts> = {}): AgentFacts => ({
  enrolled: true,
  fenced: null,
  connected: true,
  health,
  ...more,
});

describe('the state of an agent', () => {
  test('is what is known of it, in order of weight', () => {
    const broken = applyReport(NOTHING, report({ disk: failing('disk-full') }), 0);
    const later = REASON_LASTS_MS;
    expect(judgeAgent(facts(broken, { enrolled: false }), later).state).toBe('not-installed');
    expect(judgeAgent(facts(broken, { fenced: { at: 5, code: 'identity-cloned' } }), later)).toMatchObject({
      state: 'abnormal',
      reasons: [{ code: 'identity-cloned', since: 5 }],
    });
    expect(judgeAgent(facts(broken, { connected: false }), later).state).toBe('offline');
    expect(judgeAgent(facts(broken), later).state).toBe('abnormal');
    expect(judgeAgent(facts(NOTHING), later).state).toBe('running');
  });

  test('does not flap: a reason shows once it has lasted, and says when it will', () => {
    const health = applyReport(NOTHING, report({ 'account-database': failing('account-database-read-only') }), 1_000);
    expect(judgeAgent(facts(health), 1_000 + REASON_LASTS_MS - 1)).toEqual({
      state: 'running',
      reasons: [],
      reviewAt: 1_000 + REASON_LASTS_MS,
    });
    expect(judgeAgent(facts(health), 1_000 + REASON_LASTS_MS)).toMatchObject({ state: 'abnormal', reviewAt: null });
  });

  test('recovers with the first good report', () => {
    const broken = applyReport(NOTHING, report({ disk: failing('disk-full') }), 0);
    const mended = applyReport(broken, report({ disk: { state: 'ok' } }), 60_000);
    expect(judgeAgent(facts(mended), 60_000)).toEqual({ state: 'running', reasons: [], reviewAt: null });
  });

  test('counts the age of a reason from its first report, and anew when the cause changes', () => {
    let health = applyReport(NOTHING, report({ disk: failing('disk-full') }), 0);
    health = applyReport(health, report({ disk: failing('disk-full') }), 8_000);
    expect(health.failingSince.disk).toBe(0);
    health = applyReport(health, report({ disk: failing('disk-low') }), 9_000);
    expect(health.failingSince.disk).toBe(9_000);
  });

  test('shows advice without calling the agent abnormal', () => {
    const health = applyReport(NOTHING, report({ clock: failing('clock-skewed') }), 0);
    expect(judgeAgent(facts(health), REASON_LASTS_MS)).toMatchObject({
      state: 'running',
      reasons: [{ component: 'clock', code: 'clock-skewed' }],
    });
  });

  test('forgets what a full report leaves out, and keeps what a partial one does', () => {
    const health = applyReport(NOTHING, report({ disk: failing('disk-full'), clock: { state: 'ok' } }), 0);
    expect(applyReport(health, report({ clock: { state: 'ok' } }), 1).components.disk).toBeDefined();
    expect(applyReport(health, report({ clock: { state: 'ok' } }, true), 1).components.disk).toBeUndefined();
  });
});
