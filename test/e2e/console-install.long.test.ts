import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { explain, fingerprintOf, parseJoinToken, Thumbprint } from '#protocol';
import type { Browser } from '../support/browser.ts';
import { SHOWN_MS_MAX } from '../support/console.ts';
import type { Host } from '../support/hosts/host.ts';
import { openConsoleWorld, type ConsoleWorld } from './console-world.ts';
import { openInstallWorld, secretOf, type InstallWorld } from './install-world.ts';

const PHASES = ['Waiting for the line to be run', 'Installing', 'The agent runs'] as const;

/** From the page that makes a line to an agent that runs, on hosts that have none. */
let installs: InstallWorld;
let consoles: ConsoleWorld;
let browser: Browser;
let hosts: readonly Host[];

beforeAll(async () => {
  installs = await openInstallWorld();
  consoles = await openConsoleWorld(installs.world);
  hosts = await Promise.all([installs.boot('pasted-1'), installs.boot('pasted-2', 'trixie')]);
  browser = await consoles.signedIn();
});

afterAll(async () => {
  for (const host of hosts) await host[Symbol.asyncDispose]();
  await consoles[Symbol.asyncDispose]();
});
/** What a browser notes of the look whether there is such an instance already. */
afterEach(() => consoles.expectClean([/status of 404/]));

/** Makes a line on the page, presses its button, and hands over what is in the clipboard then. */
async function copiedLine(page: Page, name: string): Promise<string> {
  await page.getByRole('link', { name: 'Install agent', exact: true }).click();
  await page.getByText(/latest, recommended/).waitFor();
  if (name !== '') await page.getByLabel('Instance (optional)').fill(name);
  await page.getByRole('button', { name: 'Make the line' }).click();
  await page.evaluate("navigator.clipboard.writeText('nothing was copied')");
  await page.getByRole('button', { name: 'Copy the line' }).click();
  await page.getByText('Copied', { exact: true }).waitFor();
  const line = await page.evaluate<string>('navigator.clipboard.readText()');
  expect(line).toBe(await page.getByLabel('Text to copy').innerText());
  return line;
}

/** From now on the page notes every phase that it shows, however short. */
async function notePhases(page: Page): Promise<() => Promise<readonly string[]>> {
  await page.evaluate(`{
    const phases = ${JSON.stringify(PHASES)};
    const look = () => {
      const text = document.body.innerText;
      // The newest: what is read out to who hears the page lags behind what is seen.
      const phase = phases.findLast((one) => text.includes(one));
      if (phase !== undefined && globalThis.seenPhases.at(-1) !== phase) globalThis.seenPhases.push(phase);
    };
    globalThis.seenPhases = [];
    look();
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, characterData: true });
  }`);
  return () => page.evaluate<string[]>('globalThis.seenPhases');
}

/** Nobody touches the page meanwhile. */
async function pasteAndWatch(page: Page, host: Host, line: string, name: string): Promise<void> {
  await page.getByText(PHASES[0]).first().waitFor();
  const phases = await notePhases(page);
  const said = await installs.paste(host, line);
  expect(said, said.stderr).toMatchObject({ code: 0, stderr: '' });
  await page.getByText(PHASES[2]).first().waitFor({ timeout: SHOWN_MS_MAX });
  expect(await phases()).toEqual(name === '' ? expect.arrayContaining([PHASES[0], PHASES[2]]) : PHASES);
  const { identity, state } = await installs.agentOf(host.name);
  expect(state).toBe('running');
  const fingerprint = fingerprintOf(Thumbprint.parse(identity));
  expect(said.stdout).toContain(fingerprint);
  await page.getByText(fingerprint).first().waitFor();
}

describe('the line that the page has copied', () => {
  test('installs the agent of a named instance; the page follows it by itself from waiting to running', async () => {
    const { page } = browser;
    const [host] = hosts as [Host];
    const line = await copiedLine(page, host.name);
    await pasteAndWatch(page, host, line, host.name);
    expect(new URL(page.url()).search).toBe(`?instance=${host.name}`);
    // It says which instance is meant, and not by which token it joins.
    const kept = await page.evaluate<string>(
      'JSON.stringify([{ ...localStorage }, { ...sessionStorage }, history.state])',
    );
    expect(kept + page.url()).not.toContain(secretOf(line));
  });

  test('installs the agent of whoever comes with it, which joins under its own name', async () => {
    const { page } = browser;
    const [, host] = hosts as [Host, Host];
    await page.goto(`${consoles.world.url}/console`);
    const line = await copiedLine(page, '');
    await pasteAndWatch(page, host, line, '');
    await page.getByRole('link', { name: host.name, exact: true }).click();
    await page.getByText('The agent runs and answers.').waitFor();
  });
});

test('what an installer says of its failure is shown as text, with what to do', async () => {
  const { page } = browser;
  const { world } = consoles;
  const detail = '"><img src=x onerror=alert(1)>';
  await world.json(['instances', 'add', 'unlucky', '--os', 'linux']);
  const made = (await world.json(['tokens', 'create', '--type', 'join', '--instance', 'unlucky'])) as { token: string };
  const token = parseJoinToken(made.token);
  if (token === null) throw new Error('what was made is no join token');
  const said = { tokenId: token.id, secret: token.secret, state: 'install-failed', code: 'install-not-root', detail };
  const flags = ['--silent', '--fail', '--cacert', join(world.directory, 'keys', 'ca.crt')];
  const posted = await world.fabric.exec(
    ['curl', ...flags, '--json', '@-', `${world.url}/api/v1/agents/install-progress`],
    { input: JSON.stringify(said) },
  );
  expect(posted.code, posted.stderr).toBe(0);
  await page.goto(`${world.url}/console/install?instance=unlucky`);
  await page.getByText('The installation failed').first().waitFor();
  await page.getByText(detail).first().waitFor();
  await page.getByText(explain('install-not-root').remedy).first().waitFor();
  expect(await page.locator('img[src="x"]').count()).toBe(0);
});
