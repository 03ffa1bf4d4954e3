import { expect } from 'vitest';
import { explain, type HealthCode } from '#protocol';
import type { Host } from '../support/hosts/host.ts';
import { until } from '../support/hosts/until.ts';
import { newPassword, openWorld, type ResetReport, type World } from './world.ts';

export const UNIT = 'latchkey-agent.service';
export const ACCOUNT = { name: 'alice', password: 'Old-Password-1' } as const;

/** Holds lckpwdf(3), as a tool does that hangs. */
export const HOLD_LOCK = `
use Fcntl;
open F, '+>', '/etc/.pwd.lock' or die;
my $lock = pack('s s x4 q q i x4', F_WRLCK, 0, 0, 0, 0);
fcntl F, F_SETLKW, $lock or die;
select undef, undef, undef, $ARGV[0];
`;
export const HOLDER = '/usr/local/sbin/hold-lock';

/** What `latchkey instances list --json` says of one instance's agent. */
export interface Seen {
  readonly state: string;
  /** Milliseconds since the epoch; null while there is no session. */
  readonly connectedSince: number | null;
  /** As the agent reported them, before what fails has lasted. */
  readonly components: Readonly<Record<string, { readonly state: string }>>;
  readonly reasons: readonly {
    readonly code: string;
    readonly message: string;
    readonly remedy: string;
    readonly detail: string | null;
    readonly since: number;
  }[];
}

/** One way to break an agent, and how it must show. */
export interface Ailment {
  /** What was done, for the table. */
  readonly what: string;
  readonly breakIt: () => Promise<unknown>;
  readonly mend: () => Promise<unknown>;
  readonly state: 'abnormal' | 'offline';
  /** Null where no reason can be known: the agent said goodbye, or its machine is off. */
  readonly code: HealthCode | null;
  /** What a reset meets that is tried at once, before anything has been noticed. Absent: none is tried then. */
  readonly atOnce?: { readonly state: string; readonly code: string };
  /** It must be noticed within this. */
  readonly noticedMsMax: number;
}

export interface HealthWorld extends AsyncDisposable {
  readonly world: World;
  /** A host with an agent that runs, and an account to reset. */
  host(name: string, options?: { readonly diskMebibytes?: number }): Promise<Host>;
  /**
   * Breaks it, waits until that shows, sees a reset blocked and nothing changed, mends it, waits until that shows, and
   * sees a reset succeed.
   */
  suffer(host: Host, ailment: Ailment): Promise<void>;
  /** Resolves, with what is seen then, once the instance is shown as wanted. */
  shown(name: string, what: string, wanted: (seen: Seen) => boolean, deadlineMs?: number): Promise<Seen>;
  /** A reset that must succeed, by login. */
  mustReset(host: Host): Promise<void>;
  /** A line of the table: what, how long until it was noticed, and until it was over. */
  note(what: string, shows: string, noticedMs: number, recoveredMs: number | null): void;
  /** Every state that the instance was seen in, in order, without repetitions. */
  history(name: string): readonly string[];
}

/** Between two questions; each costs the start of a command line. */
const OBSERVE_PAUSE_MS = 300;
/** A look of the agent every 10 s, and 10 s that a reason has to last; the rest is for a busy machine. */
export const NOTICED_MS_MAX = 40_000;
/** What an operator is promised of an agent that answers nothing any more. */
export const FROZEN_MS_MAX = 15_000;
/** How long it takes at the most until what is mended is shown so: a look of the agent every 2 s, and a reconnect. */
const RECOVERY_MS_MAX = 60_000;

export async function openHealthWorld(): Promise<HealthWorld> {
  const world = await openWorld();
  const observer = createObserver(world);
  const rows: string[] = [];

  const mustReset = async (host: Host): Promise<void> => {
    const { report } = await world.reset([host.name, '--account', ACCOUNT.name], newPassword());
    expect(report.tasks).toMatchObject([{ state: 'succeeded', verifiedBy: 'login' }]);
  };
  const note: HealthWorld['note'] = (what, shows, noticedMs, recoveredMs) => {
    const seconds = (ms: number | null) => (ms === null ? '-' : `${(ms / 1000).toFixed(1)} s`).padStart(8);
    rows.push(`${what.padEnd(44)} ${shows.padEnd(36)} ${seconds(noticedMs)} ${seconds(recoveredMs)}`);
  };

  return {
    world,
    note,
    mustReset,
    shown: (...question) => observer.shown(...question),
    history: (name) => observer.history(name),
    host: (name, options = {}) => world.host({ name, accounts: [ACCOUNT], ...options }),
    async suffer(host, ailment) {
      const before = await host.readFile('/etc/shadow');
      const brokenAt = Date.now();
      await ailment.breakIt();
      const tried = ailment.atOnce === undefined ? null : tryAtOnce(world, host);
      const seen = await observer.shown(host.name, ailment.what, (now) => isShown(now, ailment));
      const noticedMs = noticedAt(seen, ailment) - brokenAt;
      if (tried !== null) expect(await tried).toMatchObject(ailment.atOnce ?? {});
      await expectBlocked(world, host, ailment);
      expect(noticedMs, `${ailment.what} was noticed late`).toBeLessThan(ailment.noticedMsMax);
      const mendedAt = Date.now();
      await ailment.mend();
      expect(await host.readFile('/etc/shadow'), 'nothing was changed while it was broken').toBe(before);
      await observer.shown(host.name, `${ailment.what}: its end`, isWell, RECOVERY_MS_MAX);
      note(ailment.what, ailment.code ?? ailment.state, noticedMs, Date.now() - mendedAt);
      await mustReset(host);
    },
    async [Symbol.asyncDispose]() {
      await observer.stop();
      await world[Symbol.asyncDispose]();
      const head = `${'broken'.padEnd(44)} ${'shows as'.padEnd(36)} ${'noticed'.padStart(8)} ${'mended'.padStart(8)}`;
      process.stdout.write(`\n${[head, ...rows].join('\n')}\n`);
    },
  };
}

export const isWell = (seen: Seen) => seen.state === 'running' && seen.reasons.length === 0;

function isShown(seen: Seen, { state, code }: Ailment): boolean {
  return seen.state === state && (code === null || seen.reasons.some((reason) => reason.code === code));
}

/** By the control plane's own record where that says when; a component shows later than it was first reported. */
function noticedAt(seen: Seen, { state, code }: Ailment): number {
  const since = seen.reasons.find((reason) => reason.code === code)?.since;
  return state === 'offline' && since !== undefined ? since : Date.now();
}

async function tryAtOnce(world: World, host: Host): Promise<ResetReport['tasks'][number] | undefined> {
  const { report } = await world.reset([host.name, '--account', ACCOUNT.name], newPassword());
  return report.tasks[0];
}

const BLOCKED_BY = { abnormal: 'agent-abnormal', offline: 'agent-offline' } as const;

/** Nothing is sent; what stops it is named, with what to do. */
async function expectBlocked(world: World, host: Host, { state, code }: Ailment): Promise<void> {
  const args = ['reset', host.name, '--account', ACCOUNT.name, '--password-stdin', '--json'];
  const { code: exit, stdout } = await world.latchkey(args, `${newPassword()}\n`);
  expect(exit, stdout).toBe(2);
  expect(stdout).toContain(`"${BLOCKED_BY[state]}"`);
  if (code !== null) expect(stdout).toContain(JSON.stringify(explain(code).remedy).slice(1, -1));
}

/** Asks for all instances at once, again and again: one command line a second, however many wait for something. */
function createObserver(world: World) {
  const last = new Map<string, Seen>();
  const histories = new Map<string, string[]>();
  const stop = new AbortController();
  let failure: unknown = null;

  const ask = async (): Promise<void> => {
    const { items } = (await world.json(['instances', 'list'])) as { items: { name: string; agent: Seen }[] };
    for (const { name, agent } of items) {
      last.set(name, agent);
      const history = histories.get(name) ?? [];
      if (history.at(-1) !== agent.state) histories.set(name, [...history, agent.state]);
    }
  };
  const asking = (async () => {
    while (!stop.signal.aborted) {
      await ask();
      await new Promise((resolve) => setTimeout(resolve, OBSERVE_PAUSE_MS));
    }
  })().catch((error: unknown) => {
    failure = error;
  });

  return {
    async shown(name: string, what: string, wanted: (seen: Seen) => boolean, deadlineMs = 60_000): Promise<Seen> {
      // What was seen before is no answer to a question of now.
      last.delete(name);
      return until(
        () => {
          if (failure !== null) throw new Error('nobody is watching any more', { cause: failure });
          const seen = last.get(name);
          return seen !== undefined && wanted(seen) && seen;
        },
        { what: () => `${what} to show at ${name}: ${JSON.stringify(last.get(name))}`, deadlineMs },
      );
    },
    history: (name: string) => histories.get(name) ?? [],
    async stop() {
      stop.abort();
      await asking;
    },
  };
}
