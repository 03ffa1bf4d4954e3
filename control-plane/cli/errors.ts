import * as z from 'zod';
import { explain, type ClientCode, type Code } from '#protocol';

/** One thing that is wrong: an option, a field, a line of a file, an instance. */
export interface ErrorDetail {
  readonly subject: string;
  readonly code: string;
  readonly message: string;
}

/** What `--json` prints of a failure, below `error`. */
export interface Failure {
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
  readonly details: readonly ErrorDetail[];
}

/** A command that cannot be carried out. Its texts may come from outside: they are made safe where they are shown. */
export class CliError extends Error {
  /** From the one table of codes, or from that of a newer control plane. */
  readonly code: string;
  readonly remedy: string;
  readonly details: readonly ErrorDetail[];
  /** The HTTP status; null when the control plane did not say it. */
  readonly status: number | null;

  constructor(failure: Failure, options: { status?: number; cause?: unknown } = {}) {
    super(failure.message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'CliError';
    this.code = failure.code;
    this.remedy = failure.remedy;
    this.details = failure.details;
    this.status = options.status ?? null;
  }

  toFailure(): Failure {
    return { code: this.code, message: this.message, remedy: this.remedy, details: this.details };
  }
}

/** A failure that the client itself found; each detail says what is special about this case. */
export function clientError(
  code: ClientCode | Code,
  details: readonly (ErrorDetail | string)[] = [],
  options: { cause?: unknown } = {},
): CliError {
  const { message, remedy } = explain(code);
  const full = details.map((detail) => (typeof detail === 'string' ? { subject: '', code, message: detail } : detail));
  return new CliError({ code, message, remedy, details: full }, options);
}

/** There is nobody to ask, so a flag must say it beforehand. */
export function notConfirmable(flag: string, details: readonly ErrorDetail[] = []): CliError {
  const { message } = explain('not-confirmed');
  const detail = { subject: '', code: 'not-confirmed', message: 'There is no terminal to ask on.' };
  const remedy = `Run the same command with ${flag} to confirm.`;
  return new CliError({ code: 'not-confirmed', message, remedy, details: [detail, ...details] });
}

/** A usage error about one option or argument. */
export function usageError(subject: string, message: string): CliError {
  return clientError('usage-invalid', [{ subject, code: 'usage-invalid', message }]);
}

/**
 * What the control plane says when it refuses. Laxer than the protocol's own schema: a newer control plane may know
 * codes that this client does not, and its sentence is worth showing all the same.
 */
const RefusalBody = z.object({
  code: z.string().max(100),
  message: z.string(),
  remedy: z.string(),
  details: z.array(z.object({ subject: z.string(), code: z.string(), message: z.string() })).default([]),
  requestId: z.string().optional(),
});

/** What to do on a command line, where the API's own remedy speaks of requests. */
const REMEDIES_HERE: Readonly<Record<string, string>> = {
  unauthenticated:
    'Give a token that is neither revoked nor expired: --token-file FILE, LATCHKEY_TOKEN, or token or tokenFile in ' +
    'the configuration file (the first of them that is there is used).',
};

/** The error behind a refusal; null when the body is not one of a control plane. */
export function refusalOf(status: number, body: unknown): CliError | null {
  const parsed = RefusalBody.safeParse(body);
  if (!parsed.success) return null;
  const { requestId, ...failure } = parsed.data;
  const advice = REMEDIES_HERE[failure.code] ?? failure.remedy;
  const remedy = requestId === undefined ? advice : `${advice} (request ${requestId})`;
  return new CliError({ ...failure, remedy }, { status });
}

const DETAILS_SHOWN_MAX = 50;

/** A failure for people: what happened, the particulars, what to do. */
export function failureLines(failure: Failure): string[] {
  const shown = failure.details.slice(0, DETAILS_SHOWN_MAX).map(({ subject, message }) => {
    return subject === '' ? `  ${message}` : `  ${subject}: ${message}`;
  });
  const more = failure.details.length - shown.length;
  if (more > 0) shown.push(`  and ${more} more`);
  return [`latchkey: ${failure.message} [${failure.code}]`, ...shown, failure.remedy];
}

/** The failure behind anything thrown. A bug says so, without the text of the error: it might quote a secret. */
export function failureOf(error: unknown): Failure {
  if (error instanceof CliError) return error.toFailure();
  const name = error instanceof Error ? error.name : typeof error;
  return clientError('client-failed', [name]).toFailure();
}

/** The code of a system error, such as `ENOENT`; null for other errors. */
export function systemCodeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;
}
