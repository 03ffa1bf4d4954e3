import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser } from '../support/browser.ts';
import { Keyboard } from '../support/console/keyboard.ts';
import { openConsole } from '../support/console/look.ts';
import { openConsoleWorld, type ConsoleWorld } from '../support/console/world.ts';

const PASSWORD = 'Harbour-Lantern-42';
/** The beginning of a page. */
const START = '.page-focus';

let world: ConsoleWorld;
let browser: Browser;
let page: Page;
let keys: Keyboard;

beforeAll(async () => {
  world = await openConsoleWorld(AbortSignal.timeout(300_000));
  browser = await openConsole(world);
  page = browser.page;
  keys = new Keyboard(page);
}, 400_000);

afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

const button = (name: string | RegExp) => page.getByRole('button', { name, exact: true });
const inDialog = (name: string | RegExp) => page.getByRole('dialog').getByRole('button', { name, exact: true });
const field = (name: string) => page.getByRole('dialog').getByLabel(name, { exact: true });

const shown = (text: string, options: { exact?: boolean } = {}) => page.getByText(text, options).first().waitFor();

/** By the navigation, which lies before the page; the new page begins where the focus then is. */
async function goToPage(link: string, heading: string): Promise<void> {
  await keys.use(page.getByRole('link', { name: link, exact: true }), { direction: 'back' });
  await page.getByRole('heading', { level: 1, name: heading }).waitFor();
  await keys.expectOn(page.locator(START));
}

/** Who can be reset is asked anew after each change, and nothing is sent before that is known. */
async function asked(): Promise<void> {
  await page.getByText('Asking who can be reset').waitFor({ state: 'detached' });
  await shown('can be reset now.');
}

/** This browser has not seen them yet, and they get one password together. */
async function trust(): Promise<void> {
  await asked();
  await keys.use(page.getByRole('dialog').getByRole('checkbox', { name: 'I trust them' }), { key: 'Space' });
}

async function typePasswords(): Promise<void> {
  await keys.goTo(field('New password'));
  await keys.type(PASSWORD);
  await keys.goTo(field('New password again'));
  await keys.type(PASSWORD);
}

/** The focus is on something in the dialog, which keeps it. */
async function expectWithin(): Promise<void> {
  await expect
    .poll(() => page.evaluate<boolean>(`document.activeElement.closest('[role="dialog"]') !== null`), {
      timeout: 20_000,
    })
    .toBe(true);
}

/** In the order of a day: each goes on where the one before has ended. */
describe('by keyboard alone', () => {
  test('one signs in', async () => {
    await page.goto(`${world.url}/console`);
    await keys.expectOn(page.getByLabel('API token'));
    await keys.type(world.token);
    await keys.press('Enter');
    await page.getByRole('heading', { name: 'Health' }).waitFor();
    await keys.expectOn(page.locator(START));
    await expect(page.title()).resolves.toBe('Health · Latchkey');
  });

  test('one finds an instance, resets a password with an option, and follows it', async () => {
    await goToPage('Instances', 'Instances');
    await keys.goTo(page.getByRole('combobox', { name: 'Find instances' }));
    await keys.type('web-1');
    await keys.press('Enter');
    await shown('1 match');
    await keys.use(button('Reset password of web-1'));
    await expectWithin();
    await keys.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    await keys.expectOn(button('Reset password of web-1'));
    await keys.press('Enter');
    await shown('It can be reset now.');
    await keys.goTo(field('Account'));
    await keys.type('alice');
    await typePasswords();
    await keys.use(inDialog('Options'));
    await keys.use(page.getByRole('dialog').getByRole('checkbox', { name: 'Unlock the account' }), { key: 'Space' });
    await asked();
    await keys.use(inDialog('Reset password'));
    await page.waitForURL(/\/resets\/[0-9a-f-]{36}$/);
    await keys.expectOn(page.locator(START));
    await shown('checked here');
    await shown('unlock', { exact: true });
  });

  test('one selects several, pauses, resumes, cancels and retries', async () => {
    for (const agent of world.agents.values()) agent.fate = () => 'held';
    await goToPage('Instances', 'Instances');
    for (const name of ['api-1', 'api-2', 'api-3']) {
      await keys.use(page.getByRole('checkbox', { name: new RegExp(`Select ${name}$`) }), { key: 'Space' });
    }
    await keys.use(button('Reset password'), { direction: 'back' });
    await shown('3 of 3 can be reset now.');
    await keys.goTo(field('Account'));
    await keys.type('alice');
    await trust();
    await typePasswords();
    await keys.use(inDialog('Pace'));
    await keys.goTo(field('At once'));
    await keys.press('Control+A');
    await keys.type('1');
    await asked();
    await keys.use(inDialog('Reset password on 3 instances'));
    await page.waitForURL(/\/resets\/[0-9a-f-]{36}$/);
    await keys.use(button('Pause'));
    await button('Resume').waitFor();
    await keys.use(button('Resume'));
    await button('Pause').waitFor();
    await keys.use(button('Cancel what was not sent'));
    await expectWithin();
    await keys.press('Escape');
    await keys.expectOn(button('Cancel what was not sent'));
    await keys.press('Enter');
    await keys.use(inDialog('Cancel what was not sent'));
    await shown('Cancelled');
    for (const agent of world.agents.values()) await agent.letGo();
    for (const agent of world.agents.values()) agent.fate = () => ({});
    await shown('Finished', { exact: true });
    await keys.goTo(button('Retry'), 'back');
    await keys.press('Enter');
    await keys.expectOn(page.getByRole('menuitem', { name: /^Retry what failed or was cancelled/ }));
    await keys.press('Enter');
    await expectWithin();
    await trust();
    await typePasswords();
    await asked();
    await keys.press('Enter');
    await shown('2 of 2 successes proven here');
  });

  test('one makes a line to install the agent with, and copies it', async () => {
    await goToPage('Install agent', 'Install agent');
    await keys.goTo(page.getByLabel('Instance (optional)'));
    await keys.type('standby-1');
    await keys.use(button('Make the line'));
    await keys.use(button('Copy the line'));
    await expect
      .poll(() => page.evaluate<string>('navigator.clipboard.readText()'), { timeout: 20_000 })
      .toContain('BEGIN CERTIFICATE');
  });

  test('one makes a token and revokes it', async () => {
    await goToPage('Tokens and sessions', 'Tokens and sessions');
    await keys.use(button('Create API token'));
    await keys.expectOn(field('Name'));
    await keys.type('by-keys');
    await keys.press('Enter');
    await keys.use(button('Copy the token'));
    await expect
      .poll(() => page.evaluate<string>('navigator.clipboard.readText()'), { timeout: 20_000 })
      .toMatch(/^lk/);
    // The last one: another that is called so is the cross above.
    await keys.use(inDialog('Close').last());
    await keys.expectOn(button('Create API token'));
    await keys.use(button('Revoke by-keys'));
    await expectWithin();
    await keys.use(inDialog('Revoke'));
    await shown('1 token was revoked.');
    await keys.expectOn(button('Revoke by-keys'));
  });

  test('one finds records of the audit', async () => {
    await goToPage('Audit', 'Audit');
    await keys.goTo(page.getByRole('combobox', { name: 'Action' }));
    await keys.type('token.revoke');
    await keys.press('Escape');
    await keys.use(button('Filter'));
    await page.waitForURL(/action=token\.revoke/);
    await keys.use(button(/^Details of record/).first());
    await button('Only this action').waitFor();
  });

  test('one signs out', async () => {
    await keys.use(button(/administrator/), { direction: 'back' });
    await keys.expectOn(page.getByRole('menuitem', { name: 'Sign out' }));
    await keys.press('Enter');
    await keys.expectOn(page.getByLabel('API token'));
  });

  test('and all of it broke no policy, and asked nobody but its own origin', () => {
    for (const request of browser.sent) expect(request.split(' ')[1]).toMatch(new RegExp(`^(${world.url}/|data:)`));
    // The first look for a session finds none, which browsers note.
    expect(browser.complaints.filter((complaint) => !complaint.includes('status of 401'))).toEqual([]);
  });
});
