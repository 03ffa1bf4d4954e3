import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser, type Browser } from '../support/browser.ts';
import { fill, openDialog, send, signIn } from '../support/console.ts';
import type { Reach } from '../support/hosts/fabric.ts';
import type { Host } from '../support/hosts/host.ts';
import { expectOnly } from '../support/hosts/login.ts';
import { newPassword, openWorld, type World } from './world.ts';

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
  const token = await readFile(join(world.directory, 'keys', 'administrator-token'), 'utf8');
  await signIn(browser.page, world.url, token.trim());
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
    const dialog = await openDialog(page);
    await fill(dialog, { account: 'alice', password });
    await send(page, dialog);
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

  test('asks nobody but its own origin, and breaks no policy', () => {
    for (const request of browser.sent) expect(request.split(' ')[1]).toMatch(new RegExp(`^(${world.url}/|data:)`));
    // The first look for a session finds none, which browsers note.
    const unexpected = browser.complaints.filter((complaint) => !complaint.includes('status of 401'));
    expect(unexpected).toEqual([]);
  });
});
