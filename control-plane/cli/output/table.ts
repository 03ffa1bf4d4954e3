import { printable } from '#protocol';

const CELL_CHARS_MAX = 120;
const GAP = '  ';

/**
 * Rows in columns, as lines. Cells are made safe before they are measured, so that a hostile name can neither break out
 * of its column nor begin a line of its own.
 */
export function tableLines(header: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const clean = [header, ...rows].map((row) => row.map((cell) => printable(cell, CELL_CHARS_MAX)));
  const widths = header.map((_, column) => Math.max(...clean.map((row) => lengthOf(row[column] ?? ''))));
  return clean.map((row) =>
    row
      .map((cell, column) => pad(cell, widths[column] ?? 0))
      .join(GAP)
      .trimEnd(),
  );
}

/** Names and values, one a line. */
export function fieldLines(fields: readonly (readonly [name: string, value: string])[]): string[] {
  const width = Math.max(0, ...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}${GAP}${printable(value, CELL_CHARS_MAX * 4)}`);
}

function lengthOf(text: string): number {
  return [...text].length;
}

function pad(text: string, width: number): string {
  return text + ' '.repeat(Math.max(0, width - lengthOf(text)));
}
