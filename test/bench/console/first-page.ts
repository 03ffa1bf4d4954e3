import type { Browser } from 'playwright-core';

import { kilobytes, verdict, type Rows } from '../bench.ts';
import { figureOf, type Figure } from '../figures.ts';
import { newWindow, type SignedIn } from './browser.ts';
import { msCells } from './cells.ts';

const KILOBYTES_MAX = 400;
const KILOBYTE = 1024;

/** What a phone or a train has, as Chromium imitates it for each answer. */
const SLOW_LINE = { offline: false, latency: 40, downloadThroughput: 1_250_000, uploadThroughput: 625_000 };

export interface FirstPage {
  /** From the navigation until the page was drawn, and until a click on it was answered and drawn. */
  readonly drawn: Figure;
  readonly answering: Figure;
  /** Of everything that came until then, heads included; of it what is the console's own files, and what the API said. */
  readonly bytes: number;
  readonly fileBytes: number;
  readonly apiBytes: number;
  readonly requests: number;
}

interface Visit {
  readonly drawnMs: number;
  readonly answeringMs: number;
  readonly files: number;
  readonly api: number;
  readonly requests: number;
}

const KINDS = ['cold', 'cached', 'slow'] as const;
export type FirstPages = Readonly<Record<(typeof KINDS)[number], FirstPage>>;

/** Whoever has signed in goes to the first page: with an empty cache, once more, and with an empty cache over a slow line. */
export async function measureFirstPage(
  browser: Browser,
  url: string,
  { storageState }: SignedIn,
  rounds: number,
): Promise<FirstPages> {
  const found = { cold: [] as Visit[], cached: [] as Visit[], slow: [] as Visit[] };
  for (let round = 0; round < rounds; round += 1) {
    for (const line of ['fast', 'slow'] as const) {
      const { page, context, cdp } = await newWindow(browser, storageState);
      await cdp.send('Network.enable');
      if (line === 'slow') await cdp.send('Network.emulateNetworkConditions', SLOW_LINE);
      const visit = async (): Promise<Visit> => {
        const kindOf = new Map<string, 'files' | 'api'>();
        const bytes = { files: 0, api: 0 };
        const onResponse = ({ requestId, response }: { requestId: string; response: { url: string } }): void => {
          kindOf.set(requestId, new URL(response.url).pathname.startsWith('/api/') ? 'api' : 'files');
        };
        const onFinished = (done: { requestId: string; encodedDataLength: number }): void => {
          bytes[kindOf.get(done.requestId) ?? 'files'] += done.encodedDataLength;
        };
        cdp.on('Network.responseReceived', onResponse);
        cdp.on('Network.loadingFinished', onFinished);
        await page.goto(`${url}/console`);
        const times = await page.evaluate<Pick<Visit, 'drawnMs' | 'answeringMs'>>('latchkeyBench.firstPage()');
        cdp.off('Network.responseReceived', onResponse);
        cdp.off('Network.loadingFinished', onFinished);
        return { ...times, ...bytes, requests: kindOf.size };
      };
      if (line === 'slow') {
        found.slow.push(await visit());
      } else {
        found.cold.push(await visit());
        found.cached.push(await visit());
      }
      await context.close();
    }
  }
  return { cold: summary(found.cold), cached: summary(found.cached), slow: summary(found.slow) };
}

function summary(visits: readonly Visit[]): FirstPage {
  const largest = visits.reduce((most, visit) => (visit.files + visit.api > most.files + most.api ? visit : most));
  const { files, api, requests } = largest;
  return {
    drawn: figureOf(visits.map(({ drawnMs }) => drawnMs)),
    answering: figureOf(visits.map(({ answeringMs }) => answeringMs)),
    ...{ bytes: files + api, fileBytes: files, apiBytes: api, requests },
  };
}

const SAID: Record<(typeof KINDS)[number], string> = {
  cold: 'first page, nothing cached',
  cached: 'first page, its files cached',
  slow: 'first page, nothing cached, 10 Mbit/s and 40 ms',
};

export function firstPageTables(pages: FirstPages): Rows[] {
  return [
    [
      ['KB as they travel', 'all', 'files', 'API', 'requests', 'target'],
      ...(['cold', 'cached'] as const).map((kind) => {
        const { bytes, fileBytes, apiBytes, requests } = pages[kind];
        const said = kind === 'cold' ? verdict(bytes / KILOBYTE, KILOBYTES_MAX, 'KB') : '';
        return [SAID[kind], kilobytes(bytes), kilobytes(fileBytes), kilobytes(apiBytes), String(requests), said];
      }),
    ],
    [
      ['ms from the navigation', 'median', 'min', 'max', 'n'],
      ...KINDS.flatMap((kind) => [
        [`${SAID[kind]}: drawn`, ...msCells(pages[kind].drawn)],
        [`${SAID[kind]}: answers a click`, ...msCells(pages[kind].answering)],
      ]),
    ],
  ];
}
