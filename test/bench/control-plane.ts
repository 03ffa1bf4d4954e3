import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';

import { ProjectName } from '#protocol';
import { createApiClient } from '../../control-plane/cli/api/client.ts';
import { createRoutes, type Routes } from '../../control-plane/cli/api/routes.ts';
import { createUndiciTransport } from '../../control-plane/cli/api/undici-transport.ts';
import { CHECKOUT } from '../support/hosts/host.ts';
import { PLACE_ENVIRONMENT } from '../support/hosts/place.ts';
import { until } from '../support/hosts/until.ts';

const READY_DEADLINE_MS = 30_000;
/** What is shown of its log when it does not start. */
const LOG_LINES = 10;

/** A `latchkey server` on loopback, a process of its own with the embedded store, and its API as the CLI calls it. */
export interface ControlPlane extends AsyncDisposable {
  readonly url: string;
  readonly pid: number;
  readonly dataDirectory: string;
  /** What its clients are given: the authority that they trust, and the first administrator's token. */
  readonly caFile: string;
  readonly tokenFile: string;
  readonly routes: Routes;
}

/** Its files stay in `directory`, which is the caller's. */
export async function startControlPlane(directory: string, signal: AbortSignal): Promise<ControlPlane> {
  const address = `127.0.0.1:${String(await freePort())}`;
  const url = `https://${address}`;
  const [data, keys, logFile] = [join(directory, 'data'), join(directory, 'keys'), join(directory, 'log')];
  const [caFile, tokenFile] = [join(keys, 'ca.crt'), join(keys, 'administrator-token')];
  const log = openSync(logFile, 'a', 0o600);
  // It must not outlive us, whatever we die of.
  const command = ['--pdeathsig', 'TERM', '--', join(CHECKOUT, 'scripts/latchkey'), 'server'];
  const flags = ['--listen', address, '--public-url', url, '--data', data, '--keys', keys];
  const child = spawn('setpriv', [...command, ...flags], { env: PLACE_ENVIRONMENT, stdio: ['ignore', log, log] });
  closeSync(log);
  const ended = once(child, 'close');
  const said = (): string => readFileSync(logFile, 'utf8').trimEnd().split('\n').slice(-LOG_LINES).join('\n');
  const stop = async (): Promise<void> => {
    child.kill('SIGTERM');
    await ended;
  };
  try {
    const connect = (): { routes: Routes; close(): Promise<void> } => {
      const [ca, token] = [caFile, tokenFile].map((file) => readFileSync(file, 'utf8').trim());
      const transport = createUndiciTransport({ url, ca: ca ?? '', token: token ?? '', env: {} });
      return { routes: createRoutes(createApiClient(transport)), close: () => transport.close() };
    };
    const connection = await until(
      async () => {
        signal.throwIfAborted();
        if (child.exitCode !== null) throw new Error(`the control plane ended: ${said()}`);
        if (!existsSync(caFile) || !existsSync(tokenFile)) return undefined;
        const candidate = connect();
        const ready = await candidate.routes.whoami().catch(() => null); // Not yet; the deadline says when that is final.
        if (ready !== null) return candidate;
        await candidate.close();
        return undefined;
      },
      { what: () => `the control plane: ${said()}`, deadlineMs: READY_DEADLINE_MS },
    );
    const { routes } = connection;
    const { version } = await routes.service.statement();
    await routes.service.change(ProjectName.parse('default'), { enabled: true, statementVersion: version });
    return {
      ...{ url, pid: child.pid ?? -1, dataDirectory: data, caFile, tokenFile, routes },
      async [Symbol.asyncDispose]() {
        await connection.close();
        await stop();
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A port of the loopback that nobody listens at. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = probe.address();
  probe.close();
  await once(probe, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port of the loopback is free');
  return address.port;
}
