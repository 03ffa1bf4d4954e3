import * as z from 'zod';
import type { OperatingSystem } from './ids.ts';

/**
 * The name of a local account. Linux: what `useradd` accepts, in both cases, 32 characters. Windows: up to 20
 * characters without the ones that SAM refuses. Never a path, an option, a control character or shell syntax.
 */
export const AccountName = z
  .string()
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,30}[A-Za-z0-9_$-]?$/, 'letters, digits, dot, hyphen, underscore; 1 to 32')
  .brand<'AccountName'>();
export type AccountName = z.infer<typeof AccountName>;

/** The built-in administrator of Windows, whatever it was renamed to: found by its relative identifier. */
export const RID_500 = '@rid-500';

/** An account as an operator names it: by name, or the built-in administrator of Windows by its identifier. */
export const AccountRef = z.union([AccountName, z.literal(RID_500)]);
export type AccountRef = z.infer<typeof AccountRef>;

/** The account that a reset is about when the operator names none. */
export function defaultAccount(os: OperatingSystem): AccountRef {
  return os === 'windows' ? RID_500 : AccountName.parse('root');
}
