import { API_CODES, explain, printable, type ApiCode } from '#protocol';

/** One thing that is wrong: a field's path or an instance's name, with a code and a sentence. */
export interface ErrorDetail {
  readonly subject: string;
  readonly code: string;
  readonly message: string;
}

/** A request that cannot be fulfilled, with a code of the one table; the HTTP layer turns it into a response. */
export class ApiError extends Error {
  readonly code: ApiCode;
  readonly details: readonly ErrorDetail[];
  readonly retryAfterSeconds: number | null;

  constructor(
    code: ApiCode,
    options: { details?: readonly ErrorDetail[]; cause?: unknown; retryAfterSeconds?: number } = {},
  ) {
    super(explain(code).message, options.cause === undefined ? {} : { cause: options.cause });
    this.name = 'ApiError';
    this.code = code;
    this.details = (options.details ?? []).map((detail) => ({
      ...detail,
      subject: printable(detail.subject),
      message: printable(detail.message),
    }));
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
  }

  get status(): number {
    return API_CODES[this.code].status;
  }
}
