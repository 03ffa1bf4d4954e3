#!/usr/bin/env node
import { readFileSync } from 'node:fs';
import { runCli } from './cli/cli.ts';

const SERVER = { name: 'server', summary: 'run the control plane, check its configuration' };
/** Verbs of the server under the names that operators look for; each is `latchkey server VERB`. */
const SHORTCUTS = [
  { name: 'backup', summary: 'copy the database of the control plane on this machine into a file' },
  { name: 'restore', summary: 'put a backup in the place of that database' },
];
const EXIT_USAGE = 2;

/**
 * The program `latchkey`: the control plane itself (`latchkey server`) and the operator's command line, which is a
 * client of its API. The one place that knows both; each is loaded only when it is asked for.
 */
async function main(argv: readonly string[]): Promise<number> {
  const [verb, ...rest] = argv;
  // Here and not an option of the command line, which would take it from verbs that have one of that name.
  if (verb === '--version') return sayVersion();
  if (verb === SERVER.name || (verb === 'help' && rest[0] === SERVER.name)) return runServer(argv);
  if (SHORTCUTS.some(({ name }) => name === verb)) return runServer([SERVER.name, ...argv]);
  return runCli(argv, {
    out: (text) => process.stdout.write(text),
    err: (text) => process.stderr.write(text),
    ports: async () => (await import('./cli/node/ports.ts')).createNodePorts(),
    otherVerbs: [SERVER, ...SHORTCUTS],
  });
}

function sayVersion(): number {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  process.stdout.write(`${manifest.version}\n`);
  return 0;
}

async function runServer(argv: readonly string[]): Promise<number> {
  const { Command, CommanderError } = await import('commander');
  const program = new Command('latchkey').exitOverride();
  try {
    (await import('./server/command.ts')).addServerCommand(program);
    await program.parseAsync([...argv], { from: 'user' });
    // The server sets it, as it goes on after its command has been parsed.
    return Number(process.exitCode ?? 0);
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? 0 : EXIT_USAGE;
  }
}

// Whoever reads has gone (`latchkey … | head`). What goes on must still be carried to its end.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
  });
}

// Not process.exit: what was written may not have left yet.
process.exitCode = await main(process.argv.slice(2));
