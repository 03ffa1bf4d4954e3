import type { Action } from '#protocol';
import type { FastifyRequest } from 'fastify';
import { ApiError } from '../service/errors.ts';
import type { AuditService } from '../service/audit-service.ts';
import { ANYTHING, DeniedError, type Gate } from '../service/gate.ts';
import type { Actor } from '../domain/actor.ts';
import type { Authenticate, Authentication } from './authentication.ts';
import { isCanonicalPath } from './canonical-path.ts';
import type { Metrics } from './metrics.ts';
import type { RateLimiter } from '../domain/rate-limiter.ts';
import type { RecordedAction } from '../store/records.ts';
import type { LimitName } from './rate-limits.ts';
import type { RequestState } from './request-state.ts';
import type { Route } from './route.ts';

export type Limiters = Readonly<Record<LimitName, RateLimiter>>;

export interface AdmissionDeps {
  readonly authenticate: Authenticate;
  readonly gate: Gate;
  readonly audit: Pick<AuditService, 'countRefusal' | 'countDenial'>;
  readonly metrics: Pick<Metrics, 'refused' | 'limited'>;
  readonly limiters: Limiters;
  /** Whether the server takes no new work any more. */
  readonly isClosing: () => boolean;
}

/** Where the answer must be given even while the server goes down. */
const ALWAYS_ANSWERED: readonly string[] = ['/healthz', '/readyz'];

/**
 * Lets a request in, or throws. Runs on the head of the request, before a byte of its body is read. What gets in has an
 * actor who may do this kind of thing; whether to this instance or project is decided by the service.
 */
export async function admit(
  deps: AdmissionDeps,
  route: Route | null,
  request: FastifyRequest,
  state: RequestState,
): Promise<void> {
  if (!isCanonicalPath(request.raw.url ?? '')) throw new ApiError('route-not-found');
  if (deps.isClosing() && !(route !== null && ALWAYS_ANSWERED.includes(route.path))) {
    throw new ApiError('shutting-down', { retryAfterSeconds: 5 });
  }
  // No route matched: the handler for that answers.
  if (route === null) return;
  if (route.access === 'public') {
    if (route.limit !== undefined) limit(deps, route, route.limit, state.source, state);
    return;
  }
  const { actor, csrfToken } = await authenticated(deps, request, state);
  state.actor = actor;
  state.csrfToken = csrfToken;
  const { access } = route;
  decideByRoute(deps, actor, access, `route:${route.method} ${route.path}`);
  if (route.limit !== undefined) limit(deps, route, route.limit, actor.tokenId, state);
}

/** A denial here changes nothing and can be brought about as fast as one can ask, so the audit counts it. */
function decideByRoute(deps: AdmissionDeps, actor: Actor, action: Action, subject: string): void {
  try {
    deps.gate.decide(actor, action, ANYTHING, { subject });
  } catch (error) {
    if (error instanceof DeniedError) deps.audit.countDenial(error);
    throw error;
  }
}

async function authenticated(
  deps: AdmissionDeps,
  { method, headers }: FastifyRequest,
  { source }: RequestState,
): Promise<Extract<Authentication, { outcome: 'known' }>> {
  const found = await deps.authenticate({ method, headers });
  if (found.outcome === 'known') return found;
  // A wrong credential counts as a guess, a missing one does not. The limit stops whoever guesses, and nobody who
  // holds a good token and shares an address with them.
  const wait = found.outcome === 'wrong' ? deps.limiters.failedAuthentication.take(source) : null;
  const refusal = found.outcome === 'refused' ? found.code : 'unauthenticated';
  const code = wait === null ? refusal : 'rate-limited';
  deps.audit.countRefusal({ code, source, action: 'authenticate' });
  deps.metrics.refused(code);
  if (wait === null) throw new ApiError(code);
  deps.metrics.limited('failedAuthentication');
  throw new ApiError('rate-limited', { retryAfterSeconds: wait });
}

function limit(deps: AdmissionDeps, route: Route, name: LimitName, key: string, state: RequestState): void {
  const wait = deps.limiters[name].take(key);
  if (wait === null) return;
  const { source, actor } = state;
  const action: RecordedAction = route.access === 'public' ? `${route.method} ${route.path}` : route.access;
  deps.audit.countRefusal({ code: 'rate-limited', source, action, ...(actor === null ? {} : { actor }) });
  deps.metrics.limited(name);
  throw new ApiError('rate-limited', { retryAfterSeconds: wait });
}
