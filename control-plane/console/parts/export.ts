export type ExportFormat = 'csv' | 'json' | 'jsonl';

/** Beyond it a browser holds too much at once: the command line goes on where this ends. */
export const EXPORT_ROWS_MAX = 50_000;

type Cell = string | number | boolean | null;

/**
 * What spreadsheet programs take for the beginning of a formula: at the beginning of a cell, and wherever one begins for a
 * program that parts cells at semicolons, tabs or line breaks, as in many countries; also behind space and quotes, which
 * they drop.
 */
const FORMULA = /(?<=(?:^|[;\t\r\n])(?:[^\S\t\r\n]|[\0"])*)(?=[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/gu;

/** One line of RFC 4180, with its end. All text is quoted, and what a spreadsheet would run is made text by an apostrophe. */
export function csvLine(cells: readonly Cell[]): string {
  return `${cells.map(csvCell).join(',')}\r\n`;
}

function csvCell(cell: Cell): string {
  if (cell === null) return '';
  if (typeof cell !== 'string') return String(cell);
  const inert = cell.replace(FORMULA, "'").replace(/^(?=[\t\r])/, "'");
  return `"${inert.replaceAll('"', '""')}"`;
}

/** One JSON object in a line of its own. */
export function jsonLine(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** What a file is called: what it is, and when it was made; without what file systems refuse. */
export function exportName(what: string, format: ExportFormat, now: Date): string {
  return `latchkey-${what}-${now.toISOString().slice(0, 19).replaceAll(':', '')}Z.${format}`;
}

interface Page<T> {
  readonly items: readonly T[];
  readonly nextCursor: string | null;
}

interface Walk<T> {
  /** One page of the listing. */
  readonly page: (after: string | null) => Promise<Page<T>>;
  /** The text of one row. */
  readonly row: (item: T) => string;
  /** How many rows there are so far. */
  readonly progress: (rows: number) => void;
  readonly rowsMax?: number;
}

export interface Exported {
  /** One for each page, to be put together by who writes the file. */
  readonly parts: readonly string[];
  readonly rows: number;
  /** Whether there were more than may be. */
  readonly cut: boolean;
}

/** All rows of a listing, page by page, up to a limit. Rejects as `page` does, also when it is stopped. */
export async function exportRows<T>({ page, row, progress, rowsMax = EXPORT_ROWS_MAX }: Walk<T>): Promise<Exported> {
  const parts: string[] = [];
  let rows = 0;
  let after: string | null = null;
  do {
    const { items, nextCursor }: Page<T> = await page(after);
    const kept = items.slice(0, rowsMax - rows);
    parts.push(kept.map(row).join(''));
    rows += kept.length;
    progress(rows);
    if (rows >= rowsMax) return { parts, rows, cut: kept.length < items.length || nextCursor !== null };
    after = nextCursor;
  } while (after !== null);
  return { parts, rows, cut: false };
}
