import type { ComponentMap, ComponentName, ComponentStatus } from '#protocol';
import { isSkewed } from './wall-clock.ts';

/** What the control plane has been told in this session, and what is true now. */
export interface HealthReport {
  readonly current: ComponentMap;
  readonly told: ComponentMap;
  /** Of the last frame of this session. */
  readonly sequence: number;
}

export interface HealthMessage {
  readonly sequence: number;
  readonly full: boolean;
  readonly components: ComponentMap;
}

export const NO_REPORT: HealthReport = { current: {}, told: {}, sequence: 0 };

/** Latest wins: what was not sent in time is never sent. */
export function observe(report: HealthReport, components: ComponentMap): HealthReport {
  return { ...report, current: { ...report.current, ...components } };
}

/** The next frame: everything, or what has changed since the last; null when there is nothing to say. */
export function nextMessage(report: HealthReport, full: boolean): readonly [HealthReport, HealthMessage | null] {
  const components = full ? report.current : changes(report.told, report.current);
  if (!full && Object.keys(components).length === 0) return [report, null];
  const sequence = report.sequence + 1;
  return [
    { ...report, told: report.current, sequence },
    { sequence, full, components },
  ];
}

/** A new session knows nothing of what the last was told. */
export function forNewSession(report: HealthReport): HealthReport {
  return { ...report, told: {}, sequence: 0 };
}

function changes(told: ComponentMap, current: ComponentMap): ComponentMap {
  const names = Object.keys(current) as ComponentName[];
  return Object.fromEntries(
    names.filter((name) => !isSame(told[name], current[name])).map((name) => [name, current[name]]),
  );
}

/** Whether two words on a component say the same; details count, since they name paths. */
export function isSame(a: ComponentStatus | undefined, b: ComponentStatus | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  if (a.state === 'ok' || b.state === 'ok') return a.state === b.state;
  return a.code === b.code && a.detail === b.detail;
}

/** Within this span, in milliseconds, that many losses make a connection unstable; it is stable again when they age out. */
export const LOSS_WINDOW_MS = 5 * 60_000;
export const LOSSES_MAX = 3;

/** `losses`: when live sessions broke, monotonic. */
export function judgeConnection(losses: readonly number[], monotonicMs: number): ComponentStatus {
  const recent = losses.filter((at) => monotonicMs - at < LOSS_WINDOW_MS).length;
  if (recent < LOSSES_MAX) return { state: 'ok' };
  return { state: 'failing', code: 'connection-unstable', detail: `${String(recent)} losses within 5 minutes` };
}

/** `skewMs`: how far the clock of the instance is ahead of the control plane's; null while that is not known. */
export function judgeClock(skewMs: number | null): ComponentStatus {
  if (skewMs === null || !isSkewed(skewMs)) return { state: 'ok' };
  // Whole minutes: the exact figure would be news at every look.
  const minutes = Math.round(skewMs / 60_000);
  const detail = `${String(Math.abs(minutes))} minutes ${minutes > 0 ? 'ahead' : 'behind'}`;
  return { state: 'failing', code: 'clock-skewed', detail };
}
