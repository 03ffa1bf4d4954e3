declare const ascii: unique symbol;

/** Text that is safe to print as it is: line feeds and printable ASCII. */
export type AsciiText = string & { readonly [ascii]: true };

/**
 * JSON in ASCII: every other character is escaped, which changes no value, and keeps control characters (C1, the marks
 * that reorder text) from the terminal that it may be printed on.
 */
export function jsonText(value: unknown): AsciiText {
  const text = JSON.stringify(value, null, 2).replace(/[^\n\x20-\x7e]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
  return text as AsciiText;
}
