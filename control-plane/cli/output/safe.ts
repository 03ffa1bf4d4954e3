import { printable } from '#protocol';

const LINE_CHARS_MAX = 2_000;

/** One line with everything unsafe in it replaced, line breaks included: the last gate before a terminal. */
export function printableLine(text: string): string {
  return printable(text, LINE_CHARS_MAX);
}
