import type { Locator, Page } from 'playwright-core';
import { until } from './hosts/until.ts';

/** What people do in the console, the same in every test of it. */

/** How long something may take that several machines and a browser have to do. */
export const SHOWN_MS_MAX = 120_000;

export async function signIn(page: Page, url: string, token: string): Promise<void> {
  await page.goto(url);
  await page.getByLabel('API token').fill(token);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('heading', { name: 'Health' }).waitFor();
}

/** The list of instances, by the navigation, as it is at first. */
export async function goToInstances(page: Page): Promise<void> {
  await page.getByRole('link', { name: 'Instances', exact: true }).click();
  await page.getByRole('heading', { name: 'Instances', level: 1 }).waitFor();
}

export async function choose(page: Page, names: readonly string[]): Promise<void> {
  for (const name of names) await page.getByRole('checkbox', { name: new RegExp(`Select ${name}$`) }).check();
}

/** Opens the dialog for what is chosen in the list. */
export async function openDialog(page: Page): Promise<Locator> {
  await page.getByRole('button', { name: 'Reset password', exact: true }).first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('Account', { exact: true }).waitFor();
  return dialog;
}

/** What is typed into the dialog of a reset. */
export interface Typed {
  readonly account?: string;
  readonly password: string;
  /** How many at once; left as it is when absent. */
  readonly concurrency?: number;
}

export async function fill(dialog: Locator, { account, password, concurrency }: Typed): Promise<void> {
  if (account !== undefined) await dialog.getByLabel('Account', { exact: true }).fill(account);
  await dialog.getByLabel('New password', { exact: true }).fill(password);
  await dialog.getByLabel('New password again').fill(password);
  if (concurrency === undefined) return;
  await dialog.getByRole('button', { name: 'Pace' }).click();
  await dialog.getByLabel('At once').fill(String(concurrency));
}

/** Sends what is in the dialog, and resolves with the id of the reset once its page is there. */
export async function send(page: Page, dialog: Locator): Promise<string> {
  // Who can be reset is asked anew after each change, and the dialog says nothing of consent before it knows.
  await dialog.getByText('Asking who can be reset').waitFor({ state: 'detached' });
  // Among several, those that are new to this browser are shown with their fingerprints.
  const trust = dialog.getByLabel('I trust them');
  if ((await trust.count()) > 0) await trust.check();
  const before = page.url();
  await dialog.getByRole('button', { name: /^Reset password/ }).click();
  await leaves(page, dialog, { before, to: /\/console\/resets\/[0-9a-f-]{36}$/ });
  return page.url().slice(-36);
}

/** The page becomes that of a reset; what hinders it stands in the dialog. */
async function leaves(page: Page, dialog: Locator, { before, to }: { before: string; to: RegExp }): Promise<void> {
  let says = '';
  await until(
    async () => {
      if (page.url() !== before && to.test(page.url())) return true;
      says = (await dialog.allInnerTexts()).join('\n');
      return false;
    },
    { what: () => `the page of the reset; the dialog says: ${says}`, deadlineMs: SHOWN_MS_MAX },
  );
}

/** The row of an instance in the table that is on the page. */
export function rowOf(page: Page, name: string): Locator {
  return page.getByRole('row').filter({ has: page.getByText(name, { exact: true }) });
}

/** Each row of the table of tasks comes to say that, in any order. */
export async function expectTasks(page: Page, tasks: Readonly<Record<string, RegExp>>): Promise<void> {
  for (const [name, says] of Object.entries(tasks)) {
    let text = '';
    await until(
      async () => {
        // Absent while the table is drawn anew.
        text = (await rowOf(page, name).allInnerTexts()).join('; ');
        return says.test(text);
      },
      { what: () => `the task of ${name} to say ${String(says)}: ${text}`, deadlineMs: SHOWN_MS_MAX },
    );
  }
}

/** How a success looks that this browser has checked itself. */
export const PROVEN = /Succeeded[^]*a login worked[^]*checked here/;
