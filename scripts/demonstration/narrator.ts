import { stripVTControlCharacters, styleText } from 'node:util';

/** Says what happens, on standard output: plain lines, with colour and weight on a terminal that wants them. */
export interface Narrator {
  /** A line by itself. */
  say(line?: string): void;
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

export function createNarrator(out: NodeJS.WriteStream): Narrator {
  const started = performance.now();
  // Without a terminal, or with NO_COLOR, the text comes back as it was.
  const style = (format: Parameters<typeof styleText>[0], text: string): string =>
    styleText(format, text, { stream: out });
  const write = (line: string): void => {
    out.write(`${line.trimEnd()}\n`);
  };
  const elapsed = (): string => `${((performance.now() - started) / 1000).toFixed(1)} s`;
  const cell = (text: string, width: number): string => {
    const padded = text.padEnd(width);
    if (text === 'accepted') return style('green', padded);
    return text === 'refused' ? style('red', padded) : padded;
  };
  return {
    elapsed,
    say: (line = '') => write(line),
    heading: (line) => write(`\n${style('bold', line)}`),
    done: (line) => write(`${style('dim', elapsed().padStart(8))}   ${line}`),
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
