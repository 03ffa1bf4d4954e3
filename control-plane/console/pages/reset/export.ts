import type { Reset } from '#protocol';
import { csvLine } from '../../parts/export.ts';
import { remedyOf } from '../../parts/remedy.ts';
import { texts } from '../../texts/index.ts';
import type { Row } from './row.ts';

const COLUMNS = [
  'instance',
  'instanceId',
  'os',
  'account',
  'state',
  'proof',
  'verifiedBy',
  'warnings',
  'code',
  'message',
  'remedy',
  'detail',
  'appliedMs',
  'verifiedMs',
  'updatedAt',
] as const;

type Cells = Record<(typeof COLUMNS)[number], string | number | null>;

/** One line a task, for people. `proof` says whether this browser has checked the instance's signature. */
export function csvOf(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const cells = cellsOf(row);
    return csvLine(COLUMNS.map((column) => cells[column]));
  });
  return [csvLine(COLUMNS), ...lines].join('');
}

function cellsOf(row: Row): Cells {
  const { code, remedy, warnings, updatedAt } = row;
  return {
    ...row,
    remedy: code === null || remedy === null ? remedy : remedyOf({ code, remedy }),
    warnings: warnings.map((warning) => texts.reset.progress.warnings[warning]).join(' '),
    updatedAt: new Date(updatedAt).toISOString(),
  };
}

/** The reset and all of its tasks; names of fields as the API has them. */
export function jsonTextOf(reset: Reset, rows: readonly Row[]): string {
  const { id, mode, account, options, requestedBy, requestedAt, finishedAt, counts } = reset;
  const tasks = rows.map((row) => Object.fromEntries(COLUMNS.map((name): [string, unknown] => [name, row[name]])));
  return `${JSON.stringify({ id, mode, account, options, requestedBy, requestedAt, finishedAt, counts, tasks }, null, 2)}\n`;
}
