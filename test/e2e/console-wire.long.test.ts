import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser } from '../support/browser.ts';
import { openConsoleServer, type ConsoleServer } from '../support/console-server.ts';
import { placesOf, unexpected } from '../support/console-traces.ts';
import { choose, expectTasks, fill, goToInstances, openDialog, PROVEN, send, signIn } from '../support/console.ts';
import { newPassword } from './world.ts';

/**
 * What leaves the browser, and what stays in it, over everything that somebody may do with a password there. The agents
 * are fakes that keep the protocol: who could find a password has nothing to do with hosts.
 */
let consoles: ConsoleServer;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  consoles = await openConsoleServer();
  await consoles.agent('web-1');
  await consoles.agent('web-2');
  await consoles.agent('broken', { resultDetail: 'it does not work' });
  browser = await consoles.browser();
  ({ page } = browser);
  await signIn(page, consoles.server.url, consoles.server.administrator);
}, 120_000);

afterAll(() => consoles[Symbol.asyncDispose]());

/** Where a page can put something, so that a search that finds nothing has looked there. */
const HIDING_PLACES: readonly (readonly [string, string, string])[] = [
  ['a request', `fetch('/api/v1/whoami?x=' + btoa('ab' + SECRET)).then(() => undefined)`, 'the request GET'],
  ['the body of a request', `fetch('/healthz', { method: 'POST', body: SECRET }).then(() => undefined)`, 'POST'],
  ['the local storage', `localStorage.setItem('x', SECRET)`, 'what the page keeps'],
  ['the storage of the tab', `sessionStorage.setItem('x', SECRET)`, 'what the page keeps'],
  ['a database', `new Promise((done) => (indexedDB.open(SECRET).onsuccess = done)).then(() => 1)`, 'the page keeps'],
  ['a cache', `caches.open(SECRET).then(() => undefined)`, 'what the page keeps'],
  ['a cookie', `document.cookie = 'x=' + SECRET + '; Secure'`, 'a cookie'],
  ['a field', `document.body.append(Object.assign(document.createElement('input'), { value: SECRET }))`, 'keeps'],
  ['the page', `document.body.append(SECRET)`, 'what the page shows'],
  ['the log', `console.log(SECRET)`, 'the log of the page'],
  [
    'an address that was left again',
    `history.pushState({}, '', '#' + SECRET), history.pushState({}, '', '#')`,
    'history',
  ],
];

describe('what is planted is found', () => {
  let other: Browser;
  beforeAll(async () => {
    other = await consoles.browser();
    await other.page.goto(`${consoles.server.url}/console`);
  });
  afterAll(() => other[Symbol.asyncDispose]());

  test.each(HIDING_PLACES)('in %s', async (_, plant, where) => {
    const secret = newPassword();
    expect(await placesOf(secret, other)).toEqual([]);
    await other.page.evaluate(plant.replaceAll('SECRET', JSON.stringify(secret)));
    await expect.poll(() => placesOf(secret, other)).toContainEqual(expect.stringContaining(where));
  });
});

/** Does something with a password, and then looks for it everywhere. */
async function withSecret(work: (password: string) => Promise<unknown>): Promise<void> {
  const password = newPassword();
  await work(password);
  expect(await placesOf(password, browser)).toEqual([]);
}

async function open(...names: string[]): Promise<Locator> {
  await goToInstances(page);
  await page.reload();
  await choose(page, names);
  return openDialog(page);
}

describe('a password that was typed is found nowhere after', () => {
  test('a reset of one', () =>
    withSecret(async (password) => {
      const dialog = await open('web-1');
      await fill(dialog, { account: 'alice', password });
      await send(page, dialog);
      await expectTasks(page, { 'web-1': PROVEN });
    }));

  test('a reset of many, one of which failed and was retried', () =>
    withSecret(async (password) => {
      const dialog = await open('web-1', 'web-2', 'broken');
      await fill(dialog, { account: 'alice', password, concurrency: 2 });
      await dialog.getByLabel('I trust them').check();
      await send(page, dialog);
      await expectTasks(page, { 'web-1': PROVEN, 'web-2': PROVEN, broken: /Failed[^]*it does not work/ });
      await withSecret(async (again) => {
        await page.getByRole('button', { name: 'Retry' }).click();
        await page.getByRole('menuitem', { name: 'Retry what failed (1)' }).click();
        await fill(page.getByRole('dialog'), { password: again });
        await page.getByRole('dialog').getByRole('button', { name: 'Reset password' }).click();
        await page.getByRole('dialog').waitFor({ state: 'detached' });
        await expectTasks(page, { broken: /Failed[^]*it does not work/ });
      });
    }));

  test('the export of a reset, a reload, and the way back and forth', () =>
    withSecret(async (password) => {
      const dialog = await open('web-2');
      await fill(dialog, { account: 'alice', password });
      await send(page, dialog);
      await expectTasks(page, { 'web-2': PROVEN });
      const [download] = await Promise.all([page.waitForEvent('download'), exportAs('JSON')]);
      expect(await textOf(download)).toContain('"instance": "web-2"');
      expect(await textOf(download)).not.toContain(password);
      await page.reload();
      await expectTasks(page, { 'web-2': PROVEN });
      await page.goBack();
      await page.goForward();
      await expectTasks(page, { 'web-2': PROVEN });
    }));

  test('one that was generated, shown and copied', async () => {
    const dialog = await open('web-1');
    await dialog.getByRole('button', { name: 'Generate' }).click();
    await dialog.getByRole('button', { name: 'Copy' }).click();
    await dialog.getByText('Copied.').waitFor();
    const password = await page.evaluate<string>('navigator.clipboard.readText()');
    expect(await dialog.getByLabel('New password', { exact: true }).inputValue()).toBe(password);
    await send(page, dialog);
    await expectTasks(page, { 'web-1': PROVEN });
    expect(await placesOf(password, browser)).toEqual([]);
  });

  test('a dialog that was given up, by its button and by a way out of the page', () =>
    withSecret(async (password) => {
      const dialog = await open('web-1');
      await fill(dialog, { password });
      await dialog.getByRole('button', { name: 'Show' }).click();
      await dialog.getByRole('button', { name: 'Cancel' }).click();
      await dialog.waitFor({ state: 'detached' });
      const again = await openDialog(page);
      expect(await again.getByLabel('New password', { exact: true }).inputValue()).toBe('');
      await fill(again, { password });
      await page.goBack();
      await page.getByRole('dialog').waitFor({ state: 'detached' });
    }));

  test('one that is too weak', () =>
    withSecret(async (password) => {
      const dialog = await open('web-1');
      await fill(dialog, { account: 'alice', password: `${password} much too long` });
      await dialog.getByRole('button', { name: 'Reset password' }).click();
      await dialog
        .getByText(/^\d+ of \d+ rules met/)
        .first()
        .waitFor();
      await dialog.getByRole('button', { name: 'Cancel' }).click();
    }));

  test('a reset whose request did not get through', () =>
    withSecret(async (password) => {
      const dialog = await open('web-1');
      await page.route('**/api/v1/resets', (route) => route.abort(), { times: 1 });
      await fill(dialog, { account: 'alice', password });
      await dialog.getByText('Asking who can be reset').waitFor({ state: 'detached' });
      await dialog.getByRole('button', { name: 'Reset password' }).click();
      await dialog.getByText('type the password again: it was not kept').waitFor();
      expect(await dialog.getByLabel('New password', { exact: true }).inputValue()).toBe('');
      expect(await dialog.getByLabel('Account', { exact: true }).inputValue()).toBe('alice');
      expect(await placesOf(password, browser)).toEqual([]);
      await fill(dialog, { password });
      await send(page, dialog);
      await expectTasks(page, { 'web-1': PROVEN });
    }));

  test('a dialog that was open when the session ended; all else that was typed is still there', () =>
    withSecret(async (password) => {
      await using other = await consoles.browser();
      const { tokens } = consoles.server.routes;
      const { token } = await tokens.create({ type: 'api', name: 'anna', role: 'administrator' });
      await signIn(other.page, consoles.server.url, token);
      await goToInstances(other.page);
      await choose(other.page, ['web-2']);
      const dialog = await openDialog(other.page);
      await fill(dialog, { account: 'alice', password });
      await endSession('anna');
      await other.page.getByText('Your session has ended.').waitFor();
      expect(await placesOf(password, other)).toEqual([]);
      await other.page.getByLabel('API token').fill(token);
      await other.page.getByRole('button', { name: 'Sign in' }).click();
      await dialog.waitFor();
      expect(await dialog.getByLabel('Account', { exact: true }).inputValue()).toBe('alice');
      expect(await dialog.getByLabel('New password', { exact: true }).inputValue()).toBe('');
      expect(await placesOf(password, other)).toEqual([]);
    }));
});

/** Ends the session of whoever has signed in with that token, as an administrator does. */
async function endSession(name: string): Promise<void> {
  await page.goto(`${consoles.server.url}/console/access`);
  await page.getByRole('button', { name: new RegExp(`^End the session of ${name} from`) }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'End', exact: true }).click();
  await page.getByRole('dialog').waitFor({ state: 'detached' });
}

async function exportAs(format: string): Promise<void> {
  await page.getByRole('button', { name: 'Export' }).click();
  await page.getByRole('menuitem', { name: format }).click();
}

async function textOf(download: { createReadStream(): Promise<NodeJS.ReadableStream> }): Promise<string> {
  let text = '';
  for await (const chunk of await download.createReadStream()) text += String(chunk);
  return text;
}

test('nothing of all this broke a policy of the page', () => {
  // The one that did not get through, and the look whether it had.
  expect(unexpected(browser, [/net::ERR_FAILED/, /status of 404/])).toEqual([]);
});
