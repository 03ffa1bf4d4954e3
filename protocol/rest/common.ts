import * as z from 'zod';
import { Code } from '../codes.ts';
import { PAGE_ROWS_MAX } from '../limits.ts';

/** How every error of the API looks. */
export const ErrorBody = z.object({
  /** From the one table of codes. */
  code: Code,
  /** What happened. */
  message: z.string(),
  /** What to do next. */
  remedy: z.string(),
  /** One entry for each thing that is wrong: a field, an instance. */
  details: z.array(
    z.object({
      /** A field's path or an instance's name. */
      subject: z.string(),
      code: z.string(),
      message: z.string(),
    }),
  ),
  /** Also in the log of the control plane. */
  requestId: z.string(),
});
export type ErrorBody = z.infer<typeof ErrorBody>;

/** Listings come in pages: hand `nextCursor` back as `cursor` until it is null. */
export const PageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(PAGE_ROWS_MAX).default(100),
  cursor: z.string().max(500).optional(),
});
export type PageQuery = z.infer<typeof PageQuery>;

export function pageOf<S extends z.ZodType>(item: S) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}

/** A code with its sentences, and what is special about this case. */
export const Reason = z.object({ code: Code, message: z.string(), remedy: z.string() });
export type Reason = z.infer<typeof Reason>;

/** The event with which every stream begins, and goes on while nothing happens: pages are not shown comments. */
export const HEARTBEAT_EVENT = 'still-here';
/** A stream says something at least this often; one that does not is held up, or half open. */
export const HEARTBEAT_MS = 15_000;
