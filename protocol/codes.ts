import * as z from 'zod';
import { API_CODES, type ApiCode } from './codes/api.ts';
import { AUDIT_CODES } from './codes/audit.ts';
import { CLIENT_CODES } from './codes/client.ts';
import type { CodeEntry } from './codes/entry.ts';
import { RESULT_CODES, TASK_CODES } from './codes/result.ts';
import { HEALTH_CODES } from './codes/health.ts';
import { INSTALL_CODES } from './codes/install.ts';
import { KEY_SET_CODES, type KeySetRefusal } from './codes/key-set.ts';

export { API_CODES, AUDIT_CODES, CLIENT_CODES, RESULT_CODES, TASK_CODES, HEALTH_CODES, INSTALL_CODES, KEY_SET_CODES };
export type { ApiCode, CodeEntry };
export type { ClientCode } from './codes/client.ts';
export type { InstallCode } from './codes/install.ts';
export type { TaskCode } from './codes/result.ts';
export { CLOSE_CODES, closeReasonOf, type CloseReason } from './codes/close.ts';

/** The one table: every code that Latchkey says, with its sentence and its remedy. */
export const CODES = {
  ...HEALTH_CODES,
  ...RESULT_CODES,
  ...TASK_CODES,
  ...KEY_SET_CODES,
  ...API_CODES,
  ...CLIENT_CODES,
  ...AUDIT_CODES,
  ...INSTALL_CODES,
} as const;

export const Code = z.enum(Object.keys(CODES) as [keyof typeof CODES, ...(keyof typeof CODES)[]]);
export type Code = z.infer<typeof Code>;

export const ResultCode = z.enum(
  Object.keys(RESULT_CODES) as [keyof typeof RESULT_CODES, ...(keyof typeof RESULT_CODES)[]],
);
export type ResultCode = z.infer<typeof ResultCode>;

export const KeySetCode = z.enum(Object.keys(KEY_SET_CODES) as [KeySetRefusal, ...KeySetRefusal[]]);

/** The sentence and the remedy of a code. */
export function explain(code: Code): CodeEntry {
  return CODES[code];
}
