import type { Page } from 'playwright-core';
import type { Browser } from './browser.ts';

/** Something that outlives what somebody did in a browser, or that left it. */
interface Trace {
  /** Where it was found, for the message of a test that found too much. */
  readonly where: string;
  readonly text: string;
}

/** What a page keeps, as text. A string, since it runs in the page. */
const KEPT = `(async () => JSON.stringify({
  local: { ...localStorage },
  session: { ...sessionStorage },
  databases: await indexedDB.databases(),
  caches: await caches.keys(),
  cookie: document.cookie,
  address: location.href,
  state: history.state,
  title: document.title,
  fields: [...document.querySelectorAll('input, textarea')].map(({ value }) => value),
}))()`;

/** Where a secret may be found: in requests, in messages, and in what each open page shows and keeps. */
async function tracesOf({ context, sent, complaints }: Browser): Promise<readonly Trace[]> {
  const pages = await Promise.all(context.pages().map((page) => tracesOfPage(page)));
  return [
    ...sent.map((text) => ({ where: `the request ${text.split(' ', 2).join(' ')}`, text })),
    ...complaints.map((text) => ({ where: 'the log of the page', text })),
    { where: 'a cookie', text: JSON.stringify(await context.cookies()) },
    ...pages.flat(),
  ];
}

async function tracesOfPage(page: Page): Promise<Trace[]> {
  const session = await page.context().newCDPSession(page);
  const { entries } = await session.send('Page.getNavigationHistory');
  await session.detach();
  return [
    { where: 'what the page keeps', text: await page.evaluate<string>(KEPT) },
    { where: 'what the page shows', text: await page.content() },
    { where: 'the history', text: JSON.stringify(entries) },
  ];
}

/** The places where the secret is, as it is or in one of the codes that programs put text into. */
export async function placesOf(secret: string, browser: Browser): Promise<readonly string[]> {
  const forms = formsOf(secret);
  const traces = await tracesOf(browser);
  return traces.filter(({ text }) => forms.some((form) => text.includes(form))).map(({ where }) => where);
}

/** Base64 has three of a text, by where in a longer one it stands. */
const OFFSETS = [0, 1, 2] as const;

function formsOf(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  const base64 = OFFSETS.map((offset) => {
    const text = Buffer.concat([Buffer.alloc(offset), bytes]).toString('base64');
    // Without the characters that hold bits of its neighbours.
    return text.slice(Math.ceil((offset * 8) / 6), Math.floor(((offset + bytes.length) * 8) / 6));
  });
  const url = base64.map((text) => text.replaceAll('+', '-').replaceAll('/', '_'));
  const plain = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1), bytes.toString('hex')];
  return [...new Set([...plain, [...secret].toReversed().join(''), ...base64, ...url])];
}

/** Complaints of a browser that are not part of what was tried. The first look for a session finds none, which is noted. */
export function unexpected({ complaints }: Browser, expected: readonly RegExp[] = []): readonly string[] {
  const known = [/status of 401/, ...expected];
  return complaints.filter((complaint) => !known.some((pattern) => pattern.test(complaint)));
}
