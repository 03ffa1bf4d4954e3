import type { InstanceId } from '#protocol';
import type { Session } from '../gateway/session.ts';
import type { Repositories } from '../store/store.ts';
import { depart, sendOrder, type DeliveryDeps, type Departure, type Standing } from './delivery.ts';
import type { Dispatcher } from './dispatcher.ts';

/** A reset of more instances than that goes at the pace of its batch. */
export const EXPRESS_INSTANCES_MAX = 4;
/**
 * How long a request waits for signs of life before it is recorded. Who answers later is delivered to after that, by the
 * answer to the same question.
 */
const EXPRESS_WAIT_MS = 50;
/** Who answered the last question as fast as that is expected to answer while the request is being recorded. */
const NEAR_MS_MAX = 3;
/**
 * How long after the question that recording, for which all others wait, is held up by one who is slower this time. Those
 * that share a commit do not wait one after the other: by the turn of the next its time has passed.
 */
const NEAR_WAIT_MS = 5;

/** The short way of a reset of few instances: its tasks leave with the transaction that makes them, one flush less. */
export interface Express {
  /** Asks these instances for a sign of life. Nothing is recorded yet; dispose of what it returns in any case. */
  board(instances: readonly InstanceId[]): Promise<Boarding>;
}

/** The instances that have just given a sign of life, or are about to. Nothing else is delivered to them meanwhile. */
export interface Boarding extends Disposable {
  /** Within the transaction that judges and inserts these tasks: lets those leave that may. True when all of them do. */
  depart(tx: Repositories, tasks: readonly Standing[]): Promise<boolean>;
  /** After its commit, and not without: sends the orders of what has left. Resolves once they are on their way; never rejects. */
  send(): Promise<void>;
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
      const ready = new Map<InstanceId, Seat>();
      const areNear = [...seats.values()].every(({ session }) => isNear(session));
      const askedMs = deps.clock.monotonic();
      const answered = Promise.all(
        [...seats].map(async ([id, seat]) => {
          if (await seat.session.liveness.ask()) ready.set(id, seat);
        }),
      );
      // Whoever waits hears of a failure; where the request is refused first, nobody does.
      answered.catch(() => undefined);
      const until = async (ms: number) => {
        const leftMs = askedMs + ms - deps.clock.monotonic();
        if (seats.size > 0 && leftMs > 0) await waitFor(answered, leftMs, deps.clock);
      };
      if (!areNear) await until(EXPRESS_WAIT_MS);
      return createBoarding(deps, seats, async () => {
        if (areNear) await until(NEAR_WAIT_MS);
        // Who answers from now on is too late.
        return new Map(ready);
      });
    },
  };
}

function isNear({ liveness }: Session): boolean {
  return (liveness.lastTookMs() ?? Infinity) <= NEAR_MS_MAX;
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

/** Waits for that, and no longer than so many milliseconds. */
function waitFor(settled: Promise<unknown>, ms: number, clock: ExpressDeps['clock']): Promise<void> {
  return new Promise<void>((resolve, reject) => {
    const forget = clock.after(ms, resolve);
    settled.then(() => {
      forget();
      resolve();
    }, reject);
  });
}

function createBoarding(
  deps: ExpressDeps,
  seats: ReadonlyMap<InstanceId, Seat>,
  answered: () => Promise<ReadonlyMap<InstanceId, Seat>>,
): Boarding {
  const departures: { readonly session: Session; readonly departure: Departure }[] = [];
  return {
    async depart(tx, tasks) {
      const ready = await answered();
      for (const standing of tasks) {
        const session = ready.get(standing.task.instanceId)?.session;
        if (session?.isOpen() !== true) continue;
        const departure = await depart(deps, tx, standing, true);
        if (departure !== 'held' && departure !== null) departures.push({ session, departure });
      }
      return departures.length === tasks.length;
    },
    async send() {
      await Promise.all(departures.map(({ session, departure }) => sendAway(deps, session, departure)));
      for (const { departure } of departures) deps.bus.changed(departure.task.resetId, [departure.task.id]);
    },
    [Symbol.dispose]() {
      for (const { release } of seats.values()) release();
    },
  };
}

async function sendAway(deps: ExpressDeps, session: Session, departure: Departure): Promise<void> {
  try {
    await sendOrder(deps, session, departure);
  } catch (error) {
    // What was not delivered stays open in the store, and goes with the next delivery to that instance or its next session.
    deps.log.error({ err: error, instance: departure.instance.id }, 'a delivery failed');
  }
}
