import { ErrorBody, explain, type Code } from '#protocol';

interface Told extends Omit<ErrorBody, 'requestId'> {
  readonly requestId?: string;
}

/** Why a request did not do what it was for: the control plane's words, or those of the one table of codes. */
export class ApiFailure extends Error {
  readonly code: Code;
  /** What to do next. */
  readonly remedy: string;
  readonly details: ErrorBody['details'];
  /** Zero where there was no answer. */
  readonly status: number;
  readonly requestId: string | null;

  constructor(status: number, told: Told, cause?: unknown) {
    super(told.message, { cause });
    this.name = 'ApiFailure';
    this.status = status;
    this.code = told.code;
    this.remedy = told.remedy;
    this.details = told.details;
    this.requestId = told.requestId ?? null;
  }
}

interface Circumstances {
  readonly status?: number;
  readonly details?: ErrorBody['details'];
  readonly cause?: unknown;
}

/** What this page finds by itself. */
export function ownFailure(code: Code, { status = 0, details = [], cause }: Circumstances = {}): ApiFailure {
  return new ApiFailure(status, { code, ...explain(code), details }, cause);
}

/** Of an answer that is none of success. */
export async function failureOf(response: Response): Promise<ApiFailure> {
  const body: unknown = await response.json().catch(() => null);
  const parsed = ErrorBody.safeParse(body);
  if (parsed.success) return new ApiFailure(response.status, parsed.data);
  // Of something that stands between, or of a control plane of another version.
  return ownFailure('control-plane-answer-invalid', { status: response.status, cause: parsed.error });
}
