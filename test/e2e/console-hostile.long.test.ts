import type { Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { InstanceName, parseJoinToken, type InstanceId } from '#protocol';
import type { Browser } from '../support/browser.ts';
import { openConsoleServer, type ConsoleServer } from '../support/console-server.ts';
import { turnedAround } from '../support/console-bidi.ts';
import { unexpected } from '../support/console-traces.ts';
import { choose, expectTasks, fill, goToInstances, openDialog, send, signIn } from '../support/console.ts';
import { createRawHttp, requestBytes } from '../support/fuzz/raw-http.ts';
import { newPassword } from './world.ts';

/** What an agent, an installer or an operator may say, all of it printable, and meant for whoever reads the page. */
const MARKUP = `"><img src=x onerror=alert(1)><script>alert(2)</script>{{7*7}}`;
/** Letters that are read from the right, with digits at the end, which take their neighbours along. */
const RIGHT_TO_LEFT = 'שלום 123';
const LONG = 'W'.repeat(200);
const WORDS = { markup: MARKUP, rtl: RIGHT_TO_LEFT, long: LONG } as const;
const NAMES = Object.keys(WORDS) as (keyof typeof WORDS)[];
const RECORDS_UNFOLDED = 20;
const SEEN_MS_MAX = 20_000;

let consoles: ConsoleServer;
let browser: Browser;
let page: Page;
let url: string;
let resetPage: string;
let token: string;

beforeAll(async () => {
  consoles = await openConsoleServer();
  const { routes } = consoles.server;
  ({ url } = consoles.server);
  for (const name of NAMES) {
    const said = WORDS[name];
    const { instanceId } = await speak(name, said);
    await routes.instances.change(instanceId, { tags: { [name]: said, zone: said } });
    await failInstallation(`${name}-new`, said);
  }
  token = await hostileToken();
  browser = await consoles.browser();
  ({ page } = browser);
  await signIn(page, url, token);
  await goToInstances(page);
  await choose(page, NAMES);
  const dialog = await openDialog(page);
  await fill(dialog, { password: newPassword() });
  await send(page, dialog);
  await expectTasks(page, { markup: /Failed/, rtl: /Failed/, long: /Failed/ });
  resetPage = page.url();
}, 180_000);

afterAll(() => consoles[Symbol.asyncDispose]());

/** An agent that says it wherever it can. */
async function speak(name: string, said: string): Promise<{ readonly instanceId: InstanceId }> {
  const facts = { hostname: said, osVersion: said, kernel: said, architecture: said, bootId: said };
  const agent = await consoles.agent(name, { facts, agentVersion: said, healthDetail: said, resultDetail: said });
  return agent.identity;
}

/** An installer that says why it failed. */
async function failInstallation(name: string, detail: string): Promise<void> {
  const { routes } = consoles.server;
  await routes.instances.add({ name: InstanceName.parse(name), os: 'linux' });
  const { token } = await routes.tokens.create({ type: 'join', instance: InstanceName.parse(name) });
  const parsed = parseJoinToken(token);
  if (parsed === null) throw new Error('the server made a join token that cannot be read');
  const said = { tokenId: parsed.id, secret: parsed.secret, state: 'install-failed', code: 'install-not-root', detail };
  const http = createRawHttp(consoles.dial);
  const answer = await http.ask(requestBytes('POST', '/api/v1/agents/install-progress', JSON.stringify(said)));
  http.close();
  expect(answer?.status, answer?.body).toBe(204);
}

/** Tokens with such names; the one that is read from the right is handed over. */
async function hostileToken(): Promise<string> {
  const { tokens } = consoles.server.routes;
  const all = { type: 'api', role: 'administrator', privileged: true, projects: null, accounts: null } as const;
  await tokens.create({ ...all, name: MARKUP });
  return (await tokens.create({ ...all, name: RIGHT_TO_LEFT })).token;
}

/** A page that shows what others have said. */
interface Look {
  readonly path: string;
  /** What is done there to see it all. */
  readonly reveal?: () => Promise<unknown>;
  /** Each of these has to be seen there, as it was said. */
  readonly sees?: readonly string[];
}

const tab = (name: string) => async () => page.getByRole('tab', { name, exact: true }).click();
const encoded = encodeURIComponent(RIGHT_TO_LEFT);
const ALL = Object.values(WORDS);

const LOOKS: readonly (readonly [string, Look])[] = [
  ['the dashboard', { path: '', sees: ALL }],
  ['the list', { path: '/instances', sees: ALL }],
  ['the cards', { path: '/instances?view=cards', sees: ALL }],
  ['the list by version', { path: `/instances?version=${encoded}`, sees: [RIGHT_TO_LEFT] }],
  ['the list by tag', { path: `/instances?tag=zone%3D${encoded}`, sees: [`zone=${RIGHT_TO_LEFT}`] }],
  ...NAMES.flatMap((name) => [
    [`${name}: overview`, { path: `/instances/${name}`, sees: [WORDS[name]] }] as const,
    [`${name}: health`, { path: `/instances/${name}`, reveal: tab('Health'), sees: [WORDS[name]] }] as const,
    [`${name}: resets`, { path: `/instances/${name}`, reveal: tab('Resets'), sees: [RIGHT_TO_LEFT] }] as const,
    [`${name}: audit`, { path: `/instances/${name}`, reveal: tab('Audit'), sees: ['instance.enrol'] }] as const,
    [`${name}: danger zone`, { path: `/instances/${name}`, reveal: tab('Danger zone'), sees: ['New name'] }] as const,
    [`${name}: a failed installation`, { path: `/instances/${name}-new`, sees: [WORDS[name]] }] as const,
  ]),
  ['resets', { path: '/resets', sees: [RIGHT_TO_LEFT] }],
  ['the audit', { path: '/audit', reveal: unfold, sees: [RIGHT_TO_LEFT] }],
  ['tokens and sessions', { path: '/access', sees: [MARKUP, RIGHT_TO_LEFT] }],
  ['the settings', { path: '/settings', sees: ['default'] }],
];

async function unfold(): Promise<void> {
  const records = page.getByRole('button', { name: /^Details of record/ });
  await records.first().waitFor();
  for (const record of (await records.all()).slice(0, RECORDS_UNFOLDED)) await record.click();
}

/** No element of theirs, no script, no dialog, no policy that had to stop something, nothing turned around. */
async function expectHarmless({ reveal, sees = [] }: Look): Promise<void> {
  await page.getByRole('heading', { level: 1 }).first().waitFor();
  await reveal?.();
  for (const word of sees) {
    const said = page.locator('main').getByText(word).filter({ visible: true });
    await said.first().waitFor({ timeout: SEEN_MS_MAX });
  }
  expect(await page.locator('img[src="x"], script:not([src])').count()).toBe(0);
  expect(await turnedAround(page)).toEqual([]);
  expect(unexpected(browser)).toEqual([]);
  expect(browser.sent.filter((request) => request.split(' ')[1]?.endsWith('/x') === true)).toEqual([]);
}

describe('what others say is text, and leaves its neighbours where they are', () => {
  test.each(LOOKS)('on %s', async (_, look) => {
    await page.goto(`${url}/console${look.path}`);
    await expectHarmless(look);
  });

  test('on the page of a reset, and in the dialog of the next', async () => {
    await page.goto(resetPage);
    await expectHarmless({ path: resetPage, sees: ALL });
    await page.getByRole('button', { name: 'Retry' }).click();
    await page.getByRole('menuitem', { name: 'Retry what failed (3)' }).click();
    await page.getByRole('dialog').getByText('3 of 3 can be reset now.').waitFor();
    await expectHarmless({ path: resetPage });
  });

  test.each([
    ['the end of a session', 'End', /^End the session of .*123 from/],
    ['the end of a token', 'Revoke', /^Revoke .*123/],
  ] as const)('in the question about %s', async (_, action, which) => {
    await page.goto(`${url}/console/access`);
    const extra = await consoles.browser();
    await signIn(extra.page, url, token);
    await page.reload();
    await page.getByRole('button', { name: which }).first().click();
    await page.getByRole('dialog').getByRole('button', { name: action, exact: true }).waitFor();
    await expectHarmless({ path: '/access' });
  });
});

describe('a page on which it does something is known', () => {
  test.each([
    ['digits after it', `<p>${RIGHT_TO_LEFT} (2 of 3)</p>`, true],
    ['another one after it', `<p><b>${RIGHT_TO_LEFT}</b>, <i>${RIGHT_TO_LEFT}</i></p>`, true],
    ['words after it, where the direction goes by the first', `<p><bdi>${RIGHT_TO_LEFT} of web-1</bdi></p>`, true],
    ['isolated from what comes after it', `<p><bdi>${RIGHT_TO_LEFT}</bdi> (2 of 3)</p>`, false],
    ['isolated by characters', `<p>\u2068${RIGHT_TO_LEFT}\u2069 (2 of 3)</p>`, false],
    ['in paragraphs of their own', `<p>${RIGHT_TO_LEFT}</p><p>2 of 3</p>`, false],
  ])('by %s', async (_, html, isTurned) => {
    await page.goto('about:blank');
    await page.setContent(html);
    expect((await turnedAround(page)).length > 0).toBe(isTurned);
  });
});
