import { printable, type CloseReason, type ComponentMap, type InstanceFacts } from '#protocol';
import { createHandshake } from '../core/handshake.ts';
import { openLine } from '../core/line.ts';
import { openTrust } from '../core/trust.ts';
import { openEnrolled, type Enrolled } from '../compose.ts';
import { EMPTY_LEDGER } from '../domain/ledger.ts';
import { createLinuxInstance } from '../linux-instance.ts';
import { systemClock, systemRandom } from '../node/clock.ts';
import { SILENT_LOG } from '../node/log.ts';
import { readPolicyFile } from '../node/policy-file.ts';
import type { Storage } from '../ports.ts';
import { AGENT_VERSION } from '../version.ts';
import { formatComponents } from './status.ts';

const CONNECTION_MS_MAX = 20_000;

export interface CheckReport {
  readonly components: ComponentMap;
  /** null: the control plane answered and proved what it is. */
  readonly connection: string | null;
  /** null: valid, or there is none. */
  readonly policy: string | null;
  readonly ok: boolean;
}

/** Looks at everything now, without the agent: it may run meanwhile, and its session is left alone. */
export async function check(options: {
  readonly directory: string;
  readonly policyFile: string;
  readonly environment: NodeJS.ProcessEnv;
}): Promise<CheckReport> {
  const enrolled = await openEnrolled(options.directory, options.environment);
  const { directory } = options;
  const instance = createLinuxInstance({ clock: systemClock, random: systemRandom, directory, standby: false });
  const components = await instance.probe();
  const tried = await tryConnection(enrolled, await instance.facts());
  const connection = tried === null ? null : printable(tried);
  const reading = readPolicyFile(options.policyFile);
  instance.close();
  await enrolled.storage.close();
  const policy = reading.ok ? null : reading.problem;
  const healthy = Object.values(components).every((status) => status.state === 'ok');
  return { components, connection, policy, ok: healthy && connection === null && policy === null };
}

export function formatCheck(report: CheckReport): string {
  const line = (name: string, problem: string | null) =>
    problem === null ? `  ok        ${name}` : `  failing   ${name}: ${problem}`;
  const own = [line('control plane', report.connection), line('local policy', report.policy)];
  return [...formatComponents(report.components), ...own].join('\n');
}

/** Connects and has the control plane prove itself, and goes before there is a session that could displace another. */
async function tryConnection(enrolled: Enrolled, facts: InstanceFacts): Promise<string | null> {
  const { config, crypto, storage, transport } = enrolled;
  const { instanceId, serverId } = config;
  try {
    const trust = await openTrust({ storage: readOnly(storage), crypto, serverId });
    const handshake = createHandshake({
      ...{ clock: systemClock, random: systemRandom, storage, crypto, trust, instanceId, serverId },
      ...{ agentVersion: AGENT_VERSION, facts, ledger: () => EMPTY_LEDGER },
      sealingKey: () => {
        throw new Error('a check does not prove itself');
      },
    });
    const hello = handshake.hello();
    return await new Promise<string | null>((resolve) => {
      const end = (problem: string | null) => {
        forget();
        line.close(null);
        resolve(problem);
      };
      const forget = systemClock.after(CONNECTION_MS_MAX, () => end('no answer in time'));
      const line = openLine(
        { transport, trust, clock: systemClock, log: SILENT_LOG },
        {
          onOpen: () => line.send(hello),
          onFrame: async (frame) => {
            if (frame.type !== 'server-proof') {
              end('it speaks out of turn');
              return;
            }
            const verdict = await handshake.judge(hello, frame);
            end(verdict.ok ? null : verdict.reason);
          },
          onUnreadable: end,
          onSilent: () => end('silence'),
          onClosed: (reason: CloseReason | null, detail) => end(reason ?? detail),
        },
      );
    });
  } catch (error) {
    return error instanceof Error ? error.message : 'failed';
  }
}

/** What a check learns is not kept: the agent that runs has its own copy in mind. */
function readOnly(storage: Storage): Storage {
  const nothing = async () => undefined;
  const read = (name: string) => storage.read(name);
  return { read, list: () => storage.list(), replace: nothing, append: nothing, remove: nothing };
}
