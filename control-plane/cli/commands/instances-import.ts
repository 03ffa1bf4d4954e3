import { importChunks, parseInstanceFile, type ImportLine } from '#protocol';
import type { Command } from 'commander';
import { clientError, CliError } from '../errors.ts';
import { mustRead } from '../config/load.ts';
import { countText } from '../output/format.ts';
import type { Ports } from '../ports.ts';
import type { Session } from '../session.ts';
import { CommonFlags, handleConnected, print, type CommandContext } from './support.ts';

const FILE_BYTES_MAX = 16 * 1024 * 1024;

const NOTES = `
Each line is NAME,OS,PROJECT,KEY=VALUE;KEY=VALUE (project and tags may be left out; a first line "name,os,project,tags"
is passed over), or a JSON object { "name", "os", "project", "tags": { } }. Empty lines and # comments are passed over.
Nothing is imported when a line is wrong. Up to 2,000 instances are added at once or not at all; of more, what was
added before a failure is said, and stays (exit code 1).`;

/** `latchkey instances import`. */
export function addImport(parent: Command, context: CommandContext): void {
  const command = parent
    .command('import')
    .description('add the instances of a file')
    .argument('<FILE>', 'CSV or JSON lines; - is standard input')
    .option('--json', 'print one JSON object')
    .addHelpText('after', NOTES);
  handleConnected(command, context, CommonFlags, async ({ args: [path = ''], flags, ports, routes }) => {
    const { lines, problems } = parseInstanceFile(await readText(path, ports));
    if (problems.length > 0) {
      const details = problems.map(({ line, message }) => ({
        subject: `${path}:${line}`,
        code: 'import-invalid',
        message,
      }));
      throw clientError('import-invalid', details);
    }
    const { added, failure } = await sendAll(path, lines, routes);
    print(ports, flags.json, failure === null ? { added } : { added, error: failure.toFailure() }, () => [
      `Added ${countText(added, 'instance')}.`,
    ]);
    if (failure === null) return 0;
    ports.terminal.err(`${failure.message} ${failure.remedy} What was added stays.`);
    for (const { subject, message } of failure.details) ports.terminal.err(`  ${subject}: ${message}`);
    return 1;
  });
}

/** Adds chunk by chunk. Rejects when the first fails, as nothing was added then. */
async function sendAll(path: string, lines: readonly ImportLine[], routes: Session['routes']) {
  let added = 0;
  for (const chunk of importChunks(lines)) {
    try {
      const imported = await routes.instances.import({ instances: chunk.map(({ instance }) => instance) });
      added += imported.added;
    } catch (error) {
      if (!(error instanceof CliError)) throw error;
      const failure = withLines(error, path, chunk);
      if (added === 0) throw failure;
      return { added, failure };
    }
  }
  return { added, failure: null };
}

/** The control plane speaks of instances by name, or by place in the chunk; the operator has lines. */
function withLines(error: CliError, path: string, chunk: readonly ImportLine[]): CliError {
  const details = error.details.map((detail) => {
    const place = /^instances\.(\d+)/.exec(detail.subject)?.[1];
    const found =
      place === undefined ? chunk.find(({ instance }) => instance.name === detail.subject) : chunk[Number(place)];
    return found === undefined ? detail : { ...detail, subject: `${path}:${found.line} ${found.instance.name}` };
  });
  return new CliError({ ...error.toFailure(), details }, { cause: error });
}

async function readText(path: string, ports: Ports): Promise<string> {
  if (path !== '-') return (await mustRead(ports, path, FILE_BYTES_MAX)).text;
  const input = await ports.terminal.readInput(FILE_BYTES_MAX);
  if (input === null) throw clientError('import-invalid', ['Standard input is larger than 16 MiB.']);
  return input.toString('utf8');
}
