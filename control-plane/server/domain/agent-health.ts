import {
  ADVISORY_CODES,
  type AgentState,
  type Code,
  type ComponentMap,
  type ComponentName,
  type HealthCode,
} from '#protocol';

/** A failing component shows, and blocks, once it has failed for this long: no flapping. */
export const REASON_LASTS_MS = 10_000;

/** Since when each failing component has been failing with the code that it has now. */
export type FailingSince = Partial<Record<ComponentName, number>>;

export interface ReportedHealth {
  readonly components: ComponentMap;
  readonly failingSince: FailingSince;
}

export interface HealthReport {
  readonly sequence: number;
  readonly full: boolean;
  readonly components: ComponentMap;
}

/** What is known after a report. A code that stays keeps its age; another code begins anew. */
export function applyReport(known: ReportedHealth, report: HealthReport, now: number): ReportedHealth {
  const components: ComponentMap = report.full
    ? { ...report.components }
    : { ...known.components, ...report.components };
  const failingSince: FailingSince = {};
  for (const [name, status] of entriesOf(components)) {
    if (status.state !== 'failing') continue;
    const before = known.components[name];
    const same = before?.state === 'failing' && before.code === status.code;
    failingSince[name] = (same ? known.failingSince[name] : undefined) ?? now;
  }
  return { components, failingSince };
}

export function entriesOf(components: ComponentMap) {
  return (Object.keys(components) as ComponentName[]).flatMap((name) => {
    const status = components[name];
    return status === undefined ? [] : [[name, status] as const];
  });
}

export interface Reason {
  /** Null for what the control plane found itself. */
  readonly component: ComponentName | null;
  readonly code: Code;
  readonly detail: string | null;
  readonly since: number;
}

export interface AgentFacts {
  readonly enrolled: boolean;
  /** When the identity was fenced, and the code of it. */
  readonly fenced: { readonly at: number; readonly code: HealthCode } | null;
  readonly connected: boolean;
  readonly health: ReportedHealth;
}

export interface AgentVerdict {
  readonly state: AgentState;
  readonly reasons: readonly Reason[];
  /** When a reason that is too young now will show; null when time alone changes nothing. */
  readonly reviewAt: number | null;
}

/** The state of an agent as an operator sees it. */
export function judgeAgent(facts: AgentFacts, now: number): AgentVerdict {
  if (!facts.enrolled) return { state: 'not-installed', reasons: [], reviewAt: null };
  if (facts.fenced !== null) {
    const { at, code } = facts.fenced;
    return { state: 'abnormal', reasons: [{ component: null, code, detail: null, since: at }], reviewAt: null };
  }
  if (!facts.connected) return { state: 'offline', reasons: [], reviewAt: null };
  const { reasons, reviewAt } = lastingReasons(facts.health, now);
  const blocking = reasons.some((reason) => !ADVISORY_CODES.some((code) => code === reason.code));
  return { state: blocking ? 'abnormal' : 'running', reasons, reviewAt };
}

function lastingReasons(health: ReportedHealth, now: number) {
  const reasons: Reason[] = [];
  let reviewAt: number | null = null;
  for (const [component, status] of entriesOf(health.components)) {
    if (status.state !== 'failing') continue;
    const since = health.failingSince[component] ?? now;
    const showsAt = since + REASON_LASTS_MS;
    if (showsAt <= now) reasons.push({ component, code: status.code, detail: status.detail, since });
    else reviewAt = Math.min(reviewAt ?? showsAt, showsAt);
  }
  return { reasons, reviewAt };
}
