import type { Page } from 'playwright-core';
import { openBrowser, type Browser } from '../browser.ts';
import type { View } from './views.ts';
import type { ConsoleWorld } from './world.ts';

const REST_MS_MAX = 20_000;

// As text: they run in the page, which knows other names than this program.
const TELL_OF_VIOLATIONS = `document.addEventListener('securitypolicyviolation', (event) => {
  console.error('policy violated: ' + event.effectiveDirective + ' ' + event.blockedURI + ' ' + event.sourceFile);
})`;
/** What turns while something is awaited. */
const TURNING = '[class*="awsui_circle-left_"]';
const IS_PAINTED = 'new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))';

/** A browser in front of the console, which notes as well where the page breaks its policy. */
export async function openConsole({ url }: ConsoleWorld): Promise<Browser> {
  const browser = await openBrowser(url, Number(new URL(url).port));
  browser.page.setDefaultTimeout(REST_MS_MAX);
  await browser.context.addInitScript(TELL_OF_VIOLATIONS);
  return browser;
}

export async function signIn(page: Page, { url, token }: ConsoleWorld): Promise<void> {
  await page.goto(`${url}/console`);
  await page.getByLabel('API token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Health' }).waitFor();
}

/** Goes there, does what opens it, and waits until nothing moves any more. */
export async function show(page: Page, world: ConsoleWorld, view: View): Promise<void> {
  const path = typeof view.path === 'string' ? view.path : await view.path(world);
  await page.goto(`${world.url}/console${path}`);
  await atRest(page);
  await view.open?.(page);
  await atRest(page);
}

/** Its heading is there, and nothing turns. */
export async function atRest(page: Page): Promise<void> {
  await page.getByRole('heading', { level: 1, includeHidden: true }).first().waitFor({ state: 'attached' });
  await page.locator(TURNING).first().waitFor({ state: 'detached' });
  await page.evaluate(IS_PAINTED);
}
