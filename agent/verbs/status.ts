import { explain, fingerprintOf, printable, type ComponentMap } from '#protocol';
import { openEnrolled, type Enrolled } from '../compose.ts';
import { openTrust } from '../core/trust.ts';
import { holderOf } from '../node/instance-lock.ts';
import { readStatusFile } from '../node/status-file.ts';
import type { AgentStatus } from '../ports.ts';

export interface StatusReport {
  readonly running: boolean;
  /** What it wrote last; null when it never ran, or does not run now. */
  readonly state: string | null;
  /** ISO 8601. */
  readonly since: string | null;
  readonly server: string;
  readonly serverId: string;
  readonly instanceId: string;
  readonly name: string;
  readonly project: string;
  /** Of the instance's identity, to be compared with what clients show. */
  readonly fingerprint: string;
  readonly keySetVersion: number | null;
  readonly lastLoss: string | null;
  readonly components: ComponentMap;
  readonly unacknowledgedResults: number | null;
}

/** What is known about the agent of this state directory, without asking the agent. */
export async function readStatus(directory: string): Promise<StatusReport> {
  const enrolled = await openEnrolled(directory, {});
  const { config, crypto, storage } = enrolled;
  const running = holderOf(directory) !== null;
  const last = running ? readStatusFile(directory) : null;
  const keySetVersion = await keySetVersionOf(enrolled);
  await storage.close();
  return {
    running,
    state: last?.state ?? null,
    since: last === null ? null : new Date(last.since).toISOString(),
    server: config.url,
    serverId: config.serverId,
    instanceId: config.instanceId,
    name: config.name,
    project: config.project,
    fingerprint: fingerprintOf(crypto.identity.key),
    keySetVersion,
    // For a terminal, also as JSON, which escapes less than a terminal minds.
    lastLoss: lossOf(last),
    components: last?.components ?? {},
    unacknowledgedResults: last?.unacknowledgedResults ?? null,
  };
}

/** Of the key set on disk; null when it is missing or damaged. */
async function keySetVersionOf({ storage, crypto, config }: Enrolled): Promise<number | null> {
  try {
    const trust = await openTrust({ storage, crypto, serverId: config.serverId });
    return trust.keySet().version;
  } catch {
    return null;
  }
}

function lossOf(last: AgentStatus | null): string | null {
  const why = last?.lastLoss ?? null;
  return why === null ? null : printable(why);
}

export function formatStatus(report: StatusReport): string {
  const state = report.running ? (report.state ?? 'starting') : 'not running';
  const rows = [
    ['agent', report.since === null ? state : `${state} since ${report.since}`],
    ['instance', `${report.name} (${report.instanceId}), project ${report.project}`],
    ['server', report.server],
    ['fingerprint', report.fingerprint],
    ['key set', report.keySetVersion === null ? 'missing or damaged' : `version ${String(report.keySetVersion)}`],
    ...(report.lastLoss === null ? [] : [['last loss', report.lastLoss]]),
    ...(report.unacknowledgedResults === null
      ? []
      : [['results', `${String(report.unacknowledgedResults)} to deliver`]]),
  ];
  const lines = rows.map(([name = '', value = '']) => `${name.padEnd(12)}${value}`);
  return [...lines, ...formatComponents(report.components)].join('\n');
}

/** One line for each component, and what to do about those that fail. */
export function formatComponents(components: ComponentMap): string[] {
  return Object.entries(components).flatMap(([name, status]) => {
    if (status.state === 'ok') return [`  ok        ${name}`];
    const { message, remedy } = explain(status.code);
    const detail = status.detail === null ? '' : ` (${status.detail})`;
    return [`  failing   ${name}: ${status.code}${detail}`, `            ${message} ${remedy}`];
  });
}
