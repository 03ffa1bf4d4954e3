import { randomBytes } from 'node:crypto';

import { generatePassword } from '#protocol';
import { missingTable, verdict, type Bench, type BenchContext, type Rows } from './bench.ts';
import { startControlPlane } from './control-plane.ts';
import { figureOf, type Figure } from './figures.ts';
import { ansibleMethods } from './fleet/ansible.ts';
import { ACCOUNT, openFleet, startSshd, type Fleet } from './fleet/hosts.ts';
import { meshMethod } from './fleet/mesh.ts';
import type { Method } from './fleet/method.ts';
import { ourMethods } from './fleet/ours.ts';
import { sshMethods } from './fleet/ssh.ts';
import { needPackage, PACKAGES } from './rivals/packages.ts';
import { tryRival } from './rivals/rival.ts';

const HOSTS = 100;
const ROUNDS = 3;

interface Outcome {
  readonly tookMs: number;
  /** On how many hosts the stored hash is another one than before. */
  readonly changed: number;
  /** Why the batch was not through, in its own words; null when it was. */
  readonly problem: string | null;
}

interface Found {
  readonly method: Method;
  readonly outcomes: Outcome[];
}

export const fleet: Bench = {
  name: 'fleet',
  measures: 'a batch over 100 hosts, beside ssh, Ansible and MeshCentral on the same hosts',
  needs: `8 GB of free memory, npm for MeshCentral, Debian's ${PACKAGES.sshd} and ${PACKAGES.ansible} (installed where missing)`,
  minutes: 20,
  async run(context) {
    const { signal, directory, options, progress } = context;
    const count = options.hosts ?? HOSTS;
    await using stack = new AsyncDisposableStack();
    progress(`fleet: starting ${count} hosts …`);
    // First of all: a host has what the machine has when it is made.
    const sshd = await tryRival(signal, () => needPackage(PACKAGES.sshd));
    const hosts = stack.use(await openFleet(directory, count));
    const missing: [string, string][] = [];
    const had = async (name: string, get: () => Promise<Method[]>): Promise<Method[]> => {
      progress(`fleet: preparing ${name} …`);
      const rival = await tryRival(signal, get);
      if (!rival.had) missing.push([name, rival.why]);
      return rival.had ? rival.value : [];
    };
    const controlPlane = stack.use(await startControlPlane(directory, signal));
    const ours = await ourMethods(hosts, directory, controlPlane);
    const bySsh = await had('ssh', async () => {
      if (!sshd.had) throw new Error(sshd.why);
      await startSshd(hosts, directory);
      return sshMethods(hosts, directory, stack);
    });
    const byAnsible = bySsh.length === 0 ? [] : await had('Ansible', () => ansibleMethods(hosts, directory));
    if (bySsh.length === 0) missing.push(['Ansible', 'it goes over ssh']);
    const byMesh = await had('MeshCentral', async () => [await meshMethod(hosts, directory, stack)]);
    const found = await inTurns(context, hosts, [...ours, ...byMesh, ...bySsh, ...byAnsible]);
    return { notes: NOTES, tables: [table(found, count), ...missingTable(missing)], figures: found };
  },
};

const NOTES = [
  'Light hosts: this machine in namespaces and layers of their own, their addresses on the loopback; all hosts, agents and the control plane share its processors.',
  'From the start of the command, or of the request where the client is connected already, until the last host is said to be done; by host.',
  'Set: hosts whose stored hash was another one after the batch. Ansible is given a hash, so its hosts make none; the others hash with yescrypt.',
];

/** Each method once a round, each round from another one on. The first is thrown away: connections open, caches fill. */
async function inTurns(
  { options, progress, signal }: BenchContext,
  hosts: Fleet,
  methods: readonly Method[],
): Promise<Found[]> {
  const rounds = options.rounds ?? ROUNDS;
  const found = methods.map((method): Found => ({ method, outcomes: [] }));
  for (let round = 0; round <= rounds; round += 1) {
    const from = round % found.length;
    for (const { method, outcomes } of [...found.slice(from), ...found.slice(0, from)]) {
      signal.throwIfAborted();
      progress(`fleet: round ${round} of ${rounds}, ${method.name} …`);
      const outcome = await once(hosts, method);
      if (round > 0) outcomes.push(outcome);
    }
  }
  return found;
}

async function once({ hosts }: Fleet, method: Method): Promise<Outcome> {
  const stored = (): Promise<string[]> => Promise.all(hosts.map((host) => host.stored()));
  const password = generatePassword({ targets: [{ os: 'linux', account: ACCOUNT }], randomBytes });
  await method.rested?.();
  const before = await stored();
  const startedMs = performance.now();
  let problem: string | null = null;
  try {
    await method.setAll(password);
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error);
  }
  const tookMs = performance.now() - startedMs;
  const changed = (await stored()).filter((line, at) => line !== before[at]).length;
  return { tookMs, changed, problem };
}

function table(found: readonly Found[], count: number): Rows {
  const perHost = ({ outcomes }: Found): Figure => figureOf(outcomes.map(({ tookMs }) => tookMs / count));
  const mesh = found.find(({ method }) => method.name.startsWith('MeshCentral'));
  const base = mesh === undefined ? null : perHost(mesh).median;
  return [
    [`ms a host, ${count} hosts`, 'median', 'min', 'max', 'n', 'set', 'proven', 'incomplete', 'MeshCentral', 'target'],
    ...found.map((one) => {
      const { method, outcomes } = one;
      const { median, min, max } = perHost(one);
      const ratio = base === null ? null : median / base;
      const set = outcomes.reduce((sum, { changed }) => sum + changed, 0);
      return [
        method.name,
        ...[median, min, max].map((ms) => ms.toFixed(1)),
        String(outcomes.length),
        `${set} of ${count * outcomes.length}`,
        method.verified ? 'by login' : 'no',
        String(outcomes.filter(({ problem }) => problem !== null).length),
        ratio === null ? '' : `${ratio.toFixed(2)} x`,
        ratio === null || !method.verified ? '' : verdict(ratio, 1, 'x'),
      ];
    }),
  ];
}
