import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { chromium, type Browser, type BrowserContext, type CDPSession, type Page } from 'playwright-core';

import { texts } from '../../../control-plane/console/texts/index.ts';

const CHROMIUM = '/usr/bin/chromium';
const PROBE = fileURLToPath(new URL('probe.js', import.meta.url));
/** A machine that has too much to do still shows a page in this time. */
const PAGE_DEADLINE_MS = 120_000;
const WINDOW = { width: 1300, height: 900 };

/** One that has signed in, and what new ones need to be signed in as well. */
export interface SignedIn {
  readonly page: Page;
  readonly context: BrowserContext;
  readonly storageState: Awaited<ReturnType<BrowserContext['storageState']>>;
}

/** Debian's Chromium; it ends with the bench. */
export async function startBrowser(): Promise<Browser & AsyncDisposable> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    // A bench runs as root, where Chromium has no sandbox of its own; a page that is not in front is not slowed down.
    args: ['--no-sandbox', '--disable-background-timer-throttling', '--disable-renderer-backgrounding'],
  });
  return Object.assign(browser, { [Symbol.asyncDispose]: () => browser.close() });
}

/** A window of its own, nothing cached, with the probe in each of its pages. */
export async function newWindow(
  browser: Browser,
  storageState?: SignedIn['storageState'],
): Promise<{ readonly page: Page; readonly context: BrowserContext; readonly cdp: CDPSession }> {
  const context = await browser.newContext({
    // The authority is the control plane's own; that it is checked is shown with other clients.
    ignoreHTTPSErrors: true,
    viewport: WINDOW,
    ...(storageState === undefined ? {} : { storageState }),
  });
  context.setDefaultTimeout(PAGE_DEADLINE_MS);
  await context.addInitScript({ path: PROBE });
  const page = await context.newPage();
  return { page, context, cdp: await context.newCDPSession(page) };
}

/** As an administrator does. */
export async function signIn(
  browser: Browser,
  url: string,
  tokenFile: string,
): Promise<SignedIn & { cdp: CDPSession }> {
  const { page, context, cdp } = await newWindow(browser);
  await page.goto(url);
  await page.getByLabel(texts.signIn.token).fill((await readFile(tokenFile, 'utf8')).trim());
  await page.getByRole('button', { name: texts.signIn.submit }).click();
  await page.getByRole('heading', { name: texts.health.title, level: 1 }).waitFor();
  return { page, context, cdp, storageState: await context.storageState() };
}
