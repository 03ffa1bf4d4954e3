import { randomUUID } from 'node:crypto';
import type { InstanceId, InstanceName, Order, TaskResult } from '#protocol';
import type { CoreWorld } from './core-world.ts';
import { FakeAgent, newIdentity, until, type FakeIdentity } from './fake-agent.ts';

/** Many agents of one world, and how many orders they hold at once. */
export class Fleet {
  readonly agents: FleetAgent[] = [];
  /** Orders that an agent has and did not report on yet: now, and at the most. */
  holding = 0;
  peak = 0;
  orders = 0;
  #isClosed = false;
  #waiting: (() => void)[] = [];

  get names(): InstanceName[] {
    return this.agents.map((_, n) => nameOf(n));
  }

  /** From now on agents report nothing, until they are let. */
  close(): void {
    this.#isClosed = true;
  }

  /** Lets the one report that has waited longest. */
  letOne(): void {
    this.#waiting.shift()?.();
  }

  open(): void {
    this.#isClosed = false;
    for (const go of this.#waiting.splice(0)) go();
  }

  async hold(): Promise<void> {
    this.orders += 1;
    this.holding += 1;
    this.peak = Math.max(this.peak, this.holding);
    // A moment at the least, so that others can come in between.
    if (this.#isClosed) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else await new Promise((resolve) => setImmediate(resolve));
    this.holding -= 1;
  }
}

class FleetAgent extends FakeAgent {
  readonly #fleet: Fleet;

  constructor(fleet: Fleet, identity: FakeIdentity, accept: CoreWorld['core']['accept']) {
    super(identity, accept);
    this.#fleet = fleet;
  }

  override async report(order: Order, change: Partial<TaskResult> = {}): Promise<void> {
    await this.#fleet.hold();
    await super.report(order, change);
  }
}

/** More at once, and the last ones would not be through with their handshakes in time on a slow machine. */
const CONNECTING_MAX = 250;

const nameOf = (n: number): InstanceName => `i-${String(n).padStart(5, '0')}` as InstanceName;

/** Enrols and connects so many agents, and resolves once all of them are running. */
export async function openFleet(world: CoreWorld, count: number): Promise<Fleet> {
  const fleet = new Fleet();
  for (let n = 0; n < count; n += 1) {
    const identity = await newIdentity(randomUUID() as InstanceId);
    await world.enrol(nameOf(n), identity);
    fleet.agents.push(new FleetAgent(fleet, identity, world.core.accept));
  }
  await connectAll(world, fleet);
  return fleet;
}

/** The same identities in new sessions of another world over the same store. */
export async function reconnectFleet(world: CoreWorld, before: Fleet): Promise<Fleet> {
  const fleet = new Fleet();
  for (const { identity } of before.agents) fleet.agents.push(new FleetAgent(fleet, identity, world.core.accept));
  await connectAll(world, fleet);
  return fleet;
}

async function connectAll(world: CoreWorld, fleet: Fleet): Promise<void> {
  for (let from = 0; from < fleet.agents.length; from += CONNECTING_MAX) {
    const some = fleet.agents.slice(from, from + CONNECTING_MAX);
    for (const agent of some) agent.hello();
    await until(async () => {
      const { running } = await world.store.read.instances.countsByState();
      return running === from + some.length ? true : null;
    });
  }
}
