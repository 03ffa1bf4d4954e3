import { ErrorBody } from '#protocol';

/** Why a request did not do what it was for: the control plane's words, or ours where it did not answer. */
export class ApiFailure extends Error {
  readonly code: string;
  /** What to do next. */
  readonly remedy: string;
  readonly details: ErrorBody['details'];
  /** Zero where there was no answer. */
  readonly status: number;
  readonly requestId: string | null;

  constructor(status: number, body: Omit<ErrorBody, 'requestId' | 'code'> & { code: string; requestId?: string }) {
    super(body.message);
    this.name = 'ApiFailure';
    this.status = status;
    this.code = body.code;
    this.remedy = body.remedy;
    this.details = body.details;
    this.requestId = body.requestId ?? null;
  }
}

/** The control plane did not answer, or answered with something that is not of its API. */
export function unreachable(): ApiFailure {
  return new ApiFailure(0, {
    code: 'control-plane-unreachable',
    message: 'The control plane does not answer.',
    remedy: 'Check the connection. What you typed is still here; try again.',
    details: [],
  });
}

export async function failureOf(response: Response): Promise<ApiFailure> {
  const body: unknown = await response.json().catch(() => null);
  const parsed = ErrorBody.safeParse(body);
  if (parsed.success) return new ApiFailure(response.status, parsed.data);
  return new ApiFailure(response.status, {
    code: 'answer-malformed',
    message: `Something answered with status ${response.status} that is not the control plane's API.`,
    remedy: 'Look at what stands between this browser and the control plane.',
    details: [],
  });
}
