import { OPEN_POLICY } from '../../../agent/domain/policy.ts';
import type { Prng } from '../engine/prng.ts';
import type { Link } from '../fakes/network.ts';
import { drawWeather, FAIR_WEATHER, type Fault } from './climate.ts';
import type { Machine } from './machine.ts';
import { CLOCK_FAULTS, wallClock } from './wall-clock.ts';
import type { World } from './world.ts';

const STALL_MS_MAX = 30_000;
const TROUBLE_MS_MAX = 40_000;
const DRIFT_MS_MAX = 4 * 60_000;

/** What a fault does here and now; false where there is nothing that it could happen to. */
type Strike = (world: World, machine: Machine, random: Prng) => boolean;

const STRIKES: Readonly<Record<Fault, Strike>> = {
  'agent-killed': (_world, machine) => machine.kill(),
  'agent-restarted': (world, machine) => machine.running && beside(world, machine.restart()),
  'machine-reset': (_world, machine) => machine.reboot(),
  'machine-shut-down': (world, machine) => machine.running && beside(world, machine.shutDown()),
  'link-cut': disturb((link) => {
    link.cut();
  }),
  'link-half-open': disturb((link, random) => {
    for (const lane of random.some([link.toServer, link.toAgent], 0.5)) lane.stall(Infinity);
  }),
  'link-stalled': disturb((link, random, now) => {
    const until = now + random.int(500, STALL_MS_MAX);
    for (const lane of random.some([link.toServer, link.toAgent], 0.5)) lane.stall(until);
  }),
  'server-killed': ({ controlPlane }) => controlPlane.kill(),
  'server-restarted': (world) => world.controlPlane.core !== null && beside(world, world.controlPlane.restart()),
  'order-key-rotated': (world) => {
    const { controlPlane } = world;
    return beside(
      world,
      controlPlane.rotateOrderKey().then(() => controlPlane.kill('killed for its new key')),
    );
  },
  backup: (world) => beside(world, world.controlPlane.backUp()),
  restore: (world) => world.controlPlane.restorable && beside(world, world.controlPlane.restore()),
  'clock-set': (_world, machine, random) => {
    machine.clock = wallClock(random.pick(CLOCK_FAULTS), random.int(-DRIFT_MS_MAX, DRIFT_MS_MAX));
    return true;
  },
  'service-disabled': (world, _machine, random) => {
    world.later(random.int(1, TROUBLE_MS_MAX), () => beside(world, world.controlPlane.enable(true)));
    return beside(world, world.controlPlane.enable(false));
  },
  'weather-changes': (world, _machine, random) => {
    world.weather = drawWeather(random, world.climate.byzantine);
    return true;
  },
  'machine-cloned': (world, machine) => world.clone(machine),
  'disk-slow': trouble(({ disk }, random) => {
    disk.health = { latencyMs: { min: 0, max: random.pick([50, 1_000, 4_000]) }, full: false };
  }),
  'disk-full': trouble(({ disk }) => {
    disk.health = { ...disk.health, full: true };
  }),
  'component-broken': trouble(({ accounts }) => {
    const status = { state: 'failing', code: 'account-database-read-only', detail: '/etc' } as const;
    accounts.components = { ...accounts.components, 'account-database': status };
  }),
  'accounts-troubled': trouble(({ accounts }, random) => {
    accounts.failing = random.pick([0, 0.5]);
    accounts.inconclusive = random.pick([0, 0.5]);
  }),
  'policy-narrowed': trouble((machine, random) => {
    machine.policy = random.pick([null, { ...OPEN_POLICY, accounts: ['alice'] }]);
  }),
};

/** Brings one fault about; it is counted only when it hit something. */
export function strike(world: World, random: Prng, fault: Fault): void {
  const { trace } = world.known;
  const machine = random.pick(world.machines);
  trace.add('fault', `${fault} ${machine.name}`);
  if (STRIKES[fault](world, machine, random)) trace.count(fault);
}

function beside(world: World, work: Promise<unknown>): true {
  world.background(work);
  return true;
}

function disturb(how: (link: Link, random: Prng, now: number) => void): Strike {
  return (world, _machine, random) => {
    const links = world.network.links();
    if (links.length === 0) return false;
    how(random.pick(links), random, world.scheduler.now());
    return true;
  };
}

/** Something that is wrong with a machine for a while. */
function trouble(how: (machine: Machine, random: Prng) => void): Strike {
  return (world, machine, random) => {
    how(machine, random);
    world.later(random.int(1, TROUBLE_MS_MAX), () => {
      mend(machine);
    });
    return true;
  };
}

function mend(machine: Machine): void {
  const { disk, accounts } = machine;
  disk.health = { latencyMs: { min: 0, max: 2 }, full: false };
  accounts.failing = 0;
  accounts.inconclusive = 0;
  accounts.components = { ...accounts.components, 'account-database': { state: 'ok' } };
  machine.policy = OPEN_POLICY;
}

/** From now on nothing goes wrong any more. What is wrong already must come right by itself. */
export function calm(world: World): void {
  world.known.trace.add('fault', 'no more');
  world.weather = FAIR_WEATHER;
  for (const machine of world.machines) mend(machine);
  world.background(world.controlPlane.enable(true));
}
