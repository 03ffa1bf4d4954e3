import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { violationsOf } from '../support/console/access.ts';
import { atRest, openConsole, show, signIn } from '../support/console/look.ts';
import { VIEWS } from '../support/console/views.ts';
import { openConsoleWorld, type ConsoleWorld } from '../support/console/world.ts';
import type { Browser } from '../support/browser.ts';

const WIDTHS = [1300, 420] as const;
const SCHEMES = ['light', 'dark'] as const;

let world: ConsoleWorld;
let browser: Browser;

beforeAll(async () => {
  world = await openConsoleWorld(AbortSignal.timeout(300_000));
  browser = await openConsole(world);
  await signIn(browser.page, world);
}, 400_000);

afterAll(async () => {
  await browser[Symbol.asyncDispose]();
  await world[Symbol.asyncDispose]();
});

describe.each(WIDTHS)('at a width of %i', (width) => {
  test.each(VIEWS)('nobody is shut out: $name', async (view) => {
    const { page } = browser;
    // So high that every dialog is whole: axe takes a label that is scrolled out of sight for none.
    await page.setViewportSize({ width, height: 1400 });
    await show(page, world, view);
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      await atRest(page);
      expect(await violationsOf(page), colorScheme).toEqual([]);
    }
  });
});

test('over all of this, it asked nobody but its own origin, and broke no policy', () => {
  expect(browser.sent.length).toBeGreaterThan(VIEWS.length);
  for (const request of browser.sent) expect(request.split(' ')[1]).toMatch(new RegExp(`^(${world.url}/|data:)`));
  // What was asked for and is not there is part of what was looked at: a session at first, and an unknown instance.
  const unexpected = browser.complaints.filter((complaint) => !/status of (401|404)/.test(complaint));
  expect(unexpected).toEqual([]);
});
