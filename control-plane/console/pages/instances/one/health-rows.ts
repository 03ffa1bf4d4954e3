import {
  CODES,
  type AgentState,
  AgentState as States,
  type AuditRecord,
  type ComponentName,
  type Instance,
} from '#protocol';
import { remedyOf } from '../../../parts/remedy.ts';

/** How one component of an agent is. */
export interface ComponentRow {
  readonly name: ComponentName;
  readonly isOk: boolean;
  /** Null while it is well, and while it has not failed for long enough to count. */
  readonly since: number | null;
  readonly message: string | null;
  readonly detail: string | null;
  readonly remedy: string | null;
}

/** Every component that the agent reports, those that fail first. */
export function componentRows({ agent }: Pick<Instance, 'agent'>): ComponentRow[] {
  const rows = Object.entries(agent.components).map(([key, status]): ComponentRow => {
    const name = key as ComponentName;
    if (status.state === 'ok') {
      return { name, isOk: true, since: null, message: null, detail: null, remedy: null };
    }
    const reason = agent.reasons.find((one) => one.component === name && one.code === status.code);
    const { code, detail } = status;
    const { message, remedy } = CODES[code];
    const since = reason?.since ?? null;
    return { name, isOk: false, since, message, detail, remedy: remedyOf({ code, remedy }) };
  });
  return rows.toSorted((a, b) => Number(a.isOk) - Number(b.isOk) || a.name.localeCompare(b.name));
}

/** One change of an agent's state, with how long the new state lasted. */
export interface HistoryRow {
  readonly sequence: number;
  readonly at: number;
  readonly from: AgentState;
  readonly to: AgentState;
  /** Until the next change; null for the newest, which lasts. Milliseconds. */
  readonly lastedMs: number | null;
  /** Why, and what to do; null where nothing was wrong. */
  readonly reason: { readonly message: string; readonly remedy: string } | null;
}

/** The history that records of `agent.state` tell, newest first. What is no such record is left out. */
export function historyRows(records: readonly AuditRecord[]): HistoryRow[] {
  const rows: HistoryRow[] = [];
  for (const { sequence, at, code, detail } of records) {
    const from = States.safeParse(detail['from']);
    const to = States.safeParse(detail['to']);
    if (!from.success || !to.success) continue;
    const next = rows.at(-1);
    const lastedMs = next === undefined ? null : Math.max(0, next.at - at);
    rows.push({ sequence, at, from: from.data, to: to.data, lastedMs, reason: reasonOf(code) });
  }
  return rows;
}

function reasonOf(code: string | null): HistoryRow['reason'] {
  if (code === null || !Object.hasOwn(CODES, code)) return null;
  const { message, remedy } = CODES[code as keyof typeof CODES];
  return { message, remedy: remedyOf({ code, remedy }) };
}

const UNITS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1_000],
] as const;

/** A span in its largest unit, as people say it: a history wants the size of it, not the digits. */
export function spanText(ms: number): string {
  const [unit, length] = UNITS.find(([, size]) => ms >= size) ?? (['second', 1_000] as const);
  const format = new Intl.NumberFormat(undefined, { style: 'unit', unit, unitDisplay: 'long' });
  return format.format(Math.floor(ms / length));
}
