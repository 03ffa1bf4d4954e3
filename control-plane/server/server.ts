import { X509Certificate } from 'node:crypto';
import { createServer as createHttpsServer } from 'node:https';
import { Socket } from 'node:net';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import type { ServerConfig } from './config.ts';
import { readConsoleFiles } from './console-files.ts';
import { createCore, type Core } from './core.ts';
import { DATABASE_FILE, RELEASES_DIRECTORY } from './data-directory.ts';
import { createSocketLimits } from './gateway/socket-limits.ts';
import { createWebSocketGateway } from './gateway/websocket.ts';
import { createApp, type AppConfig } from './http/app.ts';
import { createBearerAuthentication, createConsoleAuthentication, firstPresented } from './http/authentication.ts';
import { createMetrics, type Metrics } from './http/metrics.ts';
import { addCertificateEnd } from './http/metrics-certificate.ts';
import { addSockets } from './http/metrics-sockets.ts';
import { createMetricsApp } from './http/metrics-app.ts';
import { HTTP_SERVER_OPTIONS, TLS_SERVER_OPTIONS } from './http/server-options.ts';
import { sourceOf } from './http/source.ts';
import { createReleaseCatalogue, readInstallScript } from './releases/catalogue.ts';
import { leaveAdministratorToken } from './keys/administrator-token.ts';
import { loadKeyring, type Keyring } from './keys/keyring.ts';
import { createCertificateRenewal } from './keys/renewal.ts';
import { sha256Sync, systemClock, systemRandom, verifyHere } from './runtime.ts';
import { createOperatorServices, type OperatorServices } from './service/operator-services.ts';
import { createChanges, type Changes } from './service/changes.ts';
import { createOverviewService, type OverviewService } from './service/overview-service.ts';
import type { Log } from './service/ports.ts';
import { createSettingsService, type SettingsService } from './service/settings-service.ts';
import { createRetentionSweep } from './service/retention.ts';
import { watchService } from './service-figures.ts';
import { settingsOf } from './settings.ts';
import { createStoreProbe } from './service/store-probe.ts';
import { noticingStore } from './store/noticing-store.ts';
import { openSqliteStore } from './store/sqlite-store.ts';
import type { Store } from './store/store.ts';

export interface RunningServer {
  /** The file with the first administrator's token; null when there was one before. */
  readonly administratorTokenFile: string | null;
  /** SHA-256 of the certificate that it began with, as browsers show it; null for one that it was given. */
  readonly ownCertificate: string | null;
  /** Asks agents to come back later, lets requests end, closes the store. Resolves when all is done; once is enough. */
  stop(): Promise<void>;
  /** Looks now whether another TLS certificate is to be presented, which it does by itself every hour. */
  readonly renewCertificate: () => void;
}

/** Starts the control plane and resolves once it listens. */
export async function startServer(config: ServerConfig, log: Log): Promise<RunningServer> {
  const keyring = await loadKeyring({
    dir: config.keysDir,
    publicUrl: config.publicUrl,
    now: systemClock.now(),
    provided: config.tls === null ? null : { certFile: config.tls.certFile, keyFile: config.tls.keyFile },
  });
  const changes = createChanges({ clock: systemClock });
  const store = noticingStore(await openSqliteStore({ path: join(config.dataDir, DATABASE_FILE) }), changes.changed);
  try {
    return await startOver(config, log, keyring, { store, changes });
  } catch (error) {
    await store.close();
    throw error;
  }
}

interface Data {
  readonly store: Store;
  readonly changes: Changes;
}

async function startOver(config: ServerConfig, log: Log, keyring: Keyring, data: Data): Promise<RunningServer> {
  const { store } = data;
  const metrics = createMetrics({ store, ofProcess: true });
  const core = await createCore({
    store,
    clock: systemClock,
    random: systemRandom,
    hash: sha256Sync,
    verify: verifyHere,
    log,
    identity: () => keyring,
    script: (os) => keyring.scripts[os],
    passwordPolicy: config.passwordPolicy,
    resultTaken: metrics.resultTaken,
  });
  try {
    return await startAround({ core, config, log, keyring, ...data, metrics });
  } catch (error) {
    // Its timers would keep a process alive that listens to nobody.
    await core.drain();
    throw error;
  }
}

interface Foundation extends Data {
  readonly core: Core;
  readonly config: ServerConfig;
  readonly log: Log;
  readonly keyring: Keyring;
  readonly metrics: Metrics;
}

async function startAround(on: Foundation): Promise<RunningServer> {
  const { core, config, log, keyring, store } = on;
  const services = createServices({ core, store, log, keyring });
  let administratorTokenFile: string | null = null;
  await services.tokens.firstAdministrator((token) => {
    administratorTokenFile = leaveAdministratorToken(config.keysDir, token);
    return Promise.resolve();
  });
  const sockets = await openSockets(on, services);
  if (keyring.scriptKeyPresent()) {
    log.warn(
      { directory: config.keysDir },
      'the script key still lies beside the other keys: move script.key to a place that this machine cannot read',
    );
  }
  if (keyring.rotatingAuthority) {
    log.warn({}, 'an earlier TLS authority is still believed: withdraw it with "latchkey server rotate-ca --finish"');
  }
  // Last, since its timers end with `stop` alone.
  const onErased = () => {
    core.sweep.erased();
  };
  const retention = createRetentionSweep({ store, clock: systemClock, log, retention: config.retention, onErased });
  const stop = once(async () => {
    sockets.refuseNewWork();
    await Promise.all([core.drain(), retention.stop()]);
    await sockets.close();
    // What the ends of the sessions brought about is still being recorded.
    await core.settled();
    await services.settled();
    await store.scrub();
    await store.close();
  });
  const ownCertificate = config.tls === null ? new X509Certificate(keyring.tls.cert).fingerprint256 : null;
  return { administratorTokenFile, ownCertificate, stop, renewCertificate: sockets.renewCertificate };
}

function createServices(deps: { core: Core; store: Store; log: Log; keyring: Keyring }): OperatorServices {
  const { core, store, log, keyring } = deps;
  return createOperatorServices({
    store,
    clock: systemClock,
    random: systemRandom,
    hash: sha256Sync,
    verify: verifyHere,
    log,
    gate: core.gate,
    refusals: core.refusals,
    sessions: {
      close: (id, reason) => {
        core.dismiss(id, reason);
      },
      tasksEnded: (tasks) => {
        core.tasksEnded(tasks);
      },
    },
    joinTrust: {
      caPin: keyring.caPin,
      scriptKey: () => keyring.scriptKey,
      keySetVersion: () => keyring.keySet.version,
    },
    keySet: () => keyring.signedKeySet,
  });
}

interface Sockets extends Pick<RunningServer, 'renewCertificate'> {
  /** Answers that it is shutting down, from now on. */
  refuseNewWork(): void;
  close(): Promise<void>;
}

/** The API and the gateway on one port, and the metrics on their own where that is wanted. */
async function openSockets(on: Foundation, services: OperatorServices): Promise<Sockets> {
  const { config, log, keyring, core, store, changes, metrics } = on;
  const shutdown = new AbortController();
  let certificateEndsAt = () => keyring.tls.notAfter;
  const https = createHttpsServer({ ...HTTP_SERVER_OPTIONS, ...TLS_SERVER_OPTIONS, ...keyring.tls });
  const refused = addSockets(metrics.registry, () => socketLimits.unproven);
  const socketLimits = createSocketLimits({ limits: config.unprovenSockets, sourceOf, refused });
  https.on('connection', (socket) => {
    if (socket instanceof Socket) socketLimits.admit(socket);
  });
  const app = await createApp({
    services: { ...services, resets: core.resets },
    gate: core.gate,
    audit: services.audit,
    changes,
    console: readConsoleFiles(),
    ...createViews(on, () => certificateEndsAt()),
    authenticate: firstPresented(
      createBearerAuthentication(services.tokens),
      createConsoleAuthentication(services.consoleSessions, new URL(config.publicUrl).origin),
    ),
    clock: systemClock,
    random: systemRandom,
    log,
    metrics,
    storeAnswers: createStoreProbe({ store, clock: systemClock, log }),
    shutdown: shutdown.signal,
    caPem: keyring.caPem,
    releases: createReleaseCatalogue({ dir: join(config.dataDir, RELEASES_DIRECTORY), keysDir: config.keysDir }),
    installScript: readInstallScript(),
    config: appConfigOf(config),
    createServer: (listener) => https.on('request', listener),
  });
  const gateway = createWebSocketGateway({
    accept: (connection) => core.accept(connection),
    sourceOf: (request) => sourceOf(request.socket.remoteAddress ?? 'unknown'),
    proven: (socket) => socketLimits.proven(socket),
    isClosing: () => shutdown.signal.aborted,
  });
  app.server.on('upgrade', (request, socket, head) => {
    gateway.onUpgrade(request, socket, head);
  });
  await services.installs.resume();
  const metricsApp = await listenForMetrics(config, metrics);
  try {
    await app.listen({ host: config.listen.host, port: config.listen.port });
  } catch (error) {
    await Promise.all([app.close(), metricsApp?.close()]);
    throw error;
  }
  const certificate = createCertificateRenewal({
    held: keyring.tls,
    load: () => keyring.renewTls(systemClock.now()),
    present: ({ key, cert }) => https.setSecureContext({ key, cert }),
    ...{ clock: systemClock, log },
  });
  certificateEndsAt = certificate.endsAt;
  addCertificateEnd(metrics.registry, certificate.endsAt);
  return {
    renewCertificate: certificate.look,
    refuseNewWork() {
      certificate.stop();
      services.installs.stop();
      shutdown.abort();
    },
    async close() {
      // Together: the listener has ended only when the sockets of the gateway have, too.
      await Promise.all([app.close(), metricsApp?.close(), gateway.close()]);
    },
  };
}

function appConfigOf(config: ServerConfig): AppConfig {
  return {
    trustProxy: config.trustProxy,
    metrics: config.metricsListen === null,
    strictTransportSecurity: false,
    rateLimits: config.rateLimits,
  };
}

/** What is shown of the whole, and of the process itself. */
function createViews(
  { store, core, config, keyring }: Foundation,
  certificateEndsAt: () => number,
): { overview: OverviewService; settings: SettingsService } {
  const { gate } = core;
  const controlPlane = watchService(systemClock.now());
  return {
    overview: createOverviewService({ store, clock: systemClock, gate, controlPlane }),
    settings: createSettingsService({ gate, settings: () => settingsOf(config, keyring, certificateEndsAt()) }),
  };
}

async function listenForMetrics(config: ServerConfig, metrics: Metrics): Promise<FastifyInstance | null> {
  if (config.metricsListen === null) return null;
  const app = createMetricsApp(metrics);
  await app.listen({ host: config.metricsListen.host, port: config.metricsListen.port });
  return app;
}

function once(run: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null;
  return () => (running ??= run());
}
