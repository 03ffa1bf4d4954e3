import { Command, CommanderError } from 'commander';
import type { Ports } from './ports.ts';
import type { CommandTree, Shell } from './completion.ts';
import { VERBS } from './verbs.ts';

const EXIT_USAGE = 2;

/** What the command line needs before it knows which verb it is about. */
export interface CliWorld {
  /** Writes text as it is: help, completion scripts, all of it our own or made safe before. */
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
  /** The rest of the world, made when a verb needs it. */
  readonly ports: () => Promise<Ports>;
  /** Verbs that others add, for `--help` and completion: name and summary. */
  readonly otherVerbs?: readonly { readonly name: string; readonly summary: string }[];
}

/** Runs one command line (without the names of runtime and program) and resolves to the exit code. Never rejects. */
export async function runCli(argv: readonly string[], world: CliWorld): Promise<number> {
  let exitCode = 0;
  let complaint = '';
  const program = createProgram(world, {
    finish: (code) => {
      exitCode = code;
    },
    complain: (text) => {
      complaint += text;
    },
  });
  try {
    await program.parseAsync(withoutHelpVerb(argv), { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    return fail(error, complaint, argv, world);
  }
}

/** `latchkey help reset` is `latchkey reset --help`: commander's own verb would not wait for the verb to load. */
function withoutHelpVerb(argv: readonly string[]): string[] {
  return argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv];
}

const COMPLETION_NOTES = `
For this shell alone: source <(latchkey completion bash), or latchkey completion fish | source. For good:
  bash  latchkey completion bash > /etc/bash_completion.d/latchkey
  zsh   latchkey completion zsh > DIRECTORY/_latchkey, where DIRECTORY is in $fpath
  fish  latchkey completion fish > ~/.config/fish/completions/latchkey.fish`;

interface Course {
  readonly finish: (exitCode: number) => void;
  /** Takes what commander says of a command line that it does not understand. */
  readonly complain: (text: string) => void;
}

function createProgram(world: CliWorld, { finish, complain }: Course): Command {
  const program = new Command('latchkey')
    .description(
      "Resets the password of any instance, with proof that the new one works.\nThe operator's command line.",
    )
    .option('--url <URL>', 'the control plane (LATCHKEY_URL)')
    .option('--token-file <FILE>', 'file with the API token, - is standard input (the token itself: LATCHKEY_TOKEN)')
    .option('--ca <FILE>', 'PEM of the certificate authority to trust, and no other (LATCHKEY_CA)')
    .helpCommand(false)
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError('Add --help to see what it takes.')
    .exitOverride()
    .configureOutput({ writeOut: world.out, writeErr: complain })
    .addHelpText(
      'after',
      '\nEach of url, token, tokenFile and ca may also stand in ~/.config/latchkey/config.json.' +
        '\nExit codes: 0 all is done, 1 some is not, 2 nothing was done. latchkey --version says which version this is.',
    );

  for (const verb of VERBS) program.command(verb.name).description(verb.summary);
  for (const { name, summary } of world.otherVerbs ?? []) program.command(name).description(summary);
  program
    .command('completion')
    .description('print a script that makes a shell complete verbs and flags')
    .argument('<SHELL>', 'bash, zsh or fish')
    .addHelpText('after', COMPLETION_NOTES)
    .action(async (shell: string) => world.out(await completion(shell, program, world)));

  program.hook('preSubcommand', async (parent, command) => {
    if (parent === program) await loadVerb(command, world, finish);
  });
  return program;
}

async function loadVerb(command: Command, world: CliWorld, finish: (exitCode: number) => void): Promise<void> {
  const verb = VERBS.find(({ name }) => name === command.name());
  const add = await verb?.load();
  add?.(command.helpCommand(false), { ports: world.ports, finish });
}

async function completion(shell: string, program: Command, world: CliWorld): Promise<string> {
  const { completionScript, SHELLS } = await import('./completion.ts');
  const known = SHELLS.find((name): name is Shell => name === shell);
  if (known === undefined) {
    const { usageError } = await import('./errors.ts');
    throw usageError('SHELL', `is not one of ${SHELLS.join(', ')}`);
  }
  for (const command of program.commands) await loadVerb(command, world, () => undefined);
  return completionScript(known, treeOf(program));
}

function treeOf(command: Command): CommandTree {
  const options = command.options.filter(({ long }) => typeof long === 'string');
  return {
    name: command.name(),
    summary: command.description(),
    flags: [...options.map(({ long }) => long ?? ''), '--help'],
    valued: options.filter(({ required }) => required).map(({ long }) => long ?? ''),
    commands: command.commands.map(treeOf),
  };
}

/** Says what went wrong: to people on standard error, with `--json` as one object on standard output. */
async function fail(thrown: unknown, complaint: string, argv: readonly string[], world: CliWorld): Promise<number> {
  // Loaded here: what goes well needs none of it.
  const { failureLines, failureOf, usageError } = await import('./errors.ts');
  const failure = failureOf(thrown instanceof CommanderError ? usageError('', usageMessage(thrown)) : thrown);
  if (wantsJson(argv)) {
    const { jsonText } = await import('./output/json.ts');
    world.out(`${jsonText({ error: failure })}\n`);
  } else {
    const { printableLine } = await import('./output/safe.ts');
    const lines = thrown instanceof CommanderError ? complaint.trimEnd().split('\n') : failureLines(failure);
    for (const line of lines) world.err(`${printableLine(line)}\n`);
  }
  return EXIT_USAGE;
}

function usageMessage({ code, message }: CommanderError): string {
  // commander shows the help by itself where no verb is given, and says so with this text.
  if (code === 'commander.help') return 'no command is given';
  return message.replace(/^error: /, '').split('\n')[0] ?? message;
}

function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return (end === -1 ? argv : argv.slice(0, end)).includes('--json');
}
