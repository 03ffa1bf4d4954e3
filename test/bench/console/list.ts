import type { CDPSession, Page } from 'playwright-core';

import { texts } from '../../../control-plane/console/texts/index.ts';
import { verdict, type Rows } from '../bench.ts';
import { figureOf, type Figure } from '../figures.ts';
import { msCells } from './cells.ts';
import { within } from './within.ts';

const MS_MAX = 100;
/** Anything less says nothing about the worst. */
const TIMES_MIN = 10;
const RESPONSE_DEADLINE_MS = 60_000;

const KINDS = ['page', 'sort', 'filter', 'type'] as const;
type Kind = (typeof KINDS)[number];

const SAID: Record<Kind, string> = {
  page: 'the next page',
  sort: 'another order',
  filter: 'a filter, from Enter',
  type: 'a letter in the field of filters',
};

export interface Response {
  /** From the click or key until what it asked for was drawn. */
  readonly drawn: Figure;
  /** Of that, the request: from its leaving the page to the last byte of its answer. Null where nothing is asked. */
  readonly answer: Figure | null;
  /** Processor time of the page's main thread, which a busy machine changes less. Microseconds are rounded away. */
  readonly cpu: Figure;
}
export type Responses = Readonly<Record<Kind, Response>>;

interface Once {
  readonly tookMs: number;
  readonly answerMs: number | null;
}

interface Watched extends Once {
  readonly cpuMs: number;
}

/** Does it, and has the page say how long it took. */
type Measure = (input: string, shown: 'rows' | 'field', act: () => Promise<void>) => Promise<Watched>;

/** One after another, as a person would: each waits for what the one before has brought. */
export async function measureList(page: Page, cdp: CDPSession, url: string, rounds: number): Promise<Responses> {
  const once = await measuring(page, cdp);
  const times = Math.max(TIMES_MIN, rounds);
  const found: Record<Kind, Watched[]> = { page: [], sort: [], filter: [], type: [] };
  await page.goto(`${url}/console/instances`);
  await page.locator('main tbody tr').nth(1).waitFor();

  const next = page.getByRole('button', { name: 'Next page' });
  await once('click', 'rows', () => next.click()); // The first compiles what the others run.
  for (let n = 0; n < times; n += 1) found.page.push(await once('click', 'rows', () => next.click()));

  // Each is an order that was not shown before: once up and once down.
  const { columns } = texts.instances;
  const orders = [columns.state, columns.os, columns.project, columns.version, columns.lastSeenAt, columns.name];
  // The first of two: the one that stays in sight and covers the other.
  const headings = page.locator('main thead').first();
  for (let n = 0; n < times; n += 1) {
    const heading = headings.getByText(orders[Math.floor(n / 2) % orders.length] ?? '', { exact: true });
    found.sort.push(await once('click', 'rows', () => heading.click()));
  }

  const field = page.getByRole('combobox', { name: texts.instances.filter.label });
  const clear = page.getByRole('button', { name: 'Clear filters' });
  for (let n = 0; n < times; n += 1) {
    await field.click();
    found.type.push(await once('w', 'field', () => page.keyboard.press('w')));
    await page.keyboard.type(`eb-ams-0${String(n)}`);
    found.filter.push(await once('Enter', 'rows', () => page.keyboard.press('Enter')));
    await once('click', 'rows', () => clear.click());
  }
  return {
    page: summary(found.page),
    sort: summary(found.sort),
    filter: summary(found.filter),
    type: summary(found.type),
  };
}

async function measuring(page: Page, cdp: CDPSession): Promise<Measure> {
  await cdp.send('Performance.enable', { timeDomain: 'threadTicks' });
  const cpuMs = async (): Promise<number> => {
    const { metrics } = await cdp.send('Performance.getMetrics');
    return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0) * 1_000;
  };
  return async (input, shown, act) => {
    await page.evaluate(`latchkeyBench.await(${JSON.stringify(input)}, ${JSON.stringify(shown)})`);
    const before = await cpuMs();
    await act();
    const took = page.evaluate<Once>('latchkeyBench.awaited()');
    return { ...(await within(RESPONSE_DEADLINE_MS, `what follows ${input}`, took)), cpuMs: (await cpuMs()) - before };
  };
}

function summary(all: readonly Watched[]): Response {
  const answers = all.flatMap(({ answerMs }) => answerMs ?? []);
  return {
    drawn: figureOf(all.map(({ tookMs }) => tookMs)),
    answer: answers.length === 0 ? null : figureOf(answers),
    cpu: figureOf(all.map(({ cpuMs }) => cpuMs)),
  };
}

export function listTable(responses: Responses, instances: number): Rows {
  return [
    [
      `ms from key or click to drawn, ${instances} instances`,
      'median',
      'min',
      'worst',
      'n',
      'answer',
      'worst',
      'CPU of the page',
      'target',
    ],
    ...KINDS.map((kind) => {
      const { drawn, answer, cpu } = responses[kind];
      const asked = answer === null ? ['', ''] : [answer.median.toFixed(0), answer.max.toFixed(0)];
      return [SAID[kind], ...msCells(drawn), ...asked, cpu.median.toFixed(0), verdict(drawn.max, MS_MAX, 'ms')];
    }),
  ];
}
