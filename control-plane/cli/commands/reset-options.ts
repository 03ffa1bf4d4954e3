import type { Command } from 'commander';
import { RESET_CONCURRENCY_DEFAULT } from '#protocol';

/** What `reset` and `resets retry` share: where the password comes from, how it goes on, what is shown of it. */
export function addPasswordOptions(command: Command): Command {
  return command
    .option('--password-stdin', 'read the password from standard input, one line')
    .option('--generate', 'make a different password for each instance, and show it once on standard output')
    .option('--same', 'with --generate: one password for all')
    .option('--dry-run', 'say who would be reset and who is blocked; change nothing')
    .option('--skip-blocked', 'leave out what is blocked instead of doing nothing')
    .option(
      '--concurrency <N>',
      `how many instances at once (default: ${RESET_CONCURRENCY_DEFAULT}, or as in the reset that is retried)`,
    )
    .option('--stop-after <N>', 'once so many have failed, cancel what was not sent yet')
    .option('--no-wait', 'end once the reset is accepted')
    .option('--json', 'print one JSON object')
    .option('--known-instances <FILE>', 'the pinned identities (default: in the state directory)')
    .option('--strict-identities', 'refuse instances whose identity is not pinned yet')
    .option('--trust-new', 'do not ask about instances that are seen for the first time and share the password');
}
