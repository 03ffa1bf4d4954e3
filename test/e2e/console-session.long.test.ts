import type { BrowserContext, Page, Request } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser } from '../support/browser.ts';
import { openConsole, signIn } from '../support/console/look.ts';
import { openConsoleWorld, type ConsoleWorld } from '../support/console/world.ts';

const ENDED = 'Your session has ended. Sign in again to go on where you were.';
const SHOWN_MS_MAX = 120_000;

let world: ConsoleWorld;
let browser: Browser;

beforeAll(async () => {
  world = await openConsoleWorld(AbortSignal.timeout(300_000));
  browser = await openConsole(world);
  browser.page.setDefaultTimeout(SHOWN_MS_MAX);
  await signIn(browser.page, world);
}, 600_000);

afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

/** As if other tabs were in front of it, or no more. */
async function beShown(page: Page, state: 'hidden' | 'visible'): Promise<void> {
  await page.evaluate(`Object.defineProperty(document, 'visibilityState', { configurable: true, value: '${state}' });
    document.dispatchEvent(new Event('visibilitychange'))`);
}

/** In another tab of the same browser, as its holder does it. */
async function signOutElsewhere(context: BrowserContext): Promise<void> {
  const other = await context.newPage();
  await other.goto(`${world.url}/console/settings`);
  await other.getByRole('button', { name: /\(administrator\)/ }).click();
  await other.getByRole('menuitem', { name: 'Sign out' }).click();
  await other.getByRole('heading', { name: 'Sign in to Latchkey' }).waitFor({ timeout: SHOWN_MS_MAX });
  await other.close();
}

async function signInAgain(page: Page, token: string): Promise<void> {
  await page.getByLabel('API token', { exact: true }).fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByText(ENDED).waitFor({ state: 'hidden' });
}

test('a tab behind others holds no stream, and is up to date once it is in front again', async () => {
  const { page } = browser;
  const isOfChanges = (request: Request): boolean => request.url().endsWith('/api/v1/changes');
  await page.goto(`${world.url}/console/instances`);
  await page.getByRole('link', { name: 'api-1' }).waitFor();
  const ended = page.waitForEvent('requestfailed', isOfChanges);
  await beShown(page, 'hidden');
  await ended;
  await world.routes.instances.add({ name: 'a-behind', os: 'linux', project: 'default' });
  const opened = page.waitForRequest(isOfChanges);
  await beShown(page, 'visible');
  await opened;
  await page.getByRole('link', { name: 'a-behind' }).waitFor();
});

describe('a session that ends while a dialog is open', () => {
  test('is told by itself, in front of everything; what was typed is there again, and changes are heard', async () => {
    const { page, context } = browser;
    await page.goto(`${world.url}/console/instances`);
    await page.getByRole('button', { name: 'Add instance' }).click();
    const dialog = page.getByRole('dialog', { name: 'Add instance' });
    await dialog.getByLabel('Name', { exact: true }).fill('typed-before');
    await signOutElsewhere(context);

    // Nobody touches the page: it finds out because its stream has ended.
    await page.getByText(ENDED).waitFor();
    await expect.poll(() => dialog.isVisible()).toBe(false);
    await signInAgain(page, world.token);
    expect(await dialog.getByLabel('Name', { exact: true }).inputValue()).toBe('typed-before');
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await dialog.getByText('typed-before was added').waitFor();
    await dialog.getByRole('button', { name: 'Close' }).first().click();

    await world.routes.instances.add({ name: 'added-elsewhere', os: 'linux', project: 'default' });
    await page.getByRole('link', { name: 'added-elsewhere' }).waitFor();
    expect(await page.getByText('The connection to the control plane is lost').count()).toBe(0);
  });

  test('leaves nothing of one holder to another', async () => {
    const { page, context } = browser;
    await page.goto(`${world.url}/console/access`);
    await page.getByRole('button', { name: 'Create API token' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name', { exact: true }).fill('of-the-first-holder');
    const tokens = page.getByRole('table').filter({ hasText: 'Revoke' });
    await tokens.waitFor({ state: 'attached' });
    await signOutElsewhere(context);
    await page.getByText(ENDED).waitFor();

    const { token } = await world.routes.tokens.create({ type: 'api', name: 'looks', role: 'viewer' });
    await signInAgain(page, token);
    await page.getByText('Your token may not see the tokens').waitFor();
    expect(await dialog.count()).toBe(0);
    expect(await tokens.count()).toBe(0);

    await page.getByRole('link', { name: 'Instances', exact: true }).click();
    await page.getByRole('link', { name: 'added-elsewhere' }).waitFor();
    for (const name of [/^Reset password/, 'Add instance', 'Import', 'Remove']) {
      expect(await page.getByRole('button', { name }).count()).toBe(0);
    }
    await page.getByRole('link', { name: 'Audit', exact: true }).click();
    await page.getByText('Your token may not read the audit').waitFor();
    const audit = browser.sent.filter((request) => /^GET \S+\/api\/v1\/audit/.test(request));
    expect(audit).toEqual([]);
  });
});
