import type { Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Browser } from '../support/browser.ts';
import {
  choose,
  expectTasks,
  fill,
  goToInstances,
  openDialog,
  PROVEN,
  rowOf,
  send,
  SHOWN_MS_MAX,
} from '../support/console.ts';
import type { Host } from '../support/hosts/host.ts';
import { expectOnly } from '../support/hosts/login.ts';
import { until } from '../support/hosts/until.ts';
import { ACCOUNT, OLD, openConsoleWorld, type ConsoleWorld } from './console-world.ts';
import { newPassword } from './world.ts';

const NAMES = ['turn-1', 'turn-2', 'turn-3'] as const;
/** While it says `hold`, a reset on the host waits in the middle of its work, and with `fail` it fails. */
const MODE = '/run/chpasswd-mode';
/** The host leaves it when a reset has got so far. */
const REACHED = '/run/chpasswd-reached';
const CHPASSWD = `#!/bin/sh
touch ${REACHED}
while [ "$(cat ${MODE} 2>/dev/null)" = hold ]; do sleep 0.1; done
if [ "$(cat ${MODE} 2>/dev/null)" = fail ]; then echo 'chpasswd: out of order' >&2; exit 1; fi
exec /usr/sbin/chpasswd.real "$@"
`;
const LOST = 'The connection to the control plane is lost.';
const TOLD = /Succeeded[^]*a login worked[^]*as the control plane says/;
/** What a browser notes of a server that is away. */
const AWAY = [/Failed to load resource: net::ERR_/, /Failed to load resource: the server responded with a status of 5/];

/** Resets of three hosts, one after the other, while pages are loaded anew and the control plane is killed. */
let consoles: ConsoleWorld;
let browser: Browser;
let hosts: readonly Host[];
/** The password of each host, by its name. */
const current = new Map<string, string>(NAMES.map((name) => [name, OLD]));

beforeAll(async () => {
  consoles = await openConsoleWorld();
  hosts = await consoles.hosts(...NAMES);
  for (const host of hosts) {
    await host.must(['mv', '/usr/sbin/chpasswd', '/usr/sbin/chpasswd.real']);
    await host.writeFile('/usr/sbin/chpasswd', CHPASSWD, '0755');
  }
  browser = await consoles.signedIn();
}, 300_000);

afterAll(() => consoles[Symbol.asyncDispose]());
afterEach(() => consoles.expectClean(AWAY));

async function mode(say: 'hold' | 'fail' | null, whom: readonly Host[] = hosts): Promise<void> {
  for (const host of whom) {
    // What an earlier reset has left would name a host that does nothing.
    await host.must(['rm', '-f', REACHED]);
    if (say === null) await host.must(['rm', '-f', MODE]);
    else await host.writeFile(MODE, say);
  }
}

/** The host that holds a reset in the middle of its work. */
async function holding(): Promise<Host> {
  const found = await until(
    async () => {
      for (const host of hosts) if ((await host.exec(['rm', REACHED])).code === 0) return host;
      return false;
    },
    { what: 'a host to be in the middle of a reset', deadlineMs: SHOWN_MS_MAX },
  );
  return found;
}

/** Starts a reset of all three, one after the other, from the list. */
async function start(page: Page): Promise<{ readonly id: string; readonly password: string }> {
  const password = consoles.secret(newPassword());
  await goToInstances(page);
  await choose(page, NAMES);
  const dialog = await openDialog(page);
  await fill(dialog, { account: ACCOUNT, password, concurrency: 1 });
  return { id: await send(page, dialog), password };
}

/** Each host takes the password that was found to be its own, and none of the others that it may have had. */
async function expectLogins(refused: readonly string[]): Promise<void> {
  for (const host of hosts) {
    const accepted = current.get(host.name) ?? OLD;
    await expectOnly(host, ACCOUNT, { accepted, refused: refused.filter((password) => password !== accepted) });
  }
}

const others = (host: Host) => hosts.filter((one) => one !== host);

describe('a batch that is under way', () => {
  test('is paused, and stays what it is for a reload, a second browser, a killed control plane; then it goes on', async () => {
    const { page } = browser;
    await mode('hold');
    const { id, password } = await start(page);
    const first = await holding();
    await page.getByRole('button', { name: 'Pause' }).click();
    await page.getByRole('button', { name: 'Resume' }).waitFor();
    await mode(null);
    await expectTasks(page, { [first.name]: PROVEN });
    current.set(first.name, password);

    const second = await consoles.signedIn();
    await second.page.goto(page.url());
    await page.reload();
    const rest = others(first);
    const waiting = Object.fromEntries(rest.map(({ name }) => [name, /Waiting/]));
    await expectTasks(page, { ...waiting, [first.name]: PROVEN });
    await expectTasks(second.page, { ...waiting, [first.name]: TOLD });
    for (const one of [page, second.page]) await one.getByText('1 of 3 at their end').waitFor();

    await consoles.world.controlPlane.kill('SIGKILL');
    for (const one of [page, second.page]) await one.getByText(LOST).waitFor();
    await expectTasks(page, waiting);
    await consoles.world.controlPlane.start();
    for (const one of [page, second.page]) await one.getByText(LOST).waitFor({ state: 'detached' });
    await expectTasks(page, { ...waiting, [first.name]: PROVEN });
    await page.getByText('Nothing more is sent until somebody resumes it.').waitFor();

    // From the other browser: who started it is of no account.
    await second.page.getByRole('button', { name: 'Resume' }).click();
    await expectTasks(page, { 'turn-1': PROVEN, 'turn-2': PROVEN, 'turn-3': PROVEN });
    await expectTasks(second.page, { 'turn-1': TOLD, 'turn-2': TOLD, 'turn-3': TOLD });
    for (const one of [page, second.page]) await one.getByText('3 of 3 at their end').waitFor();
    expect(page.url()).toBe(`${consoles.world.url}/console/resets/${id}`);
    for (const { name } of rest) current.set(name, password);
    await expectLogins([OLD, password]);
  });

  test('comes to a true end on the host that works on it while the control plane is killed', async () => {
    const { page } = browser;
    const before = current.get('turn-1') ?? OLD;
    await mode('hold');
    const { password } = await start(page);
    const busy = await holding();
    await expectTasks(page, { [busy.name]: /Running/ });
    await consoles.world.controlPlane.kill('SIGKILL');
    await mode(null);
    await page.getByText('Do not repeat it').waitFor();
    await page.getByText(LOST).waitFor();
    // It has what was asked for, though nobody has heard of it.
    await expectOnly(busy, ACCOUNT, { accepted: password, refused: [before] });
    await expectTasks(page, { [busy.name]: /Running/ });
    await consoles.world.controlPlane.start();
    await page.getByText(LOST).waitFor({ state: 'detached' });
    await expectTasks(page, { 'turn-1': PROVEN, 'turn-2': PROVEN, 'turn-3': PROVEN });
    for (const { name } of hosts) current.set(name, password);
    await expectLogins([before, password]);
  });

  test('is cancelled as far as nothing was sent; what was cancelled is retried with a password typed again', async () => {
    const { page } = browser;
    const before = current.get('turn-1') ?? OLD;
    await mode('hold');
    const cancelled = await start(page);
    const first = await holding();
    await page.getByRole('button', { name: 'Cancel what was not sent' }).click();
    const question = page.getByRole('dialog');
    await question.getByRole('button', { name: 'Go back' }).last().click();
    await page.getByRole('button', { name: 'Cancel what was not sent' }).click();
    await question.getByRole('button', { name: 'Cancel what was not sent' }).click();
    const rest = others(first);
    await expectTasks(page, Object.fromEntries(rest.map(({ name }) => [name, /Cancelled/])));
    await mode(null);
    await expectTasks(page, { [first.name]: PROVEN });
    current.set(first.name, cancelled.password);
    await expectLogins([before, cancelled.password]);

    const password = consoles.secret(newPassword());
    await page.getByRole('button', { name: 'Retry' }).click();
    await page.getByRole('menuitem', { name: 'Retry what failed or was cancelled (2)' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('New password', { exact: true }).waitFor();
    expect(await dialog.getByLabel('New password', { exact: true }).inputValue()).toBe('');
    expect(await dialog.getByLabel('Account', { exact: true }).inputValue()).toBe(ACCOUNT);
    await fill(dialog, { password });
    expect(await send(page, dialog)).not.toBe(cancelled.id);
    await expectTasks(page, Object.fromEntries(rest.map(({ name }) => [name, PROVEN])));
    expect(await rowOf(page, first.name).count()).toBe(0);
    await page.getByRole('link', { name: cancelled.id }).waitFor();
    for (const { name } of rest) current.set(name, password);
    await expectLogins([before, cancelled.password, password]);
  });

  test('has what failed retried, and nothing else', async () => {
    const { page } = browser;
    const before = new Map(current);
    const [broken] = hosts as [Host];
    await mode('fail', [broken]);
    const { password, id } = await start(page);
    await expectTasks(page, { [broken.name]: /Failed[^]*out of order/, 'turn-2': PROVEN, 'turn-3': PROVEN });
    for (const { name } of others(broken)) current.set(name, password);
    await expectLogins([...before.values(), password]);

    await mode(null);
    const again = consoles.secret(newPassword());
    await page.getByRole('button', { name: 'Retry' }).click();
    await page.getByRole('menuitem', { name: 'Retry what failed (1)' }).click();
    const dialog = page.getByRole('dialog');
    await fill(dialog, { password: again });
    expect(await send(page, dialog)).not.toBe(id);
    await expectTasks(page, { [broken.name]: PROVEN });
    current.set(broken.name, again);
    await expectLogins([...before.values(), password, again]);
  });
});
