/**
 * `npm run screenshots [DIRECTORY]`: every page and dialog of the console as a picture, at two widths, light and dark,
 * from a control plane with simulated agents. Names after the directory choose from the views;
 * `--window` cuts pages to the window, as in the pictures of the README.
 */
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { atRest, openConsole, show, signIn } from '../support/console/look.ts';
import { VIEWS, type View } from '../support/console/views.ts';
import { openConsoleWorld } from '../support/console/world.ts';

const WIDTHS = [1300, 420] as const;
const SCHEMES = ['light', 'dark'] as const;
const PAGE_HEIGHT = 900;
/** A dialog scrolls in itself, so that its picture shows what the window holds. */
const DIALOG_HEIGHT = 1400;

const flags = process.argv.slice(2);
const isWindow = flags.includes('--window');
const [directory = '.cache/screenshots', ...chosen] = flags.filter((flag) => flag !== '--window');
const place = resolve(directory);

async function main(signal: AbortSignal): Promise<void> {
  await mkdir(place, { recursive: true });
  await using world = await openConsoleWorld(signal);
  await using browser = await openConsole(world);
  const { page } = browser;
  const take = async ({ name, isDialog = false }: View, width: number): Promise<void> => {
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme });
      await atRest(page);
      // What sticks to the window would stand in the middle of the picture.
      await page.evaluate('scrollTo(0, 0)');
      const path = join(place, `${name}-${String(width)}-${colorScheme}.png`);
      await page.screenshot({ path, fullPage: !isDialog && !isWindow, animations: 'disabled' });
    }
  };
  const failures: Error[] = [];
  const isWanted = ({ name }: View): boolean => chosen.length === 0 || chosen.includes(name);
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: PAGE_HEIGHT });
    const way: View = { name: 'sign-in', path: '' };
    if (isWanted(way)) {
      await browser.context.clearCookies();
      await show(page, world, way);
      await take(way, width);
    }
    await signIn(page, world);
    for (const view of VIEWS.filter(isWanted)) {
      await page.setViewportSize({ width, height: view.isDialog === true && !isWindow ? DIALOG_HEIGHT : PAGE_HEIGHT });
      // One that cannot be opened is told of with the others, so that one run finds all of them.
      await show(page, world, view)
        .then(() => take(view, width))
        .catch((error: unknown) => failures.push(new Error(`${view.name} at ${String(width)}`, { cause: error })));
    }
    await browser.context.clearCookies();
  }
  // Browsers note what is asked for and is not there: a session at first, and an unknown instance.
  const complaints = browser.complaints.filter((complaint) => !/status of (401|404)/.test(complaint));
  for (const complaint of complaints) failures.push(new Error(complaint));
  if (failures.length > 0) throw new AggregateError(failures, `${String(failures.length)} things went wrong`);
}

const over = new AbortController();
process.once('SIGINT', () => over.abort());
await main(over.signal);
