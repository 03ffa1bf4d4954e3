import { readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { ProjectName } from '#protocol';
import { createApiClient } from '../../control-plane/cli/api/client.ts';
import { createRoutes } from '../../control-plane/cli/api/routes.ts';
import { createUndiciTransport } from '../../control-plane/cli/api/undici-transport.ts';
import { FILES } from '../../control-plane/server/keys/layout.ts';
import type { Bench, BenchContext } from './bench.ts';
import { newWindow, signIn, startBrowser } from './console/browser.ts';
import { firstPageTables, measureFirstPage, type FirstPages } from './console/first-page.ts';
import { inhabit } from './console/inhabitants.ts';
import { listTable, measureList, type Responses } from './console/list.ts';
import { profiled } from './console/profile.ts';
import { measureProgress, progressTables, type Progress } from './console/progress.ts';
import { requireDescriptors } from './swarm/channel.ts';
import { startSwarm } from './swarm/client.ts';
import { untilRunning } from './swarm/database.ts';
import { createSite, profileFlags, type Site } from './swarm/server.ts';

const INSTANCES = 10_000;
const TASKS = 10_000;
const ROUNDS = 10;
/** So many handshakes under way at the same time. */
const AT_ONCE = 200;
/** What an agent takes for a reset: between a fast machine with a helper standing by and a slow one without. */
const TASK_MS = { min: 80, max: 400 };

type Browser = Awaited<ReturnType<typeof startBrowser>>;

export const consoleBench: Bench = {
  name: 'console',
  measures: 'the web console in a browser: its first page, lists of 10,000 instances, the progress of 10,000 tasks',
  needs: "Debian's chromium, the console built (npm run build:console), 3 GB of free memory, 10,000 sockets",
  minutes: 8,
  async run(context) {
    const { options, directory } = context;
    const [instances, tasks] = [options.instances ?? INSTANCES, options.tasks ?? TASKS];
    requireDescriptors(tasks);
    await using browser = await startBrowser();
    const places = [join(directory, 'list'), join(directory, 'progress')] as const;
    for (const place of places) await mkdir(place);
    const { first, list } = await ofInstances(context, browser, places[0], instances);
    const progress = await ofTasks(context, browser, places[1], tasks);
    return {
      notes: NOTES,
      tables: [...firstPageTables(first), listTable(list, instances), ...progressTables(progress)],
      figures: { instances, first, list, progress },
    };
  },
};

const NOTES = [
  'Chromium without a window, 1300 by 900, and the control plane of `latchkey server` share the processors; all on loopback.',
  "Times are the page's own, from the event or the navigation until a frame with what it brought was drawn; the way of the driver is in none.",
  'The tasks are a batch that an operator starts on the page: its browser seals all passwords and checks the signature of each result. Agents are simulated, speak the real protocol, and take 80 to 400 ms each.',
];

async function ofInstances(
  { options, progress }: BenchContext,
  browser: Browser,
  directory: string,
  count: number,
): Promise<{ first: FirstPages; list: Responses }> {
  progress(`console: ${count} instances …`);
  const site = await createSite(directory);
  await inhabit(site.databaseFile, count, Date.now());
  await using _server = await site.start('latchkey', { flags: profileFlags() });
  const operator = await signIn(browser, urlOf(site), tokenFileOf(directory));
  await operator.context.close();
  const rounds = options.rounds ?? ROUNDS;
  progress('console: the first page …');
  const first = await measureFirstPage(browser, urlOf(site), operator, rounds);
  progress('console: the list of instances …');
  const { page, context, cdp } = await newWindow(browser, operator.storageState);
  const list = await profiled(cdp, 'list', () => measureList(page, cdp, urlOf(site), rounds));
  await context.close();
  return { first, list };
}

async function ofTasks(
  { progress }: BenchContext,
  browser: Browser,
  directory: string,
  tasks: number,
): Promise<Progress> {
  progress(`console: ${tasks} agents …`);
  const site = await createSite(directory);
  await using swarm = await startSwarm(join(directory, 'swarm.log'));
  await swarm.enrol(site.databaseFile, tasks);
  await using _server = await site.start('latchkey', { flags: profileFlags() });
  await enableService(site, directory);
  const to = { port: site.port, ca: site.ca, atOnce: AT_ONCE };
  const connect = async (): Promise<void> => {
    await swarm.connect(to);
  };
  await connect();
  // On a machine that has too much to do, some have missed a heartbeat by now; they come back, as agents do.
  await untilRunning(site.databaseFile, tasks, connect);
  await swarm.stay(to);
  progress(`console: a batch of ${tasks} tasks …`);
  const { page, context, cdp } = await signIn(browser, urlOf(site), tokenFileOf(directory));
  const stage = { page, cdp, url: urlOf(site), tasks, work: () => swarm.work(TASK_MS) };
  const found = await profiled(cdp, 'progress', () => measureProgress(stage));
  await context.close();
  return found;
}

const urlOf = ({ port }: Site): string => `https://127.0.0.1:${String(port)}`;
const tokenFileOf = (directory: string): string => join(directory, 'keys', FILES.administratorToken);

/** Agents reset passwords in projects whose operator has agreed to it. */
async function enableService(site: Site, directory: string): Promise<void> {
  const token = readFileSync(tokenFileOf(directory), 'utf8').trim();
  const transport = createUndiciTransport({ url: urlOf(site), ca: site.ca, token, env: {} });
  const { service } = createRoutes(createApiClient(transport));
  try {
    const { version } = await service.statement();
    await service.change(ProjectName.parse('default'), { enabled: true, statementVersion: version });
  } finally {
    await transport.close();
  }
}
