import { writeSync } from 'node:fs';
import { printable } from '#protocol';
import type { Log } from '../ports.ts';

/** Fields that no caller hands in; should one ever do so, its value stays here. */
const SECRET = /password|secret|token|private|continuity/i;
const VALUE_CHARS_MAX = 500;

/** One JSON object a line on standard error, which systemd keeps in the journal. */
export function createLog(now: () => number, write: (line: string) => void = writeToStandardError): Log {
  const say = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) => {
    const clean = Object.entries(fields).map(([name, value]) => [name, SECRET.test(name) ? '[secret]' : shown(value)]);
    write(`${JSON.stringify({ time: new Date(now()).toISOString(), level, message, ...Object.fromEntries(clean) })}\n`);
  };
  return { info: say('info'), warn: say('warn'), error: say('error') };
}

/** For verbs that speak for themselves. */
export const SILENT_LOG: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

function shown(value: unknown): unknown {
  return typeof value === 'string' ? printable(value, VALUE_CHARS_MAX) : value;
}

function writeToStandardError(line: string): void {
  try {
    writeSync(2, line);
  } catch {
    // A reader that is gone is no reason to stop.
  }
}
