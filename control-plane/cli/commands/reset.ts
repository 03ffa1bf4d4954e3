import { mustRead } from '../config/load.ts';
import { clientError, usageError } from '../errors.ts';
import type { Ports } from '../ports.ts';
import { interpretReset, parseTargetsFile, ResetFlags } from '../reset/request.ts';
import { runReset } from '../reset/run.ts';
import { pinStoreOf, sentResetsOf } from '../state.ts';
import { withSession } from '../session.ts';
import { addPasswordOptions } from './reset-options.ts';
import { handle, repeated, type AddVerb } from './support.ts';

const TARGETS_FILE_BYTES_MAX = 1024 * 1024;

const NOTES = `
The password is asked for twice and not shown, unless --password-stdin or --generate is given. It is sealed on this
machine to each instance, and no one between can read it.

What carries a tag is the control plane's to say. If --tag finds instances whose identity is seen for the first time, and
they would get the same password as others, their fingerprints are shown and you are asked. --generate needs no question.

Exit code: 0 every instance succeeded (with --no-wait: was accepted; with --dry-run: can be reset), 1 some did not,
2 nothing was done. With --json, standard output holds one object:
  { id, mode, account, tasks: [{ instance, state, code, message, verifiedBy, warnings, appliedMs, verifiedMs }] }
With --generate a task that got its password, or may have, has the field password too. A failure before anything was
started is { error: { code, message, remedy, details } }.`;

/** `latchkey reset`. */
export const addReset: AddVerb = (command, context) => {
  command
    .argument('[INSTANCE...]', 'names or ids')
    .option('--tag <K=V>', 'all instances that carry this tag; may be repeated, all must match', repeated)
    .option('--from-file <FILE>', 'names or ids, one a line; - is standard input')
    .option('--account <NAME>', 'default: root; on Windows the built-in administrator')
    .option('--mode <MODE>', 'online: at once; offline: at the next boot (default: online)')
    .option('--unlock', 'remove a lock of the account')
    .option('--unexpire', 'remove the expiry of the account')
    .option('--must-change', 'ask for another password at the first login')
    .option('--supersede', 'end an unfinished reset of the same account');
  addPasswordOptions(command).addHelpText('after', NOTES);

  handle(command, context, ResetFlags, async ({ args, flags, ports }) => {
    const fileNames = flags.fromFile === undefined ? [] : await readTargets(flags.fromFile, ports);
    const request = interpretReset(args, flags, fileNames);
    return withSession(flags, ports, ({ routes, server }) =>
      runReset(request, {
        ...{ ports, routes, server },
        pins: pinStoreOf(ports, flags.knownInstances),
        sent: sentResetsOf(ports, server),
      }),
    );
  });
};

async function readTargets(path: string, ports: Ports): Promise<string[]> {
  if (path !== '-') return parseTargetsFile(path, (await mustRead(ports, path, TARGETS_FILE_BYTES_MAX)).text);
  if (ports.terminal.inIsTerminal) throw usageError('--from-file', 'standard input is a terminal; name a file');
  const input = await ports.terminal.readInput(TARGETS_FILE_BYTES_MAX);
  if (input === null) throw clientError('too-many-targets');
  return parseTargetsFile('standard input', input.toString('utf8'));
}
