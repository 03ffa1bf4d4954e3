import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { LIVENESS_INTERVAL_MS } from '#protocol';
import { DATABASE_FILE } from '../../../control-plane/server/data-directory.ts';
import { FILES } from '../../../control-plane/server/keys/layout.ts';
import { freePort } from '../control-plane.ts';
import { startProgram } from './channel.ts';

/** What `scripts/latchkey` starts a server with, as a test sees to; bare `ws` gets the same. */
export const LAUNCHED_WITH = {
  flags: ['--max-semi-space-size=8'],
  env: { MALLOC_MMAP_THRESHOLD_: '65536', MALLOC_MMAP_MAX_: '32768' },
} as const;

export interface ServerRequest {
  /** Have the garbage collected first. */
  readonly collect: boolean;
}

/** The server's memory as it sees it itself. */
export interface Heap {
  readonly heapUsedBytes: number;
  readonly externalBytes: number;
  readonly residentBytes: number;
}

export const KINDS = ['latchkey', 'bare'] as const;
/** The control plane, or a bare `ws` in front of nothing. */
export type ServerKind = (typeof KINDS)[number];

export interface Server extends AsyncDisposable {
  readonly pid: number;
  memory(request: ServerRequest): Promise<Heap>;
}

/** Where both kinds listen, in turns, and what they need. */
export interface Site {
  readonly port: number;
  readonly databaseFile: string;
  /** PEM of the authority that both certificates come from. */
  readonly ca: string;
  /** Resolves when it listens. Disposing of it is the orderly end that each of them knows. */
  start(kind: ServerKind, options?: { readonly flags?: readonly string[]; readonly pings?: boolean }): Promise<Server>;
}

/** Makes the keys and the store by starting a control plane once; the files stay in `directory`. */
export async function createSite(directory: string): Promise<Site> {
  const port = await freePort();
  const [data, keys] = [join(directory, 'data'), join(directory, 'keys')];
  const start: Site['start'] = async (kind, { flags = [], pings = false } = {}) => {
    const argv = [kind, String(port), data, keys, pings ? String(LIVENESS_INTERVAL_MS) : '0'];
    const logFile = join(directory, `${kind}.log`);
    const program = await startProgram('server-program.ts', {
      ...{ argv, logFile, env: LAUNCHED_WITH.env },
      flags: ['--expose-gc', ...LAUNCHED_WITH.flags, ...flags],
    });
    return {
      pid: program.pid,
      memory: (request) => program.ask<Heap>(request),
      [Symbol.asyncDispose]: () => program[Symbol.asyncDispose](),
    };
  };
  await (await start('latchkey'))[Symbol.asyncDispose]();
  const ca = readFileSync(join(keys, FILES.authorityCertificate), 'utf8');
  return { port, databaseFile: join(data, DATABASE_FILE), ca, start };
}

/** For whoever wants to know where the time goes: a directory for a profile of each run of the control plane. */
export function profileFlags(): string[] {
  const directory = process.env['LATCHKEY_BENCH_PROFILES'];
  return directory === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${directory}`];
}
