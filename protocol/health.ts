import * as z from 'zod';
import { HEALTH_CODES, type HealthCode as HealthCodeName } from './codes/health.ts';
import { DETAIL_CHARS_MAX } from './limits.ts';
import { plainText } from './text.ts';

export const HealthCode = z.enum(Object.keys(HEALTH_CODES) as [HealthCodeName, ...HealthCodeName[]]);
export type HealthCode = z.infer<typeof HealthCode>;

/** What an agent watches, each by itself; the map is flat. */
export const ComponentName = z.enum([
  'account-database',
  'script-runner',
  'authentication',
  'journal',
  'trust',
  'disk',
  'clock',
  'connection',
]);
export type ComponentName = z.infer<typeof ComponentName>;

export const ComponentStatus = z.discriminatedUnion('state', [
  z.strictObject({ state: z.literal('ok') }),
  z.strictObject({
    state: z.literal('failing'),
    code: HealthCode,
    /** More for people: a path, an errno. */
    detail: plainText(DETAIL_CHARS_MAX).nullable(),
  }),
]);
export type ComponentStatus = z.infer<typeof ComponentStatus>;

export const ComponentMap = z.partialRecord(ComponentName, ComponentStatus);
export type ComponentMap = z.infer<typeof ComponentMap>;

/** The state of an agent as an operator sees it. */
export const AgentState = z.enum(['not-installed', 'installing', 'install-failed', 'running', 'offline', 'abnormal']);
export type AgentState = z.infer<typeof AgentState>;

/** A failing component that makes no reset impossible: it is shown and does not block. */
export const ADVISORY_CODES: readonly HealthCode[] = [
  'disk-low',
  'clock-skewed',
  'connection-unstable',
  'journal-damaged',
];
