import helmet from '@fastify/helmet';
import swagger from '@fastify/swagger';
import { BODY_BYTES_MAX } from '#protocol';
import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import type { RequestListener, Server } from 'node:http';
import type { Changes } from '../service/changes.ts';
import type { OverviewService } from '../service/overview-service.ts';
import type { Clock, Log, Random } from '../service/ports.ts';
import type { SettingsService } from '../service/settings-service.ts';
import { admit, type AdmissionDeps, type Limiters } from './admission.ts';
import type { Authenticate } from './authentication.ts';
import { answerClientError } from './client-errors.ts';
import { createEventStreams } from './event-streams.ts';
import { notFound, sendError, toApiError } from './errors.ts';
import type { Metrics } from './metrics.ts';
import { openApiOptions } from './openapi.ts';
import { createRateLimiter } from '../domain/rate-limiter.ts';
import { RATE_LIMITS, type RateLimits } from './rate-limits.ts';
import { registerRoutes } from './register-routes.ts';
import { RequestStates } from './request-state.ts';
import { createRouteTable } from './route-table.ts';
import { allRoutes } from './routes/all.ts';
import type { ConsoleFiles } from './routes/console-files.ts';
import type { RouteServices } from './routes/deps.ts';
import type { ReleaseCatalogue } from '../releases/catalogue.ts';
import { HTTP_SERVER_OPTIONS, REQUESTS_PER_SOCKET_MAX } from './server-options.ts';
import { sourceOf } from './source.ts';
import { createStanding } from './standing.ts';

/** Asked every few seconds by machines. */
const QUIET: readonly string[] = ['/healthz', '/readyz', '/metrics'];

export interface AppConfig {
  /** Whose `x-forwarded-for` is believed: nobody's, everybody's (never on an open port), or that of these networks. */
  readonly trustProxy: boolean | readonly string[];
  /** Whether `/metrics` is served here, for tokens with the right to it, and not on a listener of its own. */
  readonly metrics: boolean;
  /** Whether to tell browsers that this host is for HTTPS alone. Not for hosts that serve other things too. */
  readonly strictTransportSecurity: boolean;
  readonly rateLimits?: Partial<RateLimits>;
}

export interface AppDeps extends Omit<AdmissionDeps, 'limiters' | 'isClosing' | 'metrics'> {
  readonly services: RouteServices;
  readonly overview: OverviewService;
  readonly settings: SettingsService;
  /** The built web console; null when it is not built. */
  readonly console: ConsoleFiles | null;
  readonly changes: Pick<Changes, 'watch'>;
  readonly authenticate: Authenticate;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly metrics: Metrics;
  /** Whether work can be taken. Must not throw. */
  readonly storeAnswers: () => Promise<boolean>;
  /** Aborts when the shutdown begins: new work is refused from then on, and streams end. Default: when the app closes. */
  readonly shutdown?: AbortSignal;
  /** The control plane's own certificate authority, PEM; null where it uses a public certificate. */
  readonly caPem: string | null;
  readonly releases: ReleaseCatalogue;
  /** What hosts run to install the agent; text without secrets. */
  readonly installScript: string;
  readonly config: AppConfig;
  /** Makes the server that will listen, with `HTTP_SERVER_OPTIONS`. Default: plain HTTP. */
  readonly createServer?: (listener: RequestListener) => Server;
}

/** The REST API, built and ready, not listening. */
export async function createApp(deps: AppDeps): Promise<FastifyInstance> {
  const app = Fastify(frameworkOptions(deps));
  const limiters = createLimiters(deps);
  app.server.maxRequestsPerSocket = REQUESTS_PER_SOCKET_MAX;
  const closed = new AbortController();
  app.addHook('preClose', () => closed.abort());
  const closing = AbortSignal.any([closed.signal, ...(deps.shutdown === undefined ? [] : [deps.shutdown])]);

  app.setValidatorCompiler(validatorCompiler);
  app.setSerializerCompiler(serializerCompiler);
  // JSON is the only body there is. Text that some browser form sends would need no preflight.
  app.removeContentTypeParser('text/plain');
  await app.register(helmet, helmetOptions(deps.config));
  await app.register(swagger, openApiOptions());

  const streams = createEventStreams({ standing: createStanding(deps.services), clock: deps.clock });
  const document = () => JSON.stringify(app.swagger());
  const routes = allRoutes({ ...deps, limiters, streams, document, closing });
  const states = new RequestStates();
  const admission: AdmissionDeps = { ...deps, limiters, isClosing: () => closing.aborted };
  const handlers = registerRoutes(app, routes, { states, closing });
  addHooks(app, deps, states, (request, state) => admit(admission, handlers.routeOf(request), request, state));

  const table = createRouteTable(routes);
  app.setNotFoundHandler((request, reply) => notFound(table, request, reply));
  app.setErrorHandler((error, request, reply) => {
    sendError(toApiError(error, request, deps.log), request, reply);
  });
  await app.ready();
  return app;
}

function frameworkOptions({ config, random, log, createServer }: AppDeps) {
  const { keepAliveTimeout, requestTimeout } = HTTP_SERVER_OPTIONS;
  return {
    logger: false,
    // Ids of ours: one that a caller chose could collide with another's in the log.
    genReqId: () => random.uuid(),
    requestIdHeader: false as const,
    bodyLimit: BODY_BYTES_MAX,
    keepAliveTimeout,
    requestTimeout,
    http: HTTP_SERVER_OPTIONS,
    ...(createServer === undefined ? {} : { serverFactory: createServer }),
    trustProxy: typeof config.trustProxy === 'boolean' ? config.trustProxy : [...config.trustProxy],
    // What is not a route is not one by being written differently either.
    routerOptions: {
      caseSensitive: true,
      ignoreTrailingSlash: false,
      ignoreDuplicateSlashes: false,
      maxParamLength: 100,
    },
    exposeHeadRoutes: false,
    // The hook answers while the server goes down, with a code; the framework would without.
    return503OnClosing: false,
    onProtoPoisoning: 'error' as const,
    onConstructorPoisoning: 'error' as const,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) => {
      sendError(toApiError(error, request, log), request, reply);
    },
    clientErrorHandler: answerClientError(random),
  };
}

function helmetOptions(config: AppConfig) {
  return {
    // Nothing here is a page. What serves one sets a policy of its own.
    contentSecurityPolicy: { useDefaults: false, directives: { defaultSrc: ["'none'"], frameAncestors: ["'none'"] } },
    strictTransportSecurity: config.strictTransportSecurity ? { maxAge: 31_536_000, includeSubDomains: false } : false,
    referrerPolicy: { policy: 'no-referrer' as const },
    crossOriginResourcePolicy: { policy: 'same-origin' as const },
  };
}

function createLimiters({ clock, config }: AppDeps): Limiters {
  const limits = { ...RATE_LIMITS, ...config.rateLimits };
  const limiter = (name: keyof RateLimits) => createRateLimiter(limits[name], () => clock.monotonic());
  return {
    enrolment: limiter('enrolment'),
    failedAuthentication: limiter('failedAuthentication'),
    reset: limiter('reset'),
    signIn: limiter('signIn'),
  };
}

type Admit = (request: FastifyRequest, state: ReturnType<RequestStates['get']>) => Promise<void>;

function addHooks(app: FastifyInstance, deps: AppDeps, states: RequestStates, admitRequest: Admit): void {
  const { clock, log, metrics } = deps;
  app.addHook('onRequest', async (request, reply) => {
    const state = {
      arrivedAt: clock.now(),
      startedAt: clock.monotonic(),
      source: sourceOf(request.ip),
      actor: null,
      csrfToken: null,
    };
    states.add(request, state);
    reply.headers({ 'x-request-id': request.id, 'cache-control': 'no-store' });
    await admitRequest(request, state);
  });
  app.addHook('onResponse', (request, reply, done) => {
    const state = states.find(request);
    const elapsedMs = state === null ? 0 : clock.monotonic() - state.startedAt;
    // The pattern, not the URL: a query may hold anything, and a path that is no route may as well.
    const route = request.is404 ? null : (request.routeOptions.url ?? null);
    const { method } = request;
    metrics.answered({ method, route, status: reply.statusCode, seconds: elapsedMs / 1000 });
    const fields = {
      requestId: request.id,
      method,
      route,
      status: reply.statusCode,
      elapsedMs: Math.round(elapsedMs * 10) / 10,
      source: state?.source ?? null,
      tokenId: state?.actor?.tokenId ?? null,
    };
    if (route === null || !QUIET.includes(route)) log.info(fields, 'request');
    done();
  });
}
