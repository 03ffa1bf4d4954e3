import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { violationsOf } from '../support/console/access.ts';
import { openConsole, show, signIn } from '../support/console/look.ts';
import { VIEWS } from '../support/console/views.ts';
import { openConsoleWorld, type ConsoleWorld } from '../support/console/world.ts';
import type { Browser } from '../support/browser.ts';

/** What has the most on it of each kind; everything, in both schemes and widths, is looked at in the long tier. */
const CORE = ['health', 'instances', 'instance-abnormal', 'reset-failed', 'install', 'audit', 'access', 'settings'];
const DIALOGS = ['dialog-reset', 'dialog-add', 'dialog-token-api'];

let world: ConsoleWorld;
let browser: Browser;
let page: Page;

beforeAll(async () => {
  world = await openConsoleWorld(AbortSignal.timeout(300_000));
  browser = await openConsole(world);
  page = browser.page;
}, 400_000);

afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

describe('the console', () => {
  test('shuts nobody out on its main pages and dialogs', async () => {
    await page.goto(`${world.url}/console`);
    await page.getByLabel('API token').waitFor();
    expect(await violationsOf(page), 'the way in').toEqual([]);
    await signIn(page, world);
    for (const view of VIEWS.filter(({ name }) => [...CORE, ...DIALOGS].includes(name))) {
      await show(page, world, view);
      expect(await violationsOf(page), view.name).toEqual([]);
    }
  });

  test('is looked at by something that finds what is wrong', async () => {
    await page.evaluate(`document.querySelector('main').insertAdjacentElement('beforeend', new Image())`);
    await expect(violationsOf(page)).resolves.toEqual([expect.stringMatching(/^image-alt at /)]);
  });

  test('asks nobody but its own origin, breaks no policy, and complains of nothing', () => {
    expect(browser.sent.length).toBeGreaterThan(10);
    for (const request of browser.sent) expect(request.split(' ')[1]).toMatch(new RegExp(`^(${world.url}/|data:)`));
    // The first look for a session finds none, which browsers note.
    expect(browser.complaints.filter((complaint) => !complaint.includes('status of 401'))).toEqual([]);
  });
});
