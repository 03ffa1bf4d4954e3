import type { InstanceId } from '#protocol';
import type { CrashPoint } from '../engine/life.ts';
import { createPrng, type Prng } from '../engine/prng.ts';
import { Scheduler } from '../engine/scheduler.ts';
import { Trace } from '../engine/trace.ts';
import type { Weather } from '../fakes/lane.ts';
import { Network } from '../fakes/network.ts';
import { InstanceTruth } from '../truth/instance-truth.ts';
import { Known } from '../truth/known.ts';
import { drawClimate, drawWeather, type Climate } from './climate.ts';
import { ControlPlane } from './control-plane.ts';
import { Machine, type MachineDeps } from './machine.ts';
import { Operators } from './operators.ts';
import type { Sabotage } from './sabotage.ts';
import { CLOCK_FAULTS, wallClock } from './wall-clock.ts';

export interface WorldOptions {
  /** All of the trace, not only its end. */
  readonly keepTrace: boolean;
  readonly sabotage: Sabotage;
  /** Instead of what the seed draws. */
  readonly climate: Partial<Climate>;
}

/** There are many messages and few scripts; but it is around these that a crash is most telling. */
const weightOf = (where: CrashPoint): number => (where.endsWith('the script') ? 10 : 1);

/** Everything that a seed makes. */
export class World {
  readonly scheduler: Scheduler;
  readonly random: Prng;
  readonly climate: Climate;
  readonly known: Known;
  readonly truth: InstanceTruth;
  readonly network: Network;
  readonly controlPlane: ControlPlane;
  readonly machines: Machine[] = [];
  readonly operators: Operators;
  readonly #weather: { now: Weather };
  readonly #hazards: { on: boolean };
  readonly #machineDeps: MachineDeps;

  private constructor(parts: {
    seed: Prng;
    climate: Climate;
    scheduler: Scheduler;
    known: Known;
    controlPlane: ControlPlane;
    truth: InstanceTruth;
    network: Network;
    weather: { now: Weather };
    hazards: { on: boolean };
    sabotage: Sabotage;
  }) {
    this.random = parts.seed.fork('world');
    this.climate = parts.climate;
    this.scheduler = parts.scheduler;
    this.known = parts.known;
    this.truth = parts.truth;
    this.network = parts.network;
    this.controlPlane = parts.controlPlane;
    this.#weather = parts.weather;
    this.#hazards = parts.hazards;
    const hazard = parts.seed.fork('agent hazards');
    this.#machineDeps = {
      scheduler: parts.scheduler,
      random: parts.seed.fork('machines'),
      trace: parts.known.trace,
      network: parts.network,
      truth: parts.truth,
      hazard: {
        strikes: (where) => this.#hazards.on && hazard.chance(this.climate.agentHazard * weightOf(where)),
      },
      sabotage: parts.sabotage,
      serverId: parts.controlPlane.keySet.serverId,
      onFault: (what) => this.known.violate('nothing breaks inside', what),
    };
    this.operators = new Operators({
      ...{ scheduler: this.scheduler, random: parts.seed.fork('operators'), known: this.known },
      ...{ controlPlane: this.controlPlane, machines: this.machines },
      onFault: (what) => this.known.violate('nothing breaks inside', what),
    });
  }

  static async create(seedText: string, options: WorldOptions): Promise<World> {
    const { sabotage } = options;
    const seed = createPrng(seedText);
    const scheduler = new Scheduler();
    const known = new Known(new Trace(() => scheduler.now(), options.keepTrace));
    const climate = { ...drawClimate(seed.fork('climate')), ...options.climate };
    const truth = new InstanceTruth(known, scheduler);
    const weather = { now: drawWeather(seed.fork('weather'), climate.byzantine) };
    const network = new Network({
      ...{ scheduler, random: seed.fork('network'), tap: truth },
      weather: () => weather.now,
      count: (what) => {
        known.trace.count(what);
      },
    });
    const hazards = { on: true };
    const chance = seed.fork('server hazards');
    const latency = seed.fork('store latency');
    const controlPlane = await ControlPlane.open({
      ...{ scheduler, random: seed.fork('server'), known, truth, network, sabotage },
      hazard: { strikes: () => hazards.on && chance.chance(climate.serverHazard) },
      storeLatencyMs: () => (hazards.on ? latency.int(0, climate.storeLatencyMsMax) : 0),
      losesWord: () => hazards.on && chance.chance(climate.lostWords),
      onFault: (what) => known.violate('nothing breaks inside', what),
    });
    const world = new World({
      seed,
      climate,
      scheduler,
      known,
      controlPlane,
      truth,
      network,
      weather,
      hazards,
      sabotage,
    });
    await world.#populate();
    return world;
  }

  /** Whether processes may be killed between any two effects. */
  set dangerous(on: boolean) {
    this.#hazards.on = on;
  }

  /** The network asks for the weather of the moment. */
  set weather(weather: Weather) {
    this.#weather.now = weather;
  }

  later(delayMs: number, run: () => void): void {
    this.scheduler.after(delayMs, run);
  }

  /** Something that goes on beside everything else; it must not fail. */
  background(work: Promise<unknown>): void {
    work.catch((error: unknown) => {
      this.known.violate('nothing breaks inside', error instanceof Error ? String(error.stack) : String(error));
    });
  }

  /** A second machine with the disk of the first. At most one in a world, since one is enough to be fenced. */
  clone(original: Machine): boolean {
    if (this.known.cloned.size > 0) return false;
    this.known.cloned.add(original.instanceId);
    const copy = original.clone(`${original.name}-copy`);
    this.machines.push(copy);
    this.later(this.random.int(0, 20_000), () => {
      copy.start();
    });
    return true;
  }

  async #populate(): Promise<void> {
    const { controlPlane, random } = this;
    await controlPlane.enable(true);
    await this.operators.arrive();
    for (let number = 1; number <= this.climate.machines; number += 1) {
      const who = {
        name: `machine-${number}`,
        instanceId: random.uuid() as InstanceId,
        identity: Machine.identityFor(random),
      };
      const machine = new Machine(this.#machineDeps, who);
      machine.enrolled(controlPlane.signedKeySet);
      machine.disk.health = { latencyMs: { min: 0, max: random.pick([0, 2, 30]) }, full: false };
      if (random.chance(0.4)) machine.clock = wallClock(random.pick(CLOCK_FAULTS), random.int(-200_000, 200_000));
      await controlPlane.enrol(machine);
      this.machines.push(machine);
      this.later(random.int(0, 3_000), () => machine.start());
    }
    this.later(random.int(0, 1_000), () => this.background(controlPlane.start()));
  }
}
