import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { DEFAULT_STATE_DIRECTORY } from './node/config.ts';
import { readSecretLine } from './node/secret-input.ts';
import { DEFAULT_POLICY_FILE } from './node/policy-file.ts';
import { usageError, VerbError } from './verbs/failure.ts';
import { AGENT_VERSION } from './version.ts';

const USAGE = `Usage: latchkey-agent VERB [--state DIR] [--policy FILE]

  enroll --url URL [--name NAME]   join a control plane; asks for the join token, or reads it from standard input
  run [--no-standby]               keep a session to it, and reset passwords as it orders
  status [--json]                  what the agent is doing, and the fingerprint of this instance
  check [--json]                   look at everything now, the connection included; ends with 0 when all is well
  uninstall [--yes]                end the agent, say so to the control plane, and leave nothing

  --state DIR     where the agent keeps its keys and its journal (default ${DEFAULT_STATE_DIRECTORY})
  --policy FILE   what root of this instance allows (default ${DEFAULT_POLICY_FILE})

The environment's HTTPS_PROXY and NO_PROXY are respected. Exit codes: 0 done, 1 failed, 2 wrong use or nothing done.`;

const OPTIONS = {
  url: { type: 'string' },
  name: { type: 'string' },
  state: { type: 'string', default: DEFAULT_STATE_DIRECTORY },
  policy: { type: 'string', default: DEFAULT_POLICY_FILE },
  json: { type: 'boolean', default: false },
  yes: { type: 'boolean', default: false },
  'no-standby': { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
  version: { type: 'boolean', default: false },
} as const;

type Values = ReturnType<typeof parse>['values'];

/** Each verb with the options that it takes besides the two that all take. Loaded when it is called for. */
const VERBS: Record<string, { options: readonly (keyof Values)[]; run: (values: Values) => Promise<number> }> = {
  enroll: { options: ['url', 'name'], run: enrollVerb },
  run: { options: ['no-standby'], run: runVerb },
  status: { options: ['json'], run: statusVerb },
  check: { options: ['json'], run: checkVerb },
  uninstall: { options: ['yes'], run: uninstallVerb },
};
const FOR_ALL: readonly string[] = ['state', 'policy', 'help', 'version'];

function parse(argv: string[]) {
  return parseArgs({ args: argv, options: OPTIONS, allowPositionals: true, strict: true, tokens: true });
}

async function main(argv: string[]): Promise<number> {
  const parsed = parseOrRefuse(argv);
  const { values, positionals, tokens } = parsed;
  if (values.version) return say(AGENT_VERSION);
  if (values.help) return say(USAGE);
  const [name = '', ...rest] = positionals;
  const verb = Object.hasOwn(VERBS, name) ? VERBS[name] : undefined;
  if (verb === undefined) throw usageError(name === '' ? 'No verb was given.' : 'There is no such verb.');
  // Not repeated: it may be a join token, and this is shown.
  if (rest.length > 0)
    throw usageError(`"${name}" takes no arguments but its options; a join token goes to standard input.`);
  const taken = new Set<string>([...verb.options, ...FOR_ALL]);
  const stray = tokens.find((token) => token.kind === 'option' && !taken.has(token.name));
  if (stray?.kind === 'option') throw usageError(`"${name}" takes no ${stray.rawName}.`);
  return verb.run(values);
}

function parseOrRefuse(argv: string[]) {
  try {
    return parse(argv);
  } catch (error) {
    throw usageError(error instanceof Error ? (error.message.split('. ')[0] ?? '') : 'The options cannot be read.');
  }
}

async function enrollVerb({ url, name, state }: Values): Promise<number> {
  if (url === undefined) throw usageError('"enroll" needs --url URL.');
  const token = await readSecretLine('Join token: ');
  if (token === null) {
    throw new VerbError('join-token-missing', 'No join token was given.', 'Run it again with one.', { exitCode: 2 });
  }
  const { enroll, formatEnrolment } = await import('./verbs/enroll.ts');
  const enrolment = await enroll({
    ...{ url, name: name ?? null, directory: state, token, environment: process.env },
  });
  return say(formatEnrolment(enrolment, state));
}

async function runVerb(values: Values): Promise<number> {
  const { run } = await import('./verbs/run.ts');
  const standby = !values['no-standby'];
  await run({ directory: values.state, policyFile: values.policy, standby, environment: process.env });
  return 0;
}

async function statusVerb({ state, json }: Values): Promise<number> {
  const { readStatus, formatStatus } = await import('./verbs/status.ts');
  const report = await readStatus(state);
  say(json ? JSON.stringify(report) : formatStatus(report));
  return report.running ? 0 : 1;
}

async function checkVerb({ state, policy, json }: Values): Promise<number> {
  const { check, formatCheck } = await import('./verbs/check.ts');
  const report = await check({ directory: state, policyFile: policy, environment: process.env });
  say(json ? JSON.stringify(report) : formatCheck(report));
  return report.ok ? 0 : 1;
}

async function uninstallVerb({ state, policy, yes }: Values): Promise<number> {
  if (!yes && !(await confirm(`Remove the agent and everything in ${state}? Type yes: `))) {
    throw new VerbError('not-confirmed', 'Nothing was removed.', 'Type yes, or give --yes.', { exitCode: 2 });
  }
  const { uninstall } = await import('./verbs/uninstall.ts');
  const report = await uninstall({ directory: state, policyFile: policy, environment: process.env });
  for (const path of report.removed) say(`Removed ${path}.`);
  const told = 'The control plane has been told.';
  return say(report.saidGoodbye ? told : 'The control plane was not reached: remove the instance there.');
}

async function confirm(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false;
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return await new Promise((resolve) => {
      lines.question(question, (answer) => resolve(answer.trim() === 'yes'));
      lines.on('close', () => resolve(false));
    });
  } finally {
    lines.close();
  }
}

function say(text: string): 0 {
  console.log(text);
  return 0;
}

// Not awaited here: in the executable this is no module of its own, and only modules can.
main(process.argv.slice(2)).then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    process.exitCode = complain(error);
  },
);

/** One line on standard error; returns the exit code. */
function complain(error: unknown): number {
  if (error instanceof VerbError) {
    console.error(`latchkey-agent: ${error.code}: ${error.message} ${error.remedy}`);
    return error.exitCode;
  }
  const what = error instanceof Error && 'code' in error ? String(error.code) : String(error);
  console.error(`latchkey-agent: failed: ${what}. Check the rights and the disk of the state directory.`);
  return 1;
}
