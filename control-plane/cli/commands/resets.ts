import type { Command } from 'commander';
import * as z from 'zod';
import {
  judgeTask,
  outcomeOfTask,
  ResetId,
  tallyOf,
  verifyEd25519,
  type Expectation,
  type InstanceId,
  type Outcome,
  type Reset,
} from '#protocol';
import { countText, durationText, timeText } from '../output/format.ts';
import { fieldLines, tableLines } from '../output/table.ts';
import { followReset } from '../reset/follow.ts';
import { exitCodeOf } from '../reset/outcome.ts';
import { termsText } from '../reset/retry.ts';
import { reportJson, reportLines, type Report } from '../reset/report.ts';
import type { Session } from '../session.ts';
import { sentResetsOf } from '../state.ts';
import { addPause, addResume, addRetry } from './resets-batch.ts';
import { CommonFlags, handleConnected, print, readArgument, type AddVerb, type CommandContext } from './support.ts';

const ROWS_DEFAULT = 50;

const UNPROVEN = 'Without a record of what was sent from here, this is the word of the control plane, unproven.';

/** `latchkey resets …`. */
export const addResets: AddVerb = (command, context) => {
  addList(command, context);
  addShow(command, context);
  addWatch(command, context);
  addPause(command, context);
  addResume(command, context);
  addCancel(command, context);
  addRetry(command, context);
};

const ListFlags = CommonFlags.extend({ limit: z.coerce.number().int().min(1).default(ROWS_DEFAULT) });

function addList(parent: Command, context: CommandContext): void {
  const command = parent
    .command('list')
    .description('resets, newest first')
    .option('--limit <N>', `how many at the most (default: ${ROWS_DEFAULT})`)
    .option('--json', 'print one JSON object');
  handleConnected(command, context, ListFlags, async ({ flags, ports, routes }) => {
    const items = await routes.resets.list(flags.limit);
    print(ports, flags.json, { items }, () => resetTable(items));
    return 0;
  });
}

function resetTable(items: readonly Reset[]): string[] {
  const rows = items.map(({ id, mode, account, requestedBy, requestedAt, counts, finishedAt, state }) => [
    id,
    mode,
    account ?? '(default)',
    requestedBy,
    timeText(requestedAt),
    `${counts.succeeded}/${counts.total}`,
    String(counts.failed),
    String(counts.blocked),
    state,
    timeText(finishedAt),
  ]);
  return tableLines(['ID', 'MODE', 'ACCOUNT', 'BY', 'AT', 'DONE', 'FAILED', 'BLOCKED', 'STATE', 'FINISHED'], rows);
}

function addShow(parent: Command, context: CommandContext): void {
  const command = parent
    .command('show')
    .description('one reset and what became of each instance')
    .argument('<ID>', 'id of the reset')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, CommonFlags, async ({ args: [id], flags, ports, routes, server }) => {
    const resetId = readArgument(ResetId, 'ID', id);
    const reset = await routes.resets.show(resetId);
    const expectations = await expectationsOf(resetId, ports, server);
    if (expectations === null) ports.terminal.err(UNPROVEN);
    const outcomes: Outcome[] = [];
    for (const task of await routes.resets.tasks(resetId)) {
      const expected = expectations?.get(task.instanceId);
      outcomes.push(expected === undefined ? outcomeOfTask(task) : await judgeTask(task, expected, verifyEd25519));
    }
    const report = { ...reportOf(reset, 'watched', outcomes), batch: batchOf(reset) };
    print(ports, flags.json, reportJson(report), () => [
      ...fieldLines([
        ['reset', termsText(reset)],
        ['requested', `${timeText(reset.requestedAt)} by ${reset.requestedBy}`],
        ...standing(reset, ports.clock.now()),
      ]),
      ...reportLines({ ...report, everyRow: true }),
    ]);
    return 0;
  });
}

function addWatch(parent: Command, context: CommandContext): void {
  const command = parent
    .command('watch')
    .description('follow a reset until it is finished')
    .argument('<ID>', 'id of the reset')
    .option('--json', 'print one JSON object at the end');
  handleConnected(command, context, CommonFlags, async ({ args: [id], flags, ports, routes, server }) => {
    const resetId = readArgument(ResetId, 'ID', id);
    const reset = await routes.resets.show(resetId);
    const expectations = await expectationsOf(resetId, ports, server);
    const { terminal, clock, random } = ports;
    if (expectations === null) terminal.err(UNPROVEN);
    const outcomes = new Map<InstanceId, Outcome>();
    const stop = new AbortController();
    const unlisten = ports.interrupts.listen(() => stop.abort());
    const following = { resetId, outcomes, expectations, routes, terminal, clock, random, signal: stop.signal };
    const finished = await followReset({ ...following, verify: verifyEd25519 }).finally(unlisten);
    if (finished) await sentResetsOf(ports, server).end(resetId);
    else terminal.err(`Detached; the reset goes on. Watch it with: latchkey resets watch ${resetId}`);

    const report = reportOf(reset, finished ? 'watched' : 'detached', [...outcomes.values()]);
    print(ports, flags.json, reportJson(report), () => reportLines(report));
    return exitCodeOf(report.ending, tallyOf(report.outcomes));
  });
}

/** How the reset stands as a whole, and what it has to do with others. */
function standing(reset: Reset, now: number): [string, string][] {
  const { state, inFlight, counts, concurrency, stopAfterFailures, pausedAt, stoppedAt, finishedAt, notAfter } = reset;
  const since = pausedAt === null ? '' : `, since ${timeText(pausedAt)}`;
  const left = notAfter > now ? `${timeText(notAfter)}, in ${durationText(notAfter - now)}` : timeText(notAfter);
  return [
    ['state', state === 'paused' ? `paused${since}` : state],
    [
      'pace',
      `${concurrency} at once${stopAfterFailures === null ? '' : `, stops after ${stopAfterFailures} failures`}`,
    ],
    ...when(stoppedAt !== null, 'stopped', timeText(stoppedAt)),
    ...when(counts.pending > 0, 'under way', `${inFlight}; ${counts.pending - inFlight} not sent yet`),
    ...when(counts.pending > 0, 'limit', left),
    ['finished', finishedAt === null ? 'going on' : timeText(finishedAt)],
    ...when(reset.retryOf !== null, 'retry of', reset.retryOf ?? ''),
    ...when(reset.retriedBy.length > 0, 'retried by', reset.retriedBy.join(', ')),
  ];
}

function when(is: boolean, name: string, text: string): [string, string][] {
  return is ? [[name, text]] : [];
}

function reportOf({ id, mode, account }: Reset, ending: Report['ending'], outcomes: readonly Outcome[]): Report {
  return { id, mode, account, ending, outcomes, revealed: new Map(), samePassword: false };
}

/** The fields of the reset as a whole that a program is told. */
function batchOf(reset: Reset): NonNullable<Report['batch']> {
  const { state, concurrency, stopAfterFailures, pausedAt, stoppedAt, retryOf, retriedBy } = reset;
  return { state, concurrency, stopAfterFailures, pausedAt, stoppedAt, retryOf, retriedBy };
}

async function expectationsOf(
  resetId: ResetId,
  ports: Parameters<typeof sentResetsOf>[0],
  server: Session['server'],
): Promise<Map<InstanceId, Expectation> | null> {
  const sent = await sentResetsOf(ports, server).load(resetId);
  return sent === null ? null : new Map(sent.map((expectation) => [expectation.instanceId, expectation]));
}

function addCancel(parent: Command, context: CommandContext): void {
  const command = parent
    .command('cancel')
    .description('cancel what has not been handed to an instance yet')
    .argument('<ID>', 'id of the reset')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, CommonFlags, async ({ args: [id], flags, ports, routes }) => {
    const answer = await routes.resets.cancel(readArgument(ResetId, 'ID', id));
    print(ports, flags.json, answer, () => [
      `Cancelled on ${countText(answer.cancelled, 'instance')}; too late on ${answer.tooLate}.`,
    ]);
    return answer.tooLate === 0 ? 0 : 1;
  });
}
