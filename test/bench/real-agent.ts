import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { CreatedToken, InstanceName } from '#protocol';
import { buildPackage } from '../../scripts/package/build.ts';
import { CHECKOUT } from '../support/hosts/host.ts';
import type { LightHost } from '../support/hosts/light.ts';
import { PLACE_ENVIRONMENT } from '../support/hosts/place.ts';
import { descendants, type ProcessEntry } from '../support/hosts/process-table.ts';
import { mustRun } from '../support/hosts/run.ts';
import { until } from '../support/hosts/until.ts';
import type { ControlPlane } from './control-plane.ts';

const RUNNING_DEADLINE_MS = 60_000;

/** An agent to start: the path of its program, and what the unit adds to the environment. */
export interface AgentProgram {
  readonly path: string;
  readonly env: Readonly<Record<string, string>>;
}

export const CHECKED_OUT: AgentProgram = { path: join(CHECKOUT, 'scripts/latchkey-agent'), env: {} };

export interface PackagedAgent extends AgentProgram {
  /** What an installer downloads. */
  readonly archive: string;
}

/** Builds the agent as it is shipped and unpacks it into a directory that hosts see. */
export async function packagedAgent(directory: string): Promise<PackagedAgent> {
  const { archive } = await buildPackage();
  const place = join(directory, 'latchkey-agent');
  await mkdir(place, { recursive: true });
  await mustRun(['tar', '-xzf', archive, '-C', place, '--strip-components=1']);
  return { archive, path: join(place, 'latchkey-agent'), env: { MALLOC_ARENA_MAX: '1' } };
}

export interface AgentProcess {
  readonly name: InstanceName;
  readonly pid: number;
  /** The helper that stands by, if there is one. */
  helper(): number | null;
}

export interface AgentOptions {
  /** What the instance is called. */
  readonly label: string;
  readonly program: AgentProgram;
  readonly flags?: readonly string[];
}

/** Enrols an agent on the host and starts it; resolves when it is running. It ends with the host. */
export async function startAgent(
  host: LightHost,
  { url, routes }: Pick<ControlPlane, 'url' | 'routes'>,
  { label, program, flags = [] }: AgentOptions,
): Promise<AgentProcess> {
  const name = InstanceName.parse(label);
  const state = ['--state', `/var/lib/${name}`];
  const { token } = CreatedToken.parse(await routes.tokens.create({ type: 'join', project: 'default', uses: 1 }));
  const enrol = [program.path, 'enroll', '--url', url, '--name', name, ...state] as const;
  const enrolled = await host.exec(enrol, { input: `${token}\n` });
  if (enrolled.code !== 0) throw new Error(`${name} does not enrol: ${enrolled.stdout}${enrolled.stderr}`);

  const [nsenter, ...entry] = host.entry();
  const child = spawn(nsenter, [...entry, program.path, 'run', ...state, ...flags], {
    env: { ...PLACE_ENVIRONMENT, ...program.env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (log += chunk.toString()));
  await until(
    async () => {
      if (child.exitCode !== null) throw new Error(`${name} ended: ${log}`);
      return (await routes.instances.find(name)).agent.state === 'running';
    },
    { what: () => `${name} to be running: ${log}`, deadlineMs: RUNNING_DEADLINE_MS },
  );
  const { pid } = onlyChild(child);
  return { name, pid, helper: () => helperBelow(pid) };
}

/** The helper that stands by for that process, or for one below it. */
export function helperBelow(pid: number, table?: readonly ProcessEntry[]): number | null {
  return descendants(pid, table).find(isHelper)?.pid ?? null;
}

/** By its command line: the shell of the script stands by as well, and a helper is called what its agent is. */
function isHelper({ pid }: ProcessEntry): boolean {
  try {
    return readFileSync(`/proc/${String(pid)}/cmdline`, 'utf8').includes('verify-helper');
  } catch {
    return false; // It has ended since the table was read.
  }
}

/** `nsenter` forks once to be in the process namespace; what it starts replaces itself up to the agent. */
export function onlyChild(child: ChildProcess): ProcessEntry {
  const [first, ...more] = descendants(child.pid ?? -1).filter((entry) => entry.parent === child.pid);
  if (first === undefined || more.length > 0) throw new Error('nsenter has not exactly one child');
  return first;
}
