import type { Command } from 'commander';
import * as z from 'zod';
import { ResetId, verifyEd25519, type Reset } from '#protocol';
import { mustConfirm } from '../confirm.ts';
import { countText, durationText, timeText } from '../output/format.ts';
import { ResetFlags } from '../reset/request.ts';
import { retryOf, termsText } from '../reset/retry.ts';
import { runReset } from '../reset/run.ts';
import { pinStoreOf, sentResetsOf } from '../state.ts';
import { addPasswordOptions } from './reset-options.ts';
import { CommonFlags, handleConnected, print, readArgument, type CommandContext } from './support.ts';

/** `latchkey resets pause`. */
export function addPause(parent: Command, context: CommandContext): void {
  const command = parent
    .command('pause')
    .description('send nothing more of a reset until it is resumed')
    .argument('<ID>', 'id of the reset')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, CommonFlags, async ({ args: [id], flags, ports, routes }) => {
    const reset = await routes.resets.pause(readArgument(ResetId, 'ID', id));
    print(ports, flags.json, reset, () => pausedLines(reset, ports.clock.now()));
    return 0;
  });
}

function pausedLines(reset: Reset, now: number): string[] {
  const { id, inFlight, counts, notAfter } = reset;
  const left = notAfter > now ? `in ${durationText(notAfter - now)}` : 'now';
  return [
    `Paused. Waiting: ${countText(counts.pending - inFlight, 'instance')}; under way, and coming to an end: ${inFlight}.`,
    `What waits expires ${left} (${timeText(notAfter)}), paused or not. Go on with: latchkey resets resume ${id}`,
  ];
}

/** `latchkey resets resume`. */
export function addResume(parent: Command, context: CommandContext): void {
  const command = parent
    .command('resume')
    .description('go on with a paused reset')
    .argument('<ID>', 'id of the reset')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, CommonFlags, async ({ args: [id], flags, ports, routes }) => {
    const reset = await routes.resets.resume(readArgument(ResetId, 'ID', id));
    print(ports, flags.json, reset, () => [
      `Goes on, with ${countText(reset.counts.pending, 'instance')} to come, ${reset.concurrency} at once.`,
    ]);
    return 0;
  });
}

const RetryFlags = ResetFlags.extend({ withCancelled: z.boolean().default(false), yes: z.boolean().default(false) });

const NOTES = `
The same account is reset in the same way, with a new password: the first one was not kept. Tried again are instances on
which it failed, was blocked, expired, or has an unknown outcome. It becomes a reset of its own, and each names the other.

If the reset was not sent from here, what is reset is on the control plane's word: it is shown, and you are asked (--yes).
Exit codes and --json are those of "latchkey reset".`;

/** `latchkey resets retry`. */
export function addRetry(parent: Command, context: CommandContext): void {
  const command = parent
    .command('retry')
    .description('reset again where it did not succeed, with a new password')
    .argument('<ID>', 'id of the reset')
    .option('--with-cancelled', 'those too that were cancelled, by hand or because others had failed')
    .option('--yes', 'do not ask about a reset that was not sent from here');
  addPasswordOptions(command).addHelpText('after', NOTES);
  handleConnected(command, context, RetryFlags, async ({ args: [id], flags, ports, routes, server }) => {
    const resetId = readArgument(ResetId, 'ID', id);
    const records = sentResetsOf(ports, server);
    const recorded = await records.load(resetId);
    const sent = recorded === null ? null : new Map(recorded.map((each) => [each.instanceId, each]));
    const { withCancelled } = flags;
    const [reset, tasks] = [await routes.resets.show(resetId), await routes.resets.tasks(resetId)];
    const { request, removed } = await retryOf(reset, tasks, { sent, withCancelled, flags, verify: verifyEd25519 });
    for (const name of removed) ports.terminal.err(`${name}: was removed, and is left out`);
    const count = request.plan.targets.instances.length;
    ports.terminal.err(`Again on ${countText(count, 'instance')}: ${termsText(request.plan)}.`);
    if (sent === null && !request.dryRun) {
      ports.terminal.err('It was not sent from here: this is what the control plane says.');
      await mustConfirm(ports, 'Is that what you want to reset?', flags.yes, '--yes');
    }
    return runReset(request, { ports, routes, server, pins: pinStoreOf(ports, flags.knownInstances), sent: records });
  });
}
