import { HEARTBEAT_EVENT, HEARTBEAT_MS } from '#protocol';
import type { Actor } from '../domain/actor.ts';
import type { Clock } from '../service/ports.ts';
import type { Standing } from './standing.ts';

/** Each holds a connection and a place among the listeners. */
const STREAMS_PER_TOKEN_MAX = 32;
/** What a client waits before it comes back, should the connection break. */
const RETRY_MS = 2_000;

/** Where the events come from: begins to watch, until the signal aborts. Each value becomes an event's data. */
export type Watch = (signal: AbortSignal) => AsyncIterable<unknown>;

export interface EventStreams {
  /**
   * Server-sent events (WHATWG HTML, section 9.2) with that name. Null when this token has as many streams as it may
   * have. Ends with what is watched, the caller, or what the caller came by.
   */
  open(actor: Actor, name: string, watch: Watch, signal: AbortSignal): AsyncIterable<string> | null;
}

interface Dependencies {
  readonly standing: Standing;
  readonly clock: Clock;
}

export function createEventStreams(deps: Dependencies): EventStreams {
  const open = new Map<string, number>();
  const add = (tokenId: string, by: number): void => {
    const count = (open.get(tokenId) ?? 0) + by;
    if (count > 0) open.set(tokenId, count);
    else open.delete(tokenId);
  };
  return {
    open(actor, name, watch, signal) {
      if ((open.get(actor.tokenId) ?? 0) >= STREAMS_PER_TOKEN_MAX) return null;
      return stream(deps, { actor, name, watch }, signal, (by) => add(actor.tokenId, by));
    },
  };
}

async function* stream(
  deps: Dependencies,
  { actor, name, watch }: { readonly actor: Actor; readonly name: string; readonly watch: Watch },
  callerGone: AbortSignal,
  count: (by: 1 | -1) => void,
): AsyncGenerator<string, void> {
  // Here rather than where it is made: a stream that nobody ever reads from ends without its "finally".
  count(1);
  const over = new AbortController();
  const forget = deps.standing.onEnded(actor, () => over.abort());
  const signal = AbortSignal.any([callerGone, over.signal]);
  const events = watch(signal)[Symbol.asyncIterator]();
  try {
    // With a first sign of life: a proxy that holds it back is found out at once.
    yield `retry: ${RETRY_MS}\n\n${eventText(HEARTBEAT_EVENT, null)}`;
    let pending = events.next();
    let lookedAt = deps.clock.monotonic();
    while (!signal.aborted) {
      const next = await soonest(deps.clock, pending, signal);
      // The credential is looked at just as often, also while events come so fast that there is no need of a heartbeat: a
      // token may just have ended.
      if (deps.clock.monotonic() - lookedAt >= HEARTBEAT_MS) {
        if (!(await deps.standing.isCurrent(actor))) return;
        lookedAt = deps.clock.monotonic();
      }
      if (next === 'heartbeat') {
        // Proxies cut connections on which nothing moves, often after 30 or 60 s.
        yield eventText(HEARTBEAT_EVENT, null);
      } else if (next === 'aborted' || next.done === true) {
        return;
      } else {
        yield eventText(name, next.value);
        pending = events.next();
      }
    }
  } finally {
    over.abort();
    forget();
    count(-1);
    // Not awaited: a generator that waits for its next event returns only after that; it has been told by the signal.
    events.return?.().catch(() => undefined);
  }
}

type Next = IteratorResult<unknown> | 'heartbeat' | 'aborted';

function soonest(clock: Clock, pending: Promise<IteratorResult<unknown>>, signal: AbortSignal): Promise<Next> {
  return new Promise((resolve, reject) => {
    const settle = (end: () => void): void => {
      forget();
      signal.removeEventListener('abort', onAbort);
      end();
    };
    const onAbort = (): void => settle(() => resolve('aborted'));
    const forget = clock.after(HEARTBEAT_MS, () => settle(() => resolve('heartbeat')));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
    pending.then(
      (next) => settle(() => resolve(next)),
      (error: unknown) => settle(() => reject(error instanceof Error ? error : new Error(String(error)))),
    );
  });
}

function eventText(name: string, value: unknown): string {
  // JSON has no bare line breaks, which would end the event's line.
  return `event: ${name}\ndata: ${JSON.stringify(value)}\n\n`;
}
