import { randomUUID } from 'node:crypto';
import {
  CreatedToken,
  ErrorBody,
  InstanceName,
  ProjectName,
  signJson,
  toBase64Url,
  utf8,
  verifyEd25519,
  type ActorRole,
  type CloseReason,
  type CreateToken,
  type Enrol,
  type InstanceId,
  type KeySet,
  type Settings,
  type Signer,
  type TaskId,
} from '#protocol';
import type { FastifyInstance, LightMyRequestResponse } from 'fastify';
import { expect } from 'vitest';
import { checkConfig } from '../../control-plane/server/config.ts';
import { createApp, type AppConfig } from '../../control-plane/server/http/app.ts';
import {
  createBearerAuthentication,
  createConsoleAuthentication,
  firstPresented,
} from '../../control-plane/server/http/authentication.ts';
import type { ConsoleFiles } from '../../control-plane/server/http/routes/console-files.ts';
import { createMetrics, type Metrics } from '../../control-plane/server/http/metrics.ts';
import type { ReleaseCatalogue } from '../../control-plane/server/releases/catalogue.ts';
import { sha256Sync, systemRandom } from '../../control-plane/server/runtime.ts';
import { createChanges } from '../../control-plane/server/service/changes.ts';
import { createGate } from '../../control-plane/server/service/gate.ts';
import { createOperatorServices, type OperatorServices } from '../../control-plane/server/service/operator-services.ts';
import { createOverviewService } from '../../control-plane/server/service/overview-service.ts';
import { createSettingsService } from '../../control-plane/server/service/settings-service.ts';
import { createRefusalCounter } from '../../control-plane/server/service/refusal-counter.ts';
import { createStoreProbe } from '../../control-plane/server/service/store-probe.ts';
import { settingsOf } from '../../control-plane/server/settings.ts';
import { openSqliteStore } from '../../control-plane/server/store/sqlite-store.ts';
import type { Store } from '../../control-plane/server/store/store.ts';
import { FakeClock } from './fake-clock.ts';
import { FakeResetService } from './fake-reset-service.ts';
import { newSigner } from './keys.ts';

/** Where the console is, as far as its requests are concerned. */
export const PUBLIC_ORIGIN = 'https://latchkey.example:8443';

/** What the control plane says of itself. */
const PROCESS = { version: '0.1.0', startedAt: 0, eventLoopDelayMsMax: 1, residentBytes: 1 };

/** What its configuration says. */
function settings(): Settings {
  const checked = checkConfig(null, {});
  if (!checked.ok) throw new Error('the defaults are no configuration');
  const keys = { keySet: { version: 7 }, rotatingAuthority: false, scriptKeyPresent: () => false };
  return settingsOf(checked.config, keys, 1_000);
}

interface Call {
  readonly token?: string | null;
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly from?: string;
}

/** The REST API over a real store in memory, with a clock of its own and without a socket. */
export class HttpWorld implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly resets = new FakeResetService();
  readonly endedTasks: TaskId[] = [];
  readonly closed: { id: InstanceId; reason: CloseReason }[] = [];
  /** Every line of the log. */
  readonly lines: { level: string; fields: Readonly<Record<string, unknown>>; message: string }[] = [];
  readonly shutdown = new AbortController();
  releases: ReleaseCatalogue = { list: () => Promise.resolve([]), open: () => Promise.resolve(null) };
  readonly store: Store;
  readonly services: OperatorServices;
  readonly metrics: Metrics;
  readonly scriptSigner: Signer;
  console: ConsoleFiles | null = null;
  readonly changes = createChanges({ clock: this.clock });
  /** What join tokens say is the version of the current key set. */
  keySetVersion = 1;
  /** Text of the first administrator's token. */
  administrator = '';
  app!: FastifyInstance;

  private constructor(store: Store, scriptSigner: Signer, keySet: Awaited<ReturnType<typeof signJson>>) {
    this.store = store;
    this.scriptSigner = scriptSigner;
    const { clock } = this;
    this.services = createOperatorServices({
      store,
      clock,
      random: systemRandom,
      hash: sha256Sync,
      verify: verifyEd25519,
      log: this.#log(),
      gate: createGate({ store, clock }),
      refusals: createRefusalCounter({ store, clock, log: this.#log() }),
      sessions: {
        close: (id, reason) => this.closed.push({ id, reason }),
        tasksEnded: (tasks) => this.endedTasks.push(...tasks.map(({ id }) => id)),
      },
      joinTrust: {
        ...{ caPin: sha256Sync(utf8('the authority')), scriptKey: () => scriptSigner.key },
        keySetVersion: () => this.keySetVersion,
      },
      keySet: () => keySet,
    });
    this.metrics = createMetrics({ store, ofProcess: false });
  }

  static async open(config: Partial<AppConfig> = {}): Promise<HttpWorld> {
    const world = await HttpWorld.openEmpty(config);
    await world.services.tokens.firstAdministrator((token) => {
      world.administrator = token;
      return Promise.resolve();
    });
    return world;
  }

  /** As `open`, before anybody may do anything. */
  static async openEmpty(config: Partial<AppConfig> = {}): Promise<HttpWorld> {
    const store = await openSqliteStore({ path: ':memory:' });
    const scriptSigner = await newSigner();
    const { key, publicKey } = scriptSigner;
    const entry = { role: 'script', publicKey, key, status: 'active' } as const;
    const keySet: KeySet = { v: 1, version: 1, serverId: key, keys: [entry], issuedAt: 0 };
    const world = new HttpWorld(store, scriptSigner, await signJson(scriptSigner, 'key-set', keySet));
    world.app = await world.#createApp(config);
    return world;
  }

  #createApp(config: Partial<AppConfig>): Promise<FastifyInstance> {
    const { services, store, clock, metrics, resets } = this;
    return createApp({
      services: { ...services, resets },
      authenticate: firstPresented(
        createBearerAuthentication(services.tokens),
        createConsoleAuthentication(services.consoleSessions, PUBLIC_ORIGIN),
      ),
      gate: createGate({ store, clock }),
      audit: services.audit,
      changes: this.changes,
      console: this.console,
      overview: createOverviewService({
        store,
        clock,
        gate: createGate({ store, clock }),
        controlPlane: () => PROCESS,
      }),
      settings: createSettingsService({ gate: createGate({ store, clock }), settings }),
      clock,
      random: systemRandom,
      log: this.#log(),
      metrics,
      storeAnswers: createStoreProbe({ store, clock, log: this.#log() }),
      shutdown: this.shutdown.signal,
      caPem: '-----BEGIN CERTIFICATE-----\n',
      releases: { list: () => this.releases.list(), open: (archive) => this.releases.open(archive) },
      installScript: '#!/bin/sh\n',
      config: { trustProxy: false, metrics: true, strictTransportSecurity: false, ...config },
    });
  }

  #log() {
    const write = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) => {
      this.lines.push({ level, fields, message });
    };
    return { info: write('info'), warn: write('warn'), error: write('error') };
  }

  /** Sends a request; as the administrator unless told otherwise, `token: null` for nobody. */
  call(method: string, url: string, { token, body, headers, from }: Call = {}): Promise<LightMyRequestResponse> {
    const bearer = token === undefined ? this.administrator : token;
    return this.app.inject({
      method: method as 'GET',
      url,
      headers: { ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }), ...headers },
      ...(body === undefined ? {} : { payload: body as object }),
      ...(from === undefined ? {} : { remoteAddress: from }),
    });
  }

  /** Makes a token through the API, and returns what it answers. */
  async createToken(request: CreateToken, token?: string): Promise<CreatedToken> {
    const reply = await this.call('POST', '/api/v1/tokens', {
      body: request,
      ...(token === undefined ? {} : { token }),
    });
    expect(reply.statusCode, reply.body).toBe(201);
    return CreatedToken.parse(reply.json());
  }

  /** The text of a new API token. */
  async tokenOf(role: ActorRole, rest: Partial<Extract<CreateToken, { type: 'api' }>> = {}): Promise<string> {
    const { token } = await this.createToken({ type: 'api', name: role, role, ...rest });
    return token;
  }

  async addProject(name: string): Promise<ProjectName> {
    const reply = await this.call('PUT', `/api/v1/projects/${name}/service`, { body: { enabled: false } });
    expect(reply.statusCode, reply.body).toBe(200);
    return ProjectName.parse(name);
  }

  async addInstance(name: string, project = 'default', os = 'linux'): Promise<InstanceId> {
    const reply = await this.call('POST', '/api/v1/instances', { body: { name, project, os } });
    expect(reply.statusCode, reply.body).toBe(201);
    return reply.json<{ id: InstanceId }>().id;
  }

  /** The actions of the audit, newest first, with their decisions. */
  async auditOf(action: string) {
    await this.services.settled();
    const page = await this.store.read.audit.list({ action }, { limit: 1_000, after: null });
    return page.rows;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.app.close();
    await this.services.settled();
    await this.store.close();
  }
}

/** Asserts an error in its one shape, and returns it. */
export function expectError(reply: LightMyRequestResponse, status: number, code: string): ErrorBody {
  expect({ status: reply.statusCode, body: reply.json<unknown>() }).toMatchObject({ status, body: { code } });
  const error = ErrorBody.parse(reply.json());
  expect(Object.keys(reply.json<object>()).toSorted()).toEqual(['code', 'details', 'message', 'remedy', 'requestId']);
  expect(error.requestId).toBe(reply.headers['x-request-id']);
  return error;
}

interface Application {
  readonly signer?: Signer;
  readonly name?: string;
  readonly os?: 'linux' | 'windows';
  readonly hostname?: string;
  /** What is signed, if it is to differ from what is presented. */
  readonly signed?: Partial<{ tokenId: string; publicKey: string }>;
}

/** What an honest agent sends when it joins with that token, but for what the test changes. */
export async function application(joinToken: string, options: Application = {}): Promise<Enrol> {
  const [, id = '', secret = ''] = /^lkj_([0-9a-f-]{36})_(.{43})_/.exec(joinToken) ?? [];
  const signer = options.signer ?? (await newSigner());
  const { name = `host-${randomUUID().slice(0, 8)}`, os = 'linux', hostname = 'host' } = options;
  const { publicKey } = signer;
  const request = { v: 1, tokenId: id, publicKey, os, name: InstanceName.parse(name), hostname, agentVersion: '1.0.0' };
  const signed = await signJson(signer, 'enrolment', { ...request, ...options.signed });
  return { tokenId: id as Enrol['tokenId'], secret, publicKey, request: signed };
}

/** Random text that is nobody's secret. */
export function randomSecret(): string {
  return toBase64Url(systemRandom.bytes(32));
}
