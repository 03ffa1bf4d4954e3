import { explain, type ApiCode, type ErrorBody } from '#protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { ApiError, type ErrorDetail } from '../service/errors.ts';
import type { Log } from '../service/ports.ts';
import { InvalidCursorError } from '../store/store.ts';
import type { RouteTable } from './route-table.ts';

/** More faults than this help nobody, and a hostile body can have a million. */
const DETAILS_MAX = 50;

/** What the framework says by itself, in our codes. */
const FRAMEWORK_CODES: Readonly<Record<string, ApiCode>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 'body-too-large',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'media-type-unsupported',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'body-malformed',
  FST_ERR_CTP_INVALID_JSON_BODY: 'body-malformed',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'body-malformed',
  FST_ERR_VALIDATION: 'body-malformed',
  FST_ERR_BAD_URL: 'route-not-found',
  FST_ERR_INVALID_URL: 'route-not-found',
  FST_ERR_MAX_PARAM_LENGTH: 'route-not-found',
};

/** The body of an error. */
export function errorBody(error: ApiError, requestId: string): ErrorBody {
  const { message, remedy } = explain(error.code);
  return { code: error.code, message, remedy, details: error.details.slice(0, DETAILS_MAX), requestId };
}

/** Answers with an error, and with the headers that HTTP wants beside some of them. */
export function sendError(error: ApiError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // Set once more for what the framework refuses before any hook runs.
  reply.headers({ 'x-request-id': request.id, 'cache-control': 'no-store' });
  if (error.status === 401) reply.header('www-authenticate', 'Bearer realm="latchkey"');
  if (error.retryAfterSeconds !== null) reply.header('retry-after', String(error.retryAfterSeconds));
  return reply.code(error.status).type('application/json').send(errorBody(error, request.id));
}

/** No route took the request: because of its path, or because of its method. */
export function notFound(table: RouteTable, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const [path = ''] = (request.raw.url ?? '').split('?', 1);
  const methods = table.methodsOf(path);
  if (methods.length === 0) return sendError(new ApiError('route-not-found'), request, reply);
  reply.header('allow', methods.join(', '));
  return sendError(new ApiError('method-not-allowed'), request, reply);
}

/** Whatever was thrown, as an error of the API. What we did not expect is logged, and tells the caller nothing. */
export function toApiError(error: unknown, request: FastifyRequest, log: Log): ApiError {
  if (error instanceof ApiError) return error;
  if (hasZodFastifySchemaValidationErrors(error)) {
    const context = error.validationContext ?? 'body';
    const details = error.validation.map((issue) => detailOf(context, issue));
    return new ApiError('body-malformed', { details });
  }
  if (error instanceof InvalidCursorError) {
    const message = 'This cursor is of no listing here.';
    return new ApiError('body-malformed', { details: [{ subject: 'querystring.cursor', code: 'invalid', message }] });
  }
  const { code, statusCode } = error as { code?: unknown; statusCode?: unknown };
  const known = typeof code === 'string' ? FRAMEWORK_CODES[code] : undefined;
  if (known !== undefined) return new ApiError(known, { cause: error });
  // The parser of JSON throws bare syntax errors with a status.
  if (statusCode === 400) return new ApiError('body-malformed', { cause: error });
  // A caller that hung up while it sent its body is no fault of ours, and will not read the answer.
  if (request.raw.destroyed) return new ApiError('body-malformed', { cause: error });
  log.error({ requestId: request.id, route: request.routeOptions.url, err: error }, 'a request failed');
  return new ApiError('internal-error', { cause: error });
}

function detailOf(
  context: string,
  issue: { readonly instancePath: string; readonly keyword: string; readonly message?: string },
): ErrorDetail {
  const path = issue.instancePath.split('/').filter((part) => part !== '');
  return { subject: [context, ...path].join('.'), code: issue.keyword, message: issue.message ?? 'Not valid.' };
}
