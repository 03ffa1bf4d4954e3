import { explainWarning, tallyOf, type Outcome, type ResetId, type ResetMode } from '#protocol';
import { countText, durationText } from '../output/format.ts';
import { tableLines } from '../output/table.ts';
import type { Ending } from './outcome.ts';

/** Up to this many instances, each gets a line at the end; beyond, the failures were shown and the counts follow. */
const TABLE_ROWS_MAX = 40;

export interface Report {
  readonly id: ResetId;
  readonly mode: ResetMode;
  readonly account: string | null;
  /** The reset as a whole, where it was asked for. */
  readonly batch?: Readonly<Record<string, unknown>>;
  readonly ending: Ending;
  readonly outcomes: readonly Outcome[];
  /** The generated password of an instance as text; null where there is none to show. */
  readonly revealed: ReadonlyMap<string, string>;
  /** Whether all instances got the same generated password. */
  readonly samePassword: boolean;
  /** A line for each instance, however many there are. */
  readonly everyRow?: boolean;
}

/** What `--json` prints: the fields are a promise. `password` is there only with `--generate`, see `InForce`. */
export function reportJson({ id, mode, account, batch = {}, outcomes, revealed }: Report): unknown {
  return {
    id,
    mode,
    account,
    ...batch,
    tasks: outcomes.map((outcome) => {
      const { instance, state, code, message, verifiedBy, warnings, appliedMs, verifiedMs } = outcome;
      const password = revealed.get(outcome.instanceId);
      const task = { instance, state, code, message, verifiedBy, warnings, appliedMs, verifiedMs };
      return password === undefined ? task : { ...task, password };
    }),
  };
}

/** The report for people, without passwords. */
export function reportLines(report: Report): string[] {
  const { outcomes, ending } = report;
  const lines = [summaryLine(report)];
  if (outcomes.length > TABLE_ROWS_MAX && report.everyRow !== true) {
    const worth = outcomes.filter(({ state, code }) => state === 'blocked' || code === 'result-unproven');
    if (ending === 'dry-run') lines.push(...worth.slice(0, TABLE_ROWS_MAX).flatMap(rowNotes));
    lines.push(`Each instance: latchkey resets show ${report.id}`);
    return lines;
  }
  const rows = outcomes.map((outcome) => [outcome.instance, stateText(outcome), proofText(outcome), timeText(outcome)]);
  return [...tableLines(['INSTANCE', 'STATE', 'PROVEN BY', 'AFTER'], rows), ...outcomes.flatMap(rowNotes), ...lines];
}

function summaryLine({ ending, outcomes, id }: Report): string {
  const { total, succeeded, failed, blocked, pending } = tallyOf(outcomes);
  switch (ending) {
    case 'dry-run':
      return `${countText(total - blocked, 'instance')} can be reset, ${blocked} blocked. Nothing was changed.`;
    case 'accepted':
      return `Accepted for ${countText(total - blocked, 'instance')}, ${blocked} blocked. Watch: latchkey resets watch ${id}`;
    case 'detached':
    case 'watched':
      return `${succeeded} of ${total} succeeded, ${failed} failed, ${blocked} blocked, ${pending} pending.`;
    default:
      return ending satisfies never;
  }
}

function stateText({ state }: Outcome): string {
  return state ?? 'ready';
}

const PROOFS = { login: 'login', authenticate: 'authentication only', hash: 'stored hash only' } as const;

function proofText({ verifiedBy }: Outcome): string {
  return verifiedBy === null ? '-' : PROOFS[verifiedBy];
}

function timeText({ verifiedMs, appliedMs }: Outcome): string {
  const spanMs = verifiedMs ?? appliedMs;
  return spanMs === null ? '-' : durationText(spanMs);
}

/** Below the table: why not, what to do, and what stands in the way of a login although the password is right. */
function rowNotes({ instance, code, message, remedy, detail, warnings }: Outcome): string[] {
  const why = code === null ? [] : [`${instance}: ${message ?? ''}${detail === null ? '' : ` (${detail})`} [${code}]`];
  const what = code === null || remedy === null ? [] : [`  ${remedy}`];
  return [...why, ...what, ...warnings.map((warning) => `${instance}: ${explainWarning(warning)}`)];
}

/**
 * Generated passwords for people, on standard output only: one, or one an instance. Those that are surely not in force
 * are left out; where it is not proven that they are, this is said.
 */
export function passwordLines({ outcomes, revealed, samePassword }: Report): string[] {
  const shown = outcomes.flatMap((outcome) => {
    const password = revealed.get(outcome.instanceId);
    return password === undefined ? [] : [{ ...outcome, password }];
  });
  const [first] = shown;
  if (first === undefined) return [];
  const open = shown.filter(({ inForce }) => inForce !== 'proven').length;
  if (!samePassword) {
    const rows = shown.map(({ instance, password, inForce }) => [instance, password, FORCE[inForce]]);
    return open === 0
      ? tableLines(
          ['INSTANCE', 'PASSWORD'],
          rows.map((row) => row.slice(0, 2)),
        )
      : tableLines(['INSTANCE', 'PASSWORD', 'IN FORCE'], rows);
  }
  const line = `Password, on ${countText(shown.length, 'instance')}: ${first.password}`;
  return open === 0 ? [line] : [line, `It may be in force on ${open} of them; on the others that is proven.`];
}

const FORCE = { no: 'no', possible: 'may be', proven: 'yes' } as const;

/** Which generated passwords to show. */
export function revealable(outcomes: readonly Outcome[]): Outcome[] {
  return outcomes.filter(({ inForce }) => inForce !== 'no');
}
