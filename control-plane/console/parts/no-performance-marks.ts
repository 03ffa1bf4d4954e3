const NOTHING = {};

/**
 * In the place of what notes in the browser's timeline whenever a button or table of Cloudscape has changed: nobody here
 * reads it, it forces the page to be laid out each time, and it grows for as long as a page is open.
 */
export function usePerformanceMarks(): Readonly<Record<string, string>> {
  return NOTHING;
}
