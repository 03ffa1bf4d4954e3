import { randomBytes } from 'node:crypto';

import { CreatedToken, generatePassword, ServiceStatement } from '#protocol';
import { untilAgentsAre } from './agents.ts';
import type { Cleanup } from './cleanup.ts';
import { startControlPlane, type ControlPlane } from './control-plane.ts';
import { writeEntryScript } from './entry-script.ts';
import { StepFailure } from './failure.ts';
import { startInstance, tryNamespaces, type Instance } from './instance.ts';
import type { Narrator } from './narrator.ts';
import { PLAIN_ENVIRONMENT, program } from './places.ts';
import { run, type Daemon } from './processes.ts';
import { show, tryAll, type Change } from './proof.ts';

const NAMES = ['web-1', 'web-2', 'web-3'] as const;
const PROJECT = 'default';
/** Seconds count here: this is all that there is to see meanwhile. */
const LOOK_EVERY_MS = 100;

export interface StoryOptions {
  readonly narrator: Narrator;
  /** Where everything is kept; removed by the caller. */
  readonly directory: string;
  readonly cleanup: Cleanup;
  /** Ends the story wherever it stands. */
  readonly signal: AbortSignal;
  /** Told before each step what it is about, for the report of a failure. */
  readonly onStep: (title: string) => void;
}

/** What runs at the end of the story. */
export interface Stage {
  readonly controlPlane: ControlPlane;
  readonly instances: readonly Instance[];
  readonly account: string;
  readonly agents: ReadonlyMap<Instance, Daemon>;
  /** The program by which a person does something on an instance. */
  readonly entryScript: string;
}

/** A control plane, three instances, a reset of one and a reset of all, each proven by logins. */
export async function tell(options: StoryOptions): Promise<Stage> {
  const { narrator, directory, cleanup, signal, onStep } = options;

  onStep('see whether this machine can have throwaway instances');
  await tryNamespaces(directory, signal);
  narrator.done(`This machine can have throwaway instances. Everything goes to ${directory}.`);

  onStep('start the control plane');
  const controlPlane = await startControlPlane({ directory, cleanup, signal });
  narrator.done(`The control plane is ready at ${controlPlane.url}, with a new database and new keys.`);

  onStep('enable online reset');
  const version = await enableService(controlPlane);
  narrator.done(
    `Online reset is enabled for the project ${PROJECT}; service statement ${version} was accepted for it.`,
  );

  onStep('start the instances');
  const account = await freeAccountName(signal);
  const instances = await Promise.all(NAMES.map((name) => startInstance({ name, directory, cleanup, signal })));
  const first = new Map<Instance, string>();
  await Promise.all(
    instances.map(async (instance) => {
      const password = newPassword(account);
      first.set(instance, password);
      await instance.mustRun(['useradd', '--create-home', '--shell', '/bin/sh', account]);
      await instance.mustRun(['chpasswd'], `${account}:${password}\n`);
    }),
  );
  narrator.done(`${listOf(NAMES)} are up: private copies of this machine's files, each with an account ${account}.`);

  onStep('enrol the agents');
  const agents = await joinAll(controlPlane, instances);
  narrator.done('Each has enrolled with a join token: its keys were made on it and stay there.');

  onStep('wait for the agents to be healthy');
  const wanted = new Map(NAMES.map((name) => [name, 'running'] as const));
  await untilAgentsAre({ controlPlane, wanted, daemons: [...agents.values()], everyMs: LOOK_EVERY_MS, signal });
  narrator.done('All three agents are running and healthy.');

  const resets = { ...options, controlPlane, account };
  const [one] = NAMES;
  const second = newPassword(account);
  await proveReset(
    { ...resets, title: `Reset ${account} on one instance` },
    instances.map((instance) => ({
      instance,
      old: first.get(instance) ?? '',
      new: second,
      reset: instance.name === one,
    })),
  );
  const third = newPassword(account);
  await proveReset(
    { ...resets, title: `Reset ${account} on all three` },
    instances.map((instance) => {
      return { instance, old: instance.name === one ? second : (first.get(instance) ?? ''), new: third, reset: true };
    }),
  );
  return { controlPlane, instances, account, agents, entryScript: writeEntryScript(directory, instances) };
}

async function enableService(controlPlane: ControlPlane): Promise<string> {
  const { version } = ServiceStatement.parse(await controlPlane.json(['service', 'statement']));
  await controlPlane.json(['service', 'enable', '--project', PROJECT, '--accept-version', String(version)]);
  return String(version);
}

/** A name that this machine does not know: an account of that name in an instance is nobody's copy. */
async function freeAccountName(signal: AbortSignal): Promise<string> {
  for (const name of ['alice', 'alice-2', 'alice-3', 'alice-4']) {
    const lookUp = (database: string) => run(['getent', database, name], { env: PLAIN_ENVIRONMENT, signal });
    const found = await Promise.all([lookUp('passwd'), lookUp('group')]);
    if (found.every(({ code }) => code !== 0)) return name;
  }
  throw new StepFailure('this machine has accounts or groups alice, alice-2, alice-3 and alice-4 already');
}

async function joinAll(
  controlPlane: ControlPlane,
  instances: readonly Instance[],
): Promise<ReadonlyMap<Instance, Daemon>> {
  const uses = String(instances.length);
  const created = await controlPlane.json(['tokens', 'create', '--type', 'join', '--project', PROJECT, '--uses', uses]);
  const { token } = CreatedToken.parse(created);
  const agents = await Promise.all(
    instances.map(async (instance) => {
      const enroll = [program('latchkey-agent'), 'enroll', '--url', controlPlane.url, '--name', instance.name] as const;
      await instance.mustRun(enroll, `${token}\n`);
      return [instance, instance.startAgent()] as const;
    }),
  );
  return new Map(agents);
}

interface ResetOptions extends StoryOptions {
  readonly title: string;
  readonly controlPlane: ControlPlane;
  readonly account: string;
}

/** Logs in, resets through the operator's command line, logs in again. */
async function proveReset(options: ResetOptions, changes: readonly Change[]): Promise<void> {
  const { narrator, title, controlPlane, account, onStep } = options;
  const targets = changes.filter(({ reset }) => reset);
  const names = targets.map(({ instance }) => instance.name);
  // The first reset has pinned one of them; the others were installed by this demonstration, too.
  const trust = names.length > 1 ? ['--trust-new'] : [];
  const args = ['reset', ...names, '--account', account, '--password-stdin', ...trust];

  narrator.heading(title);
  onStep(`${title}: log in before it`);
  const before = await tryAll(account, changes);
  narrator.done('Tried the old and the new password on each instance, by su as an unprivileged user.');

  onStep(`${title}: latchkey ${args.join(' ')}`);
  narrator.done(`$ scripts/latchkey ${args.join(' ')}`);
  const { code, said } = await controlPlane.latchkey(args, `${targets[0]?.new ?? ''}\n`);
  narrator.quote(said.trimEnd().split('\n'));
  if (code !== 0) throw new StepFailure(`it ended with code ${code}`, controlPlane.daemon);

  onStep(`${title}: log in after it`);
  const after = await tryAll(account, changes);
  narrator.done('Tried both passwords again:');
  show(narrator, changes, before, after);
}

/** Strings, not bytes to be zeroed: these passwords open nothing but an instance that is gone in a moment. */
function newPassword(account: string): string {
  return generatePassword({ targets: [{ os: 'linux', account }], randomBytes });
}

function listOf(names: readonly string[]): string {
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`;
}
