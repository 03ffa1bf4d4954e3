import { createHash } from 'node:crypto';
import { statSync } from 'node:fs';
import type { Locator, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openBrowser, type Browser } from '../support/browser.ts';
import { mustRun, run, type RunResult } from '../support/hosts/run.ts';
import {
  cloneForDemo,
  CLONE_TIMEOUT_MS,
  DEMO_DEADLINE_MS,
  NOTHING,
  secretsIn,
  type DemoClone,
  type RunningDemo,
} from './demo-clone.ts';

/** All that whoever has started the demonstration knows: what it prints. */
interface Printed {
  /** What a pattern finds in the output, its groups in order. */
  found(pattern: RegExp): readonly string[];
  /** A word of a page that the output names in quotation marks. */
  named(word: string): string;
}

function printedBy(output: string): Printed {
  return {
    found(pattern) {
      const match = pattern.exec(output);
      expect(match, `${String(pattern)} in: ${output}`).not.toBeNull();
      return match?.slice(1) ?? [];
    },
    named(word) {
      expect(output).toContain(`"${word}"`);
      return word;
    },
  };
}

const row = (page: Page, name: string): Locator => page.getByRole('row').filter({ hasText: name });
const button = (within: Page | Locator, name: string): Locator =>
  within.getByRole('button', { name, exact: true }).and(within.locator(':visible'));
const SLOW_MS = 60_000;

/** Opens the link, compares the certificate, signs in with what the printed line prints. */
async function enter({ printed, command }: Visit): Promise<Browser> {
  const [url = ''] = printed.found(/^The console: (https:\S+)$/m);
  const browser = await openBrowser(url, Number(new URL(url).port));
  const { page } = browser;
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Network.enable'); // It knows the certificates of what it has seen being loaded.
  await page.goto(url);
  const { tableNames } = await devtools.send('Network.getCertificate', { origin: new URL(url).origin });
  const shown = createHash('sha256')
    .update(Buffer.from(tableNames[0] ?? '', 'base64'))
    .digest('hex');
  const [fingerprint = ''] = printed.found(/is its SHA-256 fingerprint:\n +(\S+)$/m);
  expect(fingerprint.replaceAll(':', '').toLowerCase()).toBe(shown);

  const [line = '', tokenFile = ''] = printed.found(/API token of the administrator.*\n +(cat (\S+))$/m);
  expect(statSync(tokenFile).mode & 0o777).toBe(0o600);
  const { stdout: token } = await mustRun(command(line));
  await page.getByLabel('API token').fill(token.trim());
  await button(page, 'Sign in').click();
  await page.getByRole('heading', { level: 1, name: printed.named('Health') }).waitFor();
  return browser;
}

function reasonIn(printed: Printed): { readonly message: string; readonly remedy: string } {
  const [message = '', remedy = ''] = printed.found(
    /web-3 is abnormal, .* the reason, "(.+?)", and what to do, "(.+)"$/m,
  );
  return { message, remedy };
}

/** Step 1: two need attention, with what the output says of them. */
async function seeHealth(page: Page, { printed }: Visit): Promise<void> {
  const [message = '', remedy = ''] = printed.found(
    /web-3 is abnormal, .* the reason, "(.+?)", and what to do, "(.+)"$/m,
  );
  await expect.poll(() => row(page, 'web-3').first().innerText(), { timeout: SLOW_MS }).toContain('Abnormal');
  const abnormal = await row(page, 'web-3').first().innerText();
  expect(abnormal).toContain(message);
  expect(abnormal).toContain(remedy);
  expect(await row(page, 'web-2').first().innerText()).toContain('Offline');
}

/** Step 2: resets the healthy one, and logs in by the printed line. */
async function resetHealthy(page: Page, { printed, command }: Visit): Promise<void> {
  await page.getByRole('link', { name: printed.named('Instances') }).click();
  await expect.poll(() => row(page, 'web-1').innerText(), { timeout: SLOW_MS }).toContain('Running');
  const [account = ''] = printed.found(/beside web-1: "Account" (\S+),/);
  await page.getByRole('button', { name: `${printed.named('Reset password')} of web-1` }).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel(printed.named('Account'), { exact: true }).fill(account);
  await button(dialog, printed.named('Generate')).click();
  await button(dialog, printed.named('Copy')).click();
  await expect.poll(() => page.evaluate('navigator.clipboard.readText()')).toMatch(/^\S{8,}$/);
  const password = String(await page.evaluate('navigator.clipboard.readText()'));
  await button(dialog, 'Reset password').click();
  await page.waitForURL(/\/console\/resets\/[0-9a-f-]{36}$/);
  await row(page, 'web-1').getByText(printed.named('Succeeded')).waitFor();
  expect(await row(page, 'web-1').innerText()).toContain('a login worked');

  const [line = ''] = printed.found(/Log in yourself.*\n +(\S.*)$/m);
  const logIn = (word: string): Promise<RunResult> => run(command(line), { input: `${word}\nid -un\n` });
  expect(await logIn(password)).toMatchObject({ code: 0, stdout: expect.stringContaining(`${account}\n`) as string });
  expect(await logIn(`${password}x`)).toMatchObject({
    code: 1,
    stderr: expect.stringContaining('Authentication failure') as string,
  });
}

/** Step 3: who is blocked, and why; the page behind one of the reasons. */
async function seeBlocked(page: Page, { printed }: Visit): Promise<void> {
  await page.getByRole('link', { name: 'Instances' }).first().click();
  for (const name of ['web-1', 'web-2', 'web-3']) await page.getByRole('checkbox', { name: `Select ${name}` }).check();
  await button(page, 'Reset password').first().click();
  const dialog = page.getByRole('dialog');
  await dialog.getByText(printed.named('2 instances cannot be reset now')).waitFor();
  await dialog.getByText('The agent is not connected.').waitFor();
  await dialog.getByText(reasonIn(printed).message).waitFor();
  await dialog.getByText(printed.named('Leave out what is blocked')).waitFor();
  await dialog.getByRole('link', { name: /web-3/ }).click();
  await page.getByText('/etc/passwd: EROFS').waitFor();
}

/** Step 4: both lines; the page changes by itself. The agent that was started by hand runs until it is ended. */
async function mend(page: Page, { printed, command }: Visit): Promise<{ readonly agent: Promise<RunResult> }> {
  await page.getByRole('link', { name: 'Health' }).click();
  await page.getByText('Needs attention (2)').waitFor();
  const [remount = '', start = ''] = printed.found(/^4\. .*\n +(\S.*)\n +(\S.*)$/m);
  await mustRun(command(remount));
  const agent = run(command(start), { timeoutMs: DEMO_DEADLINE_MS });
  await page.getByText('Every agent that is installed is running and healthy.').waitFor();
  return { agent };
}

interface Visit extends RunningDemo {
  readonly printed: Printed;
}

describe('the demonstration, as the way into the console', { timeout: 2 * DEMO_DEADLINE_MS }, () => {
  let demo: DemoClone;
  beforeAll(async () => {
    demo = await cloneForDemo();
  }, CLONE_TIMEOUT_MS);
  afterAll(async () => {
    await demo[Symbol.asyncDispose]();
  });

  test('can be followed with nothing but what it prints, and leaves nothing after that', async () => {
    let byHand: { readonly agent: Promise<RunResult> } | undefined;
    const at = 'Running until you press Ctrl-C';
    const first = async (running: RunningDemo): Promise<void> => {
      const visit = { ...running, printed: printedBy(running.output) };
      await using browser = await enter(visit);
      await seeHealth(browser.page, visit);
      await resetHealthy(browser.page, visit);
      await seeBlocked(browser.page, visit);
      byHand = await mend(browser.page, visit);
    };
    const { code, output, commandLines, left } = await demo.demonstrate('', { at, signal: 'SIGINT', first });
    expect(code, output).toBe(0);
    expect(left).toEqual(NOTHING);
    expect(secretsIn(output, demo.top)).toEqual([]);
    expect(commandLines.filter((line) => secretsIn(line, demo.top).length > 0)).toEqual([]);
    expect(output).toContain('Building the web console');
    // Killed with the instance that it ran on.
    expect((await byHand?.agent)?.code).toBe(137);
  });
});
