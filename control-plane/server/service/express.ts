import type { InstanceId } from '#protocol';
import type { Session } from '../gateway/session.ts';
import type { TaskRecord } from '../store/records.ts';
import type { Repositories } from '../store/store.ts';
import { depart, sendOrder, type DeliveryDeps, type Departure } from './delivery.ts';
import type { Dispatcher } from './dispatcher.ts';

/** A reset of more instances than that goes at the pace of its batch. */
export const EXPRESS_INSTANCES_MAX = 4;
/**
 * How long a request waits for signs of life before it is recorded. Who answers later is delivered to after that, by the
 * answer to the same question.
 */
const EXPRESS_WAIT_MS = 50;

/** The short way of a reset of few instances: its tasks leave with the transaction that makes them, one flush less. */
export interface Express {
  /** Asks these instances for a sign of life. Nothing is recorded yet; dispose of what it returns in any case. */
  board(instances: readonly InstanceId[]): Promise<Boarding>;
}

/** The instances that have just given a sign of life. Nothing else is delivered to them meanwhile. */
export interface Boarding extends Disposable {
  /** Within the transaction that inserts these tasks: lets those leave that may. */
  depart(tx: Repositories, tasks: readonly TaskRecord[]): Promise<void>;
  /** After its commit, and not without: sends the orders of what has left, in the background. */
  send(): void;
}

interface Seat {
  readonly session: Session;
  readonly release: () => void;
}

export interface ExpressDeps extends DeliveryDeps {
  readonly dispatcher: Pick<Dispatcher, 'claim'>;
}

export function createExpress(deps: ExpressDeps): Express {
  return {
    async board(instances) {
      const seats = instances.length > EXPRESS_INSTANCES_MAX ? new Map<InstanceId, Seat>() : takeSeats(deps, instances);
      const ready = await answering(deps, seats);
      for (const [id, { release }] of seats) if (!ready.has(id)) release();
      return createBoarding(deps, ready);
    },
  };
}

function takeSeats({ directory, dispatcher }: ExpressDeps, instances: readonly InstanceId[]): Map<InstanceId, Seat> {
  const seats = new Map<InstanceId, Seat>();
  for (const id of new Set(instances)) {
    const session = directory.find(id, 'agent');
    const release = session === null ? null : dispatcher.claim(id);
    if (session !== null && release !== null) seats.set(id, { session, release });
  }
  return seats;
}

async function answering({ clock }: ExpressDeps, seats: ReadonlyMap<InstanceId, Seat>): Promise<Map<InstanceId, Seat>> {
  const ready = new Map<InstanceId, Seat>();
  if (seats.size === 0) return ready;
  const answers = [...seats].map(async ([id, seat]) => {
    if (await seat.session.liveness.ask()) ready.set(id, seat);
  });
  await new Promise<void>((resolve, reject) => {
    const forget = clock.after(EXPRESS_WAIT_MS, resolve);
    Promise.all(answers).then(() => {
      forget();
      resolve();
    }, reject);
  });
  // Who answers from now on is too late.
  return new Map(ready);
}

function createBoarding(deps: ExpressDeps, ready: ReadonlyMap<InstanceId, Seat>): Boarding {
  const { bus, log } = deps;
  const departures: { readonly session: Session; readonly departure: Departure }[] = [];
  let sending = false;
  const release = () => {
    for (const seat of ready.values()) seat.release();
  };
  return {
    async depart(tx, tasks) {
      for (const { id, instanceId } of tasks) {
        const session = ready.get(instanceId)?.session;
        if (session?.isOpen() !== true) continue;
        const departure = await depart(deps, tx, id, true);
        if (departure !== 'held' && departure !== null) departures.push({ session, departure });
      }
    },
    send() {
      sending = true;
      for (const { departure } of departures) bus.changed(departure.task.resetId, [departure.task.id]);
      Promise.all(departures.map(({ session, departure }) => sendAway(deps, session, departure)))
        .finally(release)
        .catch((error: unknown) => {
          log.error({ err: error }, 'the line of deliveries broke');
        });
    },
    [Symbol.dispose]() {
      if (!sending) release();
    },
  };
}

async function sendAway(deps: ExpressDeps, session: Session, departure: Departure): Promise<void> {
  try {
    await sendOrder(deps, session, departure);
  } catch (error) {
    // What was not delivered stays open in the store: the sweep comes back to it.
    deps.log.error({ err: error, instance: departure.instance.id }, 'a delivery failed');
  }
}
