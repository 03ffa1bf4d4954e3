import { randomBytes } from 'node:crypto';
import type { CDPSession, Page } from 'playwright-core';

import { generatePassword } from '#protocol';
import { texts } from '../../../control-plane/console/texts/index.ts';
import { megabytes, verdict, type Rows } from '../bench.ts';
import { within } from './within.ts';

const FRAME_MS_MAX = 50;
/** Sealing ten thousand passwords in a page, on a machine that has other things to do. */
const START_DEADLINE_MS = 600_000;
/** What was sealed may not be applied after that long, so that there is no waiting for longer. */
const BATCH_DEADLINE_MS = 620_000;
const ACCOUNT = 'alice';

const words = texts.reset.progress;

/** How smooth a page was for a while, by its own frames. */
export interface Smoothness {
  readonly spanMs: number;
  readonly frames: number;
  /** Of 60 a second. */
  readonly dropped: number;
  /** Frames over 50 ms, as Chromium counts them. */
  readonly long: number;
  readonly longestMs: number;
  /** The longest, and what ran in them. */
  readonly worst: readonly unknown[];
}

/** After everything that nobody refers to has been collected. */
export interface PageMemory {
  readonly heapBytes: number;
  readonly nodes: number;
}

export interface Progress {
  readonly tasks: number;
  /** From OK in the dialog to the page of the reset: planned again, sealed, sent. */
  readonly startedMs: number;
  /** Until every task is on the page; while the batch goes; the same page loaded anew when it is over. */
  readonly opening: Smoothness;
  readonly going: Smoothness;
  readonly again: Smoothness;
  readonly memory: { readonly opened: PageMemory; readonly finished: PageMemory; readonly again: PageMemory };
}

export interface ProgressStage {
  readonly page: Page;
  readonly cdp: CDPSession;
  readonly url: string;
  readonly tasks: number;
  /** Lets the agents answer what they are sent. */
  readonly work: () => Promise<void>;
}

/** Resets all of them, from the list, as an operator does: so this page has sealed what it then has to check. */
export async function measureProgress(stage: ProgressStage): Promise<Progress> {
  const { page, cdp, tasks, work } = stage;
  await chooseAll(stage);
  const [there, startedMs] = await Promise.all([arrival(page), startReset(page, tasks)]);
  const opening = await smoothness(page, there.arrivedMs, there.usableMs);
  const opened = await memoryOf(cdp);
  const fromMs = await now(page);
  // A figure of a batch that went wrong would say something else than it seems to: each has to be proven.
  const proven = page.evaluate<number>(`latchkeyBench.said(${JSON.stringify(words.provenHere(tasks, tasks))})`);
  await work();
  const going = await smoothness(page, fromMs, await within(BATCH_DEADLINE_MS, 'the batch', proven));
  const finished = await memoryOf(cdp);
  await page.reload();
  const back = await arrival(page);
  const again = await smoothness(page, 0, back.usableMs);
  return { tasks, startedMs, opening, going, again, memory: { opened, finished, again: await memoryOf(cdp) } };
}

async function chooseAll({ page, url, tasks }: ProgressStage): Promise<void> {
  const { select, actions } = texts.instances;
  await page.goto(`${url}/console/instances`);
  // The first of two: the one that stays in sight and covers the other.
  await page.locator('main thead').first().getByLabel(select.all).first().click();
  await page.getByRole('button', { name: select.matching(tasks) }).click();
  await page.getByText(select.chosen(tasks)).waitFor();
  await page.getByRole('button', { name: actions.reset, exact: true }).first().click();
}

/** Resolves when the browser has gone to the page of the reset, with how long that took. */
async function startReset(page: Page, tasks: number): Promise<number> {
  const fields = texts.reset.dialog;
  const dialog = page.getByRole('dialog');
  const password = generatePassword({ targets: [{ os: 'linux', account: ACCOUNT }], randomBytes });
  await dialog.getByLabel(fields.account, { exact: true }).fill(ACCOUNT);
  await dialog.getByLabel(fields.password, { exact: true }).fill(password);
  await dialog.getByLabel(fields.again, { exact: true }).fill(password);
  // All of them: one that just missed a heartbeat would be left out.
  await dialog.getByText(fields.ready(tasks, tasks)).waitFor();
  // A browser that has never seen one of them.
  await dialog.getByLabel(fields.strangers.trust).check();
  const startedMs = performance.now();
  const submit = dialog.locator('button[type="submit"]');
  const started = page.waitForURL(RESET_PAGE, { timeout: START_DEADLINE_MS }).then(() => true);
  const unseen = dialog.getByText(fields.unseen.title).waitFor({ timeout: START_DEADLINE_MS });
  await submit.click();
  // What has changed since it was shown is shown first, and asks to be looked at.
  if (
    !(await Promise.race([
      started,
      unseen.then(
        () => false,
        () => started,
      ),
    ]))
  )
    await submit.click();
  await started;
  return performance.now() - startedMs;
}

const RESET_PAGE = /\/console\/resets\/[0-9a-f-]{36}$/;

/** The page of the reset, until it knows every task: then the list of them can be taken away. */
function arrival(page: Page): Promise<{ readonly arrivedMs: number; readonly usableMs: number }> {
  const button = JSON.stringify(words.exportMenu);
  return page.evaluate(`latchkeyBench.arrival(${JSON.stringify(RESET_PAGE.source)}, ${button})`);
}

const smoothness = (page: Page, fromMs: number, toMs: number): Promise<Smoothness> =>
  page.evaluate(`latchkeyBench.smoothness(${String(fromMs)}, ${String(toMs)})`);
const now = (page: Page): Promise<number> => page.evaluate('latchkeyBench.now()');

async function memoryOf(cdp: CDPSession): Promise<PageMemory> {
  await cdp.send('HeapProfiler.collectGarbage');
  const { usedSize } = await cdp.send('Runtime.getHeapUsage');
  const { nodes } = await cdp.send('Memory.getDOMCounters');
  return { heapBytes: usedSize, nodes };
}

export function progressTables({ tasks, startedMs, opening, going, again, memory }: Progress): Rows[] {
  const row = (what: string, smooth: Smoothness, judged: boolean): string[] => [
    what,
    (smooth.spanMs / 1000).toFixed(1),
    String(smooth.frames),
    String(smooth.dropped),
    String(smooth.long),
    smooth.longestMs.toFixed(0),
    judged ? verdict(smooth.longestMs, FRAME_MS_MAX, 'ms') : '',
  ];
  const kept = (what: string, { heapBytes, nodes }: PageMemory): string[] => [
    what,
    megabytes(heapBytes),
    String(nodes),
  ];
  return [
    [
      [`the page of ${tasks} tasks`, 's', 'frames', 'dropped', 'over 50 ms', 'longest ms', 'target'],
      row('opened, until it knows all', opening, true),
      row('while all of them go', going, true),
      row('loaded anew when it is over', again, true),
    ],
    [
      ['MB of its JS heap, collected', 'MB', 'DOM nodes'],
      kept('opened', memory.opened),
      kept('when it is over', memory.finished),
      kept('loaded anew', memory.again),
    ],
    [
      ['the batch', ''],
      ['s from OK to its page: planned, sealed and sent', (startedMs / 1000).toFixed(1)],
      ['tasks a second', (tasks / (going.spanMs / 1000)).toFixed(0)],
    ],
  ];
}
