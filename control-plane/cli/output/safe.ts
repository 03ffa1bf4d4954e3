import { printable } from '#protocol';

const LINE_CHARS_MAX = 2_000;

/** Text of several lines with everything unsafe in each replaced: the last gate before a terminal. */
export function printableLines(text: string): string {
  return text
    .split('\n')
    .map((line) => printable(line, LINE_CHARS_MAX))
    .join('\n');
}
