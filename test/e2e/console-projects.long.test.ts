import { API_PREFIX, ProjectName } from '#protocol';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Browser } from '../support/browser.ts';
import { openConsoleServer, type ConsoleServer } from '../support/console-server.ts';
import { rowOf, signIn } from '../support/console.ts';

const EDGE = ProjectName.parse('edge');

let world: ConsoleServer;
let browser: Browser;

beforeAll(async () => {
  world = await openConsoleServer();
  browser = await world.browser();
  await signIn(browser.page, `${world.server.url}/console`, world.server.administrator);
}, 300_000);
afterAll(() => world[Symbol.asyncDispose]());

describe('a project', () => {
  test('is added, and shown wherever it was made', async () => {
    const { page } = browser;
    await page.getByRole('link', { name: 'Settings', exact: true }).click();
    await page.getByRole('button', { name: 'Add project' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('lab');
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await rowOf(page, 'lab').getByText('Disabled').waitFor();

    // Without reload: somebody else made it.
    const { version } = await world.server.routes.service.statement();
    await world.server.routes.service.change(EDGE, { enabled: true, statementVersion: version });
    await rowOf(page, 'edge').getByText('Enabled').waitFor();
  });

  test('that is there already is not added again, and its service stays enabled, also where the list is old', async () => {
    const { page, sent } = browser;
    await page.reload();
    // As if nobody had told the page of it.
    await page.route(`**${API_PREFIX}/projects`, async (route) => {
      if (route.request().method() !== 'GET') return route.continue();
      return route.fulfill({ json: { items: [] } });
    });
    await page.reload();
    await page.getByText('There are no projects').waitFor();
    const before = sent.length;
    await page.getByRole('button', { name: 'Add project' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('Name').fill('edge');
    await dialog.getByRole('button', { name: 'Add', exact: true }).click();
    await dialog.getByText('There is a project of that name already.').waitFor();
    expect(sent.slice(before).filter((request) => request.startsWith('PUT '))).toEqual([]);
    await page.unrouteAll();
    const edge = (await world.server.routes.service.list()).find(({ name }) => name === EDGE);
    expect(edge?.service.enabled).toBe(true);
    await dialog.getByRole('button', { name: 'Cancel' }).click();
  });
});

describe('sessions', () => {
  test('that are all ended but this one let nobody in any more, with one request', async () => {
    const { page, sent } = browser;
    await using other = await world.browser();
    await using third = await world.browser();
    for (const one of [other, third]) {
      await signIn(one.page, `${world.server.url}/console`, world.server.administrator);
    }
    await page.getByRole('link', { name: 'Tokens and sessions' }).click();
    const before = sent.length;
    await page.getByRole('button', { name: 'End all others' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'End all others' }).click();
    await page.getByText('2 sessions were ended.').waitFor();
    expect(sent.slice(before).filter((request) => request.startsWith('DELETE '))).toHaveLength(1);
    for (const one of [other, third]) await one.page.getByText('Your session has ended').first().waitFor();
    await page.reload();
    await page.getByRole('heading', { name: 'Console sessions' }).waitFor();
  });
});

test('an address that a page leads to and that is none of an instance says so, and breaks nothing', async () => {
  const { page, complaints } = browser;
  await page.goto(`${world.server.url}/console/instances`);
  await page.getByRole('heading', { name: 'Instances', level: 1 }).waitFor();
  for (const [part, shown] of [
    ['%', '%'],
    ['%zz', '%zz'],
    ['no%2Dbody', 'no-body'],
  ]) {
    // As a link does: the server takes no such address as the first one.
    await page.evaluate(`history.pushState(null, '', '/console/instances/${String(part)}')`);
    await page.getByRole('heading', { level: 1 }).getByText(String(shown), { exact: true }).waitFor();
    await page.getByText('There is no such').first().waitFor();
  }
  expect(complaints.filter((complaint) => complaint.startsWith('defect:'))).toEqual([]);
});
