import { utf8 } from '../encoding.ts';
import { BODY_BYTES_MAX, INSTANCES_PER_IMPORT_MAX } from '../limits.ts';
import { AddInstance, parseTag } from './instances.ts';

const ENVELOPE_BYTES = 1024;

export interface ImportLine {
  /** From 1. */
  readonly line: number;
  readonly instance: AddInstance;
}

export interface ImportProblem {
  readonly line: number;
  readonly message: string;
}

/** What every client imports from: instances of a file in CSV or JSON lines (a line that begins with `{`), and everything that is wrong with it. */
export function parseInstanceFile(text: string): { lines: ImportLine[]; problems: ImportProblem[] } {
  const lines: ImportLine[] = [];
  const problems: ImportProblem[] = [];
  const seen = new Map<string, number>();
  text.split(/\r?\n/).forEach((raw, at) => {
    const line = at + 1;
    const content = raw.trim();
    if (content === '' || content.startsWith('#') || (lines.length === 0 && isHeader(content))) return;
    const row = content.startsWith('{') ? jsonRow(content) : csvRow(content);
    if (typeof row === 'string') {
      problems.push({ line, message: row });
      return;
    }
    const parsed = AddInstance.safeParse(row);
    if (!parsed.success) {
      const message = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).join('; ');
      problems.push({ line, message });
      return;
    }
    const before = seen.get(parsed.data.name);
    if (before !== undefined) problems.push({ line, message: `the name stands in line ${before} already` });
    seen.set(parsed.data.name, line);
    lines.push({ line, instance: parsed.data });
  });
  if (lines.length === 0 && problems.length === 0) problems.push({ line: 1, message: 'the file holds no instance' });
  return { lines, problems };
}

function isHeader(content: string): boolean {
  return /^name,os(,|$)/i.test(content);
}

/** The row as an object for the schema, or what is wrong with it. */
function jsonRow(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return 'is not JSON';
  }
}

const COLUMNS_MAX = 4;

function csvRow(content: string): unknown {
  const cells = csvCells(content);
  if (cells === null) return 'a quotation mark is not closed';
  if (cells.length > COLUMNS_MAX) return 'has more than four columns';
  const [name, os, project = '', tagsCell = ''] = cells.map((cell) => cell.trim());
  const tags: Record<string, string> = {};
  for (const part of tagsCell.split(';').map((text) => text.trim())) {
    if (part === '') continue;
    const tag = parseTag(part);
    if (tag === null) return 'a tag is not KEY=VALUE';
    tags[tag.key] = tag.value;
  }
  return { name, os, tags, ...(project === '' ? {} : { project }) };
}

/** The cells of one line (RFC 4180, without line breaks in quotes); null when a quotation mark is not closed. */
function csvCells(content: string): string[] | null {
  const cells: string[] = [];
  let at = 0;
  while (at <= content.length) {
    const match = /"((?:[^"]|"")*)"(?=,|$)|([^,"]*)(?=,|$)/y;
    match.lastIndex = at;
    const found = match.exec(content);
    if (found === null) return null;
    cells.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '');
    at = match.lastIndex + 1;
  }
  return cells;
}

/** What goes into one request each: within its limits of rows and bytes. */
export function importChunks(lines: readonly ImportLine[]): ImportLine[][] {
  const chunks: ImportLine[][] = [];
  let bytes = Infinity;
  for (const line of lines) {
    const size = utf8(JSON.stringify(line.instance)).length + 1;
    const chunk = chunks.at(-1);
    if (chunk !== undefined && chunk.length < INSTANCES_PER_IMPORT_MAX && bytes + size <= BODY_BYTES_MAX) {
      chunk.push(line);
      bytes += size;
    } else {
      chunks.push([line]);
      bytes = ENVELOPE_BYTES + size;
    }
  }
  return chunks;
}
