import { stripVTControlCharacters, styleText } from 'node:util';

/** Says what happens, on standard output: plain lines, with colour and weight on a terminal that wants them. */
export interface Narrator {
  /** A line by itself, never broken: it may be there to be copied. */
  say(line?: string): void;
  /** A sentence by itself. */
  prose(line: string): void;
  heading(line: string): void;
  /** A line with the time since the beginning. */
  done(line: string): void;
  /** Lines that belong to the one above, as they are. */
  quote(lines: readonly string[]): void;
  /** Rows with columns of one width; the words `accepted` and `refused` stand out. */
  table(rows: readonly (readonly string[])[]): void;
  /** Time since the beginning, as text. */
  elapsed(): string;
}

const INDENT = ' '.repeat(11);
/** Narrower than this, indentation leaves no room for words. */
const WRAPPED_COLUMNS_MIN = 40;
/** Longer lines are hard to read, however wide the terminal. */
const WRAPPED_COLUMNS_MAX = 110;

export function createNarrator(out: NodeJS.WriteStream): Narrator {
  const started = performance.now();
  // Without a terminal, or with NO_COLOR, the text comes back as it was.
  const style = (format: Parameters<typeof styleText>[0], text: string): string =>
    styleText(format, text, { stream: out });
  const write = (line: string): void => {
    out.write(`${line.trimEnd()}\n`);
  };
  // On a terminal, words stay whole and under the text they belong to; elsewhere a line is a line.
  const wrapped = (line: string, indent = ''): string[] => {
    const columns = out.isTTY ? Math.min(out.columns, WRAPPED_COLUMNS_MAX) : Infinity;
    if (columns < WRAPPED_COLUMNS_MIN) return [line];
    return wrap(line, columns - indent.length).map((part, at) => (at === 0 ? part : indent + part));
  };
  const elapsed = (): string => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  const cell = (text: string, width: number): string => {
    const colour = text === 'accepted' ? 'green' : text === 'refused' ? 'red' : null;
    return (colour === null ? text : style(colour, text)) + ' '.repeat(width - text.length);
  };
  return {
    elapsed,
    say: (line = '') => write(line),
    prose: (line) => wrapped(line).forEach(write),
    heading: (line) =>
      write(
        `\n${wrapped(line)
          .map((part) => style('bold', part))
          .join('\n')}`,
      ),
    done: (line) => write(`${style('dim', elapsed().padStart(8))}   ${wrapped(line, INDENT).join('\n')}`),
    quote: (lines) => {
      // What programs say may carry what an agent or a user wrote: nothing of it may steer a terminal.
      for (const line of lines) write(style('dim', `${INDENT}| `) + stripVTControlCharacters(line));
    },
    table: (rows) => {
      const widths = rows.reduce<number[]>(
        (max, row) => row.map((text, at) => Math.max(max[at] ?? 0, text.length)),
        [],
      );
      for (const row of rows) write(INDENT + row.map((text, at) => cell(text, (widths[at] ?? 0) + 3)).join(''));
    },
  };
}

/** Breaks between words. A word longer than a line has one of its own. */
function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line === undefined || line.length + 1 + word.length > columns) lines.push(word);
    else lines[lines.length - 1] = `${line} ${word}`;
  }
  return lines;
}
