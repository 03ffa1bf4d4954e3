import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { explain } from '#protocol';
import type { Browser } from '../support/browser.ts';
import { choose, expectTasks, fill, goToInstances, openDialog, PROVEN, rowOf, send } from '../support/console.ts';
import type { Host } from '../support/hosts/host.ts';
import { expectOnly } from '../support/hosts/login.ts';
import { ACCOUNT, OLD, openConsoleWorld, UNIT, type ConsoleWorld } from './console-world.ts';
import { newPassword } from './world.ts';

const NAMES = ['batch-1', 'batch-2', 'batch-3'] as const;
/** Added by hand; with the others there are more than fit on the smallest page. */
const EMPTY = Array.from({ length: 8 }, (_, n) => `empty-${String(n + 1)}`);
const PAGE_ROWS = 10;

/** Many instances at once, from the list to logins with the new password; some of them cannot be reset. */
let consoles: ConsoleWorld;
let browser: Browser;
let hosts: readonly Host[];
let stopped: Host;
let broken: Host;

beforeAll(async () => {
  consoles = await openConsoleWorld();
  const { world } = consoles;
  const all = await consoles.hosts(...NAMES, 'stopped', 'broken');
  hosts = all.slice(0, NAMES.length);
  [stopped, broken] = all.slice(NAMES.length) as [Host, Host];
  // What takes long to be noticed is done first.
  await broken.must(['chattr', '+i', '/etc/shadow']);
  await stopped.must(['systemctl', 'stop', UNIT]);
  await world.json(['instances', 'import', '-'], EMPTY.map((name) => `${name},linux\n`).join(''));
  browser = await consoles.signedIn();
}, 300_000);

afterAll(() => consoles[Symbol.asyncDispose]());
afterEach(() => consoles.expectClean());

describe('a batch', () => {
  test('of three that were chosen in the list is proven on each, and its password opens each', async () => {
    const { page } = browser;
    const password = consoles.secret(newPassword());
    await goToInstances(page);
    await choose(page, NAMES);
    const dialog = await openDialog(page);
    await dialog.getByText('3 of 3 can be reset now.').waitFor();
    await fill(dialog, { account: ACCOUNT, password });
    await send(page, dialog);
    await expectTasks(page, { 'batch-1': PROVEN, 'batch-2': PROVEN, 'batch-3': PROVEN });
    await page.getByText('3 of 3 successes proven here by the signature of the instance').waitFor();
    await page.getByText('3 of 3 at their end').waitFor();
    for (const host of hosts) await expectOnly(host, ACCOUNT, { accepted: password, refused: [OLD] });
    await expectOnly(stopped, ACCOUNT, { accepted: OLD, refused: [password] });
  });

  test('of all, on every page of the list, says first who is blocked, why, and what to do; the others go on', async () => {
    const { page } = browser;
    const { world } = consoles;
    await Promise.all([world.state('stopped', 'offline'), world.state('broken', 'abnormal')]);
    const password = consoles.secret(newPassword());
    await page.goto(`${world.url}/console/instances?size=${String(PAGE_ROWS)}`);
    // Before the rows are there, "all" is nobody.
    await rowOf(page, 'batch-1').waitFor();
    // By key: what one sees of the heading while one scrolls is a copy, which is no part of the table.
    await page.getByRole('checkbox', { name: /Select all on this page$/ }).press('Space');
    await page.getByRole('button', { name: 'Select all 13 that match' }).click();
    await page.getByText('13 instances selected.').waitFor();
    await page.getByText('3 of them on other pages.').waitFor();

    const startsBefore = starts();
    const dialog = await openDialog(page);
    await dialog.getByText('10 instances cannot be reset now').waitFor();
    const says = await dialog.innerText();
    const { message: why } = explain('account-database-immutable');
    expect(says).toContain(`${explain('agent-not-installed').message} agent-not-installed`);
    expect(says).toContain(`${explain('agent-offline').message} agent-offline`);
    expect(says).toContain(`${explain('agent-abnormal').message} ${why} agent-abnormal`);
    for (const path of ['install?instance=empty-1', 'instances/stopped', 'instances/broken']) {
      await dialog.locator(`a[href$="/console/${path}"]`).waitFor();
    }

    await fill(dialog, { account: ACCOUNT, password });
    await dialog.getByRole('button', { name: 'Reset password on 13 instances' }).click();
    await dialog.getByText('Mend what is blocked, or leave it out, as said above.').waitFor();
    expect(starts()).toBe(startsBefore);
    await dialog.getByLabel('Leave out what is blocked (10)').check();
    await dialog.getByRole('button', { name: 'Reset password on 3 instances' }).waitFor();
    await send(page, dialog);
    await expectTasks(page, { 'batch-1': PROVEN, 'batch-2': PROVEN, 'batch-3': PROVEN });
    await expectTasks(page, { stopped: /Blocked[^]*agent-offline/, broken: /Blocked[^]*agent-abnormal/ });
    await expectTasks(page, { 'empty-8': /Blocked[^]*agent-not-installed/ });
    for (const host of hosts) await expectOnly(host, ACCOUNT, { accepted: password, refused: [OLD] });
    for (const host of [stopped, broken]) await expectOnly(host, ACCOUNT, { accepted: OLD, refused: [password] });
  });

  test('that was blocked leads to the reason and its remedy', async () => {
    const { page } = browser;
    await page.goto(`${consoles.world.url}/console/instances?state=abnormal`);
    await rowOf(page, 'broken').getByRole('link', { name: 'broken' }).click();
    const { message, remedy } = explain('account-database-immutable');
    await page.getByText(message).first().waitFor();
    await page.getByText(remedy).first().waitFor();
    await page.getByRole('button', { name: 'Reset password' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('It cannot be reset now').waitFor();
    await dialog.getByText(explain('agent-abnormal').message).waitFor();
    await dialog.getByRole('link', { name: 'See what is wrong with broken' }).click();
    await dialog.waitFor({ state: 'detached' });
  });
});

/** How many resets were asked for by this browser. */
function starts(): number {
  return browser.sent.filter((request) => /^POST \S+\/api\/v1\/resets /.test(request)).length;
}
