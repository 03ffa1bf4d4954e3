import { explainWarning, type Reset } from '#protocol';
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

/** One line a task, RFC 4180. `proof` says whether this browser has checked the instance's signature. */
export function csvOf(rows: readonly Row[]): string {
  const lines = rows.map((row) => {
    const cells = cellsOf(row);
    return COLUMNS.map((column) => csvCell(cells[column])).join(',');
  });
  return [COLUMNS.join(','), ...lines, ''].join('\r\n');
}

function cellsOf(row: Row): Cells {
  return {
    ...row,
    warnings: row.warnings.map(explainWarning).join('; '),
    updatedAt: new Date(row.updatedAt).toISOString(),
  };
}

/** Spreadsheets take a cell that begins like this for a formula, whoever wrote it; a quote before it keeps it text. */
const FORMULA = /^[=+\-@\t\r]/;

function csvCell(value: string | number | null): string {
  if (value === null) return '';
  const text = typeof value === 'string' && FORMULA.test(value) ? `'${value}` : String(value);
  return /[",\r\n]/.test(text) || text !== text.trim() ? `"${text.replaceAll('"', '""')}"` : text;
}

/** The reset and all of its tasks; names of fields as the API has them. */
export function jsonTextOf(reset: Reset, rows: readonly Row[]): string {
  const { id, mode, account, options, requestedBy, requestedAt, finishedAt, counts } = reset;
  const tasks = rows.map((row) => Object.fromEntries(COLUMNS.map((name): [string, unknown] => [name, row[name]])));
  return `${JSON.stringify({ id, mode, account, options, requestedBy, requestedAt, finishedAt, counts, tasks }, null, 2)}\n`;
}
