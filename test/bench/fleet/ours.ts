import { join } from 'node:path';

import { CHECKOUT } from '../../support/hosts/host.ts';
import { PLACE_ENVIRONMENT } from '../../support/hosts/place.ts';
import { processes } from '../../support/hosts/process-table.ts';
import { run } from '../../support/hosts/run.ts';
import { until } from '../../support/hosts/until.ts';
import type { ControlPlane } from '../control-plane.ts';
import { helperBelow, packagedAgent, startAgent } from '../real-agent.ts';
import { resetAllThroughApi } from '../whole-path.ts';
import { ACCOUNT, type Fleet } from './hosts.ts';
import type { Method } from './method.ts';
import { pooled } from './pool.ts';

const STARTED_AT_ONCE = 4;
const BATCH_MS_MAX = 600_000;
const RESTED_MS_MAX = 60_000;

/** The packaged agent on every host; a batch by the operator's command, and one by a client that is connected already. */
export async function ourMethods({ hosts }: Fleet, directory: string, controlPlane: ControlPlane): Promise<Method[]> {
  const program = await packagedAgent(directory);
  const agents = await pooled(hosts, STARTED_AT_ONCE, ({ host }) =>
    startAgent(host, controlPlane, { label: host.name, program }),
  );
  const rested = async (): Promise<void> => {
    const allStandBy = (): boolean => {
      const table = processes();
      return agents.every(({ pid }) => helperBelow(pid, table) !== null);
    };
    await until(allStandBy, { what: 'every helper to stand by again', deadlineMs: RESTED_MS_MAX, everyMs: 500 });
  };
  const names = hosts.map(({ host }) => host.name);
  return [
    {
      name: 'latchkey reset',
      verified: true,
      rested,
      setAll: (password) => byCommand(controlPlane, directory, names, password),
    },
    {
      name: 'Latchkey, by its API',
      verified: true,
      rested,
      setAll: (password) => resetAllThroughApi(controlPlane.routes, { instances: names, account: ACCOUNT, password }),
    },
  ];
}

async function byCommand(
  { url, caFile, tokenFile }: ControlPlane,
  directory: string,
  names: readonly string[],
  password: string,
): Promise<void> {
  const connection = ['--url', url, '--ca', caFile, '--token-file', tokenFile];
  const what = [...names, '--account', ACCOUNT, '--password-stdin', '--json'];
  const { code, stdout, stderr } = await run([join(CHECKOUT, 'scripts/latchkey'), 'reset', ...connection, ...what], {
    input: `${password}\n`,
    env: { ...PLACE_ENVIRONMENT, HOME: directory },
    timeoutMs: BATCH_MS_MAX,
  });
  if (code !== 0) throw new Error(`latchkey reset ended with ${code}: ${stderr}${stdout.slice(0, 500)}`);
  const { tasks } = JSON.parse(stdout) as { tasks: { instance: string; verifiedBy: string | null }[] };
  const proven = tasks.filter(({ verifiedBy }) => verifiedBy === 'login');
  if (proven.length !== names.length) throw new Error(`${proven.length} of ${names.length} were proven by a login`);
}
