import { hashOnThisThread } from './fakes/digest.ts';
import type { Violation } from './truth/known.ts';
import { judge } from './truth/verdict.ts';
import { calm, strike } from './world/chaos.ts';
import { NO_SABOTAGE } from './world/sabotage.ts';
import { World, type WorldOptions } from './world/world.ts';

/** After the last fault, this long is enough for everything to come to rest: the slowest retry, four times. */
const REST_MS_MAX = 20 * 60_000;
const LOOK_MS = 5_000;

export interface Report {
  readonly seed: string;
  readonly violations: readonly Violation[];
  /** Entries of virtual time that were worked off: deliveries, timers, writes, requests, faults. */
  readonly steps: number;
  readonly virtualMs: number;
  readonly counts: ReadonlyMap<string, number>;
  /** The end of the trace, for people. */
  readonly trace: string;
  /** SHA-256 of the whole trace: the same for the same seed. */
  readonly digest: string;
}

const AS_DRAWN: WorldOptions = { keepTrace: false, sabotage: NO_SABOTAGE, climate: {} };

/** Lives one world from its seed to its rest, and judges it. */
export async function simulate(seed: string, options: Partial<WorldOptions> = {}): Promise<Report> {
  hashOnThisThread();
  const world = await World.create(seed, { ...AS_DRAWN, ...options });
  const { scheduler, known } = world;
  const isBroken = (): boolean => known.violations.length > 0;
  beginChaos(world);
  await scheduler.run(world.climate.activeMs, isBroken);
  world.dangerous = false;
  calm(world);
  await rest(world, isBroken);
  if (!isBroken()) await judge(known, world.truth, world.controlPlane.disk);
  await world.controlPlane.close();
  const { trace, violations } = known;
  return {
    ...{ seed, violations, steps: scheduler.steps, virtualMs: scheduler.now(), counts: trace.counts },
    ...{ trace: trace.tail(), digest: trace.digest() },
  };
}

/** Faults and requests, each after a while, until the active time is over. */
function beginChaos(world: World): void {
  const { climate, scheduler, operators } = world;
  const random = world.random.fork('chaos');
  const again = (gapMs: number, act: () => void): void => {
    scheduler.after(random.int(1, 2 * gapMs), () => {
      if (scheduler.now() >= climate.activeMs) return;
      act();
      again(gapMs, act);
    });
  };
  if (climate.faults.length > 0) again(climate.faultGapMs, () => strike(world, random, random.pick(climate.faults)));
  again(climate.requestGapMs, () => operators.act());
}

/** Runs until nothing is left to be done, or for as long as may be. */
async function rest(world: World, isBroken: () => boolean): Promise<void> {
  const { scheduler, known, operators } = world;
  const latest = scheduler.now() + REST_MS_MAX;
  for (;;) {
    await scheduler.run(scheduler.now() + LOOK_MS, isBroken);
    if (isBroken()) return;
    const reasons = await unrest(world);
    const atLarge = await copiesAtLarge(world);
    if (reasons.length === 0 && atLarge.length === 0 && scheduler.now() > operators.awayUntilMs) break;
    if (scheduler.now() > Math.max(latest, operators.awayUntilMs + REST_MS_MAX)) {
      if (reasons.length > 0) known.violate('everything comes to rest', reasons.join('; '));
      if (atLarge.length > 0) known.violate('a copy is fenced', `${atLarge.join(', ')} are not`);
      return;
    }
  }
  // Once more round the sweep, which overwrites what was erased last.
  await scheduler.run(scheduler.now() + 2 * LOOK_MS, isBroken);
}

async function copiesAtLarge({ known, controlPlane }: World): Promise<string[]> {
  const instances = await controlPlane.disk.read.instances.getMany([...known.cloned]);
  return instances.filter((instance) => instance.fencedAt === null).map(({ name }) => name);
}

async function unrest(world: World): Promise<string[]> {
  const { known, controlPlane } = world;
  const reasons = world.machines
    .filter((machine) => !known.cloned.has(machine.instanceId) && !machine.settled)
    .map((machine) => `${machine.name} is ${machine.state}`);
  const tasks = await controlPlane.disk.read.tasks.countsByState();
  const { pending, dispatched, accepted, running } = tasks;
  const unfinished = pending + dispatched + accepted + running;
  if (unfinished > 0) reasons.push(`${unfinished} tasks are not finished`);
  return reasons;
}
