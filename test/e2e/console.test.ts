import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import axe, { type AxeResults } from 'axe-core';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser, type Browser } from '../support/browser.ts';
import type { Reach } from '../support/hosts/fabric.ts';
import type { Host } from '../support/hosts/host.ts';
import { expectOnly } from '../support/hosts/login.ts';
import { newPassword, openWorld, type World } from './world.ts';

const PAGES = ['', '/instances', '/instances/web-1', '/install', '/resets', '/audit', '/access', '/settings'];

/** What axe finds on the page as it is. */
async function violationsOf(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate<AxeResults>('axe.run()');
  return violations.map(({ id, nodes }) => `${id} at ${nodes.map(({ target }) => target.join(' ')).join(', ')}`);
}

/** Once it has come to rest: what is half drawn has colours that nobody reads. */
async function expectNoViolations(page: Page, where: string): Promise<void> {
  await expect.poll(() => violationsOf(page), { message: where, timeout: 20_000, interval: 500 }).toEqual([]);
}

const OLD = 'Old-Password-1';

let world: World;
let reach: Reach;
let host: Host;
let browser: Browser;

beforeAll(async () => {
  world = await openWorld();
  reach = await world.fabric.reach(8443);
  host = await world.host({
    name: 'web-1',
    accounts: [
      { name: 'root', password: OLD },
      { name: 'alice', password: OLD },
    ],
  });
  browser = await openBrowser(world.url, reach.port);
  await browser.page.goto(world.url);
  await browser.page
    .getByLabel('API token')
    .fill((await readFile(join(world.directory, 'keys', 'administrator-token'), 'utf8')).trim());
  await browser.page.getByRole('button', { name: 'Sign in' }).click();
  await browser.page.getByRole('heading', { name: 'Health' }).waitFor();
}, 300_000);

afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await reach[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

describe('the console', () => {
  test('resets a password that then opens the account; nothing on the wire or in the browser holds it', async () => {
    const { page } = browser;
    const password = newPassword();
    await page.getByRole('link', { name: 'Instances' }).click();
    await page.getByRole('link', { name: 'web-1' }).click();
    await page.getByRole('button', { name: 'Reset password' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Account', { exact: true }).fill('alice');
    await dialog.getByLabel('New password', { exact: true }).fill(password);
    await dialog.getByLabel('New password again').fill(password);
    await dialog.getByRole('button', { name: 'Reset password' }).click();
    await page.waitForURL(/\/console\/resets\/[0-9a-f-]{36}$/);
    await page.getByText('Succeeded').first().waitFor();
    await expectOnly(host, 'alice', { accepted: password, refused: [OLD] });

    const stored = await page.evaluate('JSON.stringify([{ ...localStorage }, { ...sessionStorage }, location.href])');
    const cookies = JSON.stringify(await browser.context.cookies());
    for (const place of [...browser.sent, ...browser.complaints, String(stored), cookies, await page.content()]) {
      expect(place).not.toContain(password);
    }
    const resets = browser.sent.filter((request) => /^POST \S+\/api\/v1\/resets /.test(request));
    expect(resets).toHaveLength(1);
  });

  test.each([
    ['light', 1300],
    ['dark', 1300],
  ] as const)('has no page and no dialog that shuts anybody out, %s', async (colorScheme, width) => {
    const { page } = browser;
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 900 });
    for (const path of PAGES) {
      await page.goto(`${world.url}/console${path}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await expectNoViolations(page, path);
    }
    await page.goto(`${world.url}/console/instances/web-1`);
    await page.getByRole('button', { name: 'Reset password' }).click();
    await page.getByRole('dialog').getByLabel('Account', { exact: true }).waitFor();
    await expectNoViolations(page, 'the dialog');
  });

  test('asks nobody but its own origin, and breaks no policy', () => {
    for (const request of browser.sent) expect(request.split(' ')[1]).toMatch(new RegExp(`^(${world.url}/|data:)`));
    // The first look for a session finds none, which browsers note.
    const unexpected = browser.complaints.filter((complaint) => !complaint.includes('status of 401'));
    expect(unexpected).toEqual([]);
  });
});
