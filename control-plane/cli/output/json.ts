/**
 * JSON in ASCII: every other character is escaped, which changes no value, and keeps control characters (C1, the marks
 * that reorder text) from the terminal that it may be printed on.
 */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(/[^\n\x20-\x7e]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
