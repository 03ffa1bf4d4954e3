import type * as z from 'zod';
import { ConfigText, DEFAULT_LISTEN, FLAGS, LogLevel } from './config-text.ts';
import { AUDIT_DAYS_MIN, RESETS_DAYS_MIN } from './domain/retention.ts';

/** What is wrong with a configuration, said so that one can set it right. */

export interface ConfigProblem {
  /** The field, such as `passwordPolicy.charsMin`, or the flag, such as `--listen`; empty for the file as a whole. */
  readonly path: string;
  /** The flag that sets the field; null where there is none. */
  readonly flag: string | null;
  readonly message: string;
  readonly remedy: string;
}

export const REMEDIES: Record<keyof ConfigText, string> = {
  listen: `Write host:port, such as ${DEFAULT_LISTEN} or [::]:8443.`,
  publicUrl: 'Write the URL that agents dial, such as https://latchkey.example:8443.',
  trustProxy: 'List the addresses or networks of your proxies, or write false.',
  dataDir: 'Write the path of the directory for the database.',
  keysDir: 'Write the path of a directory for the keys, outside of the data directory and of its backups.',
  tlsCert: 'Give certificate and key, or neither for one by the own authority.',
  tlsKey: 'Give certificate and key, or neither for one by the own authority.',
  passwordPolicy: 'charsMin may be 8 to 26, classesMin 3 or 4.',
  rateLimits:
    'Known are enrolment, failedAuthentication, reset and signIn, each { "burst": 20, "perSecond": 0.5 }, and ' +
    'unprovenSockets { "total": 4000, "perAddress": 1000 }.',
  retention: `Write { "resetsDays": ${RESETS_DAYS_MIN} or more, "auditDays": ${AUDIT_DAYS_MIN} or more }; null keeps it for ever.`,
  metricsListen: 'Write host:port, such as 127.0.0.1:9464, or leave it out.',
  logLevel: `Choose one of ${LogLevel.options.join(', ')}.`,
};

/** A problem of a field, whichever way its value came. */
export type Unnamed = Omit<ConfigProblem, 'flag'>;

export function ofFile(message: string, remedy: string): ConfigProblem {
  return { path: '', flag: null, message, remedy };
}

export function fieldOf(path: string): string {
  return path.split('.')[0] ?? '';
}

export function flagOf(path: string): string | null {
  return Object.values(FLAGS).find((entry) => entry.field === fieldOf(path))?.flag ?? null;
}

export function toProblems(issue: z.core.$ZodIssue): Unnamed[] {
  const path = issue.path.map(String);
  const field = path[0];
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(ConfigText.shape).join(', ');
    return issue.keys.map((key) => ({
      path: [...path, key].join('.'),
      message: 'There is no such setting.',
      remedy: field === undefined ? `Remove it or correct its name. Known are ${known}.` : remedyOf(field),
    }));
  }
  return [{ path: path.join('.'), message: issue.message, remedy: remedyOf(field ?? '') }];
}

function remedyOf(field: string): string {
  return Object.entries(REMEDIES).find(([name]) => name === field)?.[1] ?? 'See the README of the server.';
}
