import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { connect } from 'node:tls';

import type { Cleanup } from './cleanup.ts';
import { StepFailure } from './failure.ts';
import { PLAIN_ENVIRONMENT, program } from './places.ts';
import { mustRun, run, startDaemon, until, type Daemon, type Finished } from './processes.ts';
import { quote } from './shell.ts';

/** The port of the documentation, so that its lines can be copied; another where it is taken. */
const PREFERRED_PORT = 8443;
const HOST = '127.0.0.1';
const READY_DEADLINE_MS = 30_000;
const START_TRIES_MAX = 3;
const PROBE_TIMEOUT_MS = 2_000;
/** It lets requests end and asks agents to come back later, of which there are none by then. */
const STOP_GRACE_MS = 10_000;

/** A control plane of this demonstration's own, and its operator. */
export interface ControlPlane {
  readonly url: string;
  readonly daemon: Daemon;
  /** Certificate authority, PEM. */
  readonly caFile: string;
  /** The API token of the administrator, 0600. */
  readonly tokenFile: string;
  /** Shell lines that make whoever sources them this control plane's operator, 0600. */
  readonly environmentFile: string;
  /** Runs `latchkey` as the operator; a code other than 0 is a result. */
  latchkey(args: readonly string[], input?: string): Promise<Finished>;
  /** The JSON that `latchkey … --json` prints; throws when it fails. */
  json(args: readonly string[]): Promise<unknown>;
  /** SHA-256 of the certificate that it shows, as browsers write it. */
  certificateFingerprint(): Promise<string>;
}

export interface ControlPlaneOptions {
  /** Where it may put its files; removed by the caller. */
  readonly directory: string;
  readonly cleanup: Cleanup;
  readonly signal: AbortSignal;
}

/** Starts `latchkey server` on loopback, with the embedded store, and resolves when it is ready. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<ControlPlane> {
  const { directory, signal } = options;
  const data = join(directory, 'data');
  const keys = join(directory, 'keys'); // apart from the data, as a backup of the data must hold no key
  const caFile = join(keys, 'ca.crt');
  const { url, daemon } = await startServer(options, { data, keys, caFile });

  const tokenFile = join(keys, 'administrator-token');
  const home = join(directory, 'operator');
  mkdirSync(home, { mode: 0o700 });
  const operator: Record<string, string> = {
    LATCHKEY_URL: url,
    LATCHKEY_CA: caFile,
    // Where identities of instances are remembered on first use; else it would be the home of whoever runs this.
    XDG_STATE_HOME: home,
  };
  const environmentFile = join(directory, 'demo.env');
  writeFileSync(environmentFile, environmentScript(operator, tokenFile), { mode: 0o600 });
  const token = readFileSync(tokenFile, 'utf8').trim();
  // The command line keeps compiled code of its own below its home.
  const env = { ...PLAIN_ENVIRONMENT, HOME: home, ...operator, LATCHKEY_TOKEN: token };
  const command = program('latchkey');
  return {
    ...{ url, daemon, caFile, tokenFile, environmentFile },
    latchkey: (args, input = '') => run([command, ...args], { env, signal, input }),
    json: async (args) => JSON.parse((await mustRun([command, ...args, '--json'], { env, signal })).stdout) as unknown,
    certificateFingerprint: () => fingerprintOf(url, caFile),
  };
}

/** A port that was free a moment ago may be taken by now: then it is another one's turn. */
async function startServer(
  { directory, cleanup, signal }: ControlPlaneOptions,
  { data, keys, caFile }: { readonly data: string; readonly keys: string; readonly caFile: string },
): Promise<{ url: string; daemon: Daemon }> {
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    const url = `https://${HOST}:${port}`;
    const flags = ['--listen', `${HOST}:${port}`, '--public-url', url, '--data', data, '--keys', keys];
    const daemon = startDaemon([program('latchkey'), 'server', ...flags], {
      env: PLAIN_ENVIRONMENT,
      logFile: join(directory, 'control-plane.log'),
    });
    cleanup.defer('the control plane', () => daemon.end({ graceMs: STOP_GRACE_MS }));
    await until(() => daemon.ended !== null || isReady(url, caFile), {
      ...{ deadlineMs: READY_DEADLINE_MS, everyMs: 50, signal },
      why: () => new StepFailure('it is not ready', daemon),
    });
    if (daemon.ended === null) return { url, daemon };
    const portIsTaken = (await tryPort(port)) === null;
    if (!portIsTaken || tries === START_TRIES_MAX) {
      throw new StepFailure(`the control plane ended ${daemon.ended}`, daemon);
    }
  }
}

function environmentScript(operator: Readonly<Record<string, string>>, tokenFile: string): string {
  return [
    '# Makes a shell the operator of the demonstration, until that ends.',
    ...Object.entries(operator).map(([name, value]) => `export ${name}=${quote(value)}`),
    `LATCHKEY_TOKEN=$(cat ${quote(tokenFile)})`,
    'export LATCHKEY_TOKEN',
    '# A proxy would look for the control plane on its own loopback.',
    `export NO_PROXY="${HOST}\${NO_PROXY:+,$NO_PROXY}"`,
    '',
  ].join('\n');
}

async function freePort(): Promise<number> {
  return (await tryPort(PREFERRED_PORT)) ?? (await tryPort(0)) ?? PREFERRED_PORT;
}

/** The port that could be had, 0 standing for any; null when it is taken. */
function tryPort(port: number): Promise<number | null> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', () => resolve(null));
    probe.listen(port, HOST, () => {
      const address = probe.address();
      probe.close(() => resolve(typeof address === 'object' ? (address?.port ?? null) : null));
    });
  });
}

function isReady(url: string, caFile: string): Promise<boolean> {
  let ca: string;
  try {
    ca = readFileSync(caFile, 'utf8');
  } catch {
    return Promise.resolve(false); // It makes its keys first.
  }
  return new Promise((resolve) => {
    const request = get(`${url}/readyz`, { ca, timeout: PROBE_TIMEOUT_MS, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
  });
}

/** Of the certificate that whoever connects is shown; throws when it is not of that authority. */
async function fingerprintOf(url: string, caFile: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), ca: readFileSync(caFile) });
  try {
    await once(socket, 'secureConnect');
    return socket.getPeerCertificate().fingerprint256;
  } finally {
    socket.destroy();
  }
}
