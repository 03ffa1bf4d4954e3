import { LIVENESS_DEADLINE_MS, LIVENESS_INTERVAL_MS, toBase64Url, type Nonce } from '#protocol';
import type { Clock, Random } from '../service/ports.ts';

export interface Liveness {
  /** Asks now; resolves to whether the answer came in time. Questions asked at the same time share one challenge. */
  ask(): Promise<boolean>;
  /**
   * The same, with a challenge that did not exist before: the answer to an older one may have been on its way for a
   * while, and says nothing about who is alive now. Whoever waits for that older one waits for this one instead.
   */
  askAnew(): Promise<boolean>;
  /** How long the last answer took, or a question has been open if that is longer, milliseconds; null before the first. */
  lastTookMs(): number | null;
  /** The peer echoed a challenge. False when nobody asked that, or not any more. */
  answered(challenge: Nonce): boolean;
  /** No more questions; whoever waits is told `false`. */
  stop(): void;
}

/**
 * Liveness of one session is an echoed challenge, not an open socket: asked every 9 s and whenever somebody needs to
 * know, answered within 5 s or the session is dead.
 */
export function createLiveness(deps: {
  readonly clock: Clock;
  readonly random: Random;
  readonly send: (challenge: Nonce) => void;
  /** A challenge was not answered in time. */
  readonly onMissed: () => void;
}): Liveness {
  const { clock, random } = deps;
  let tookMs: number | null = null;
  let open: { challenge: Nonce; askedMs: number; forget: () => void; resolve: ((alive: boolean) => void)[] } | null =
    null;
  let stopped = false;
  let forgetNext = askLater();

  function askLater(): () => void {
    return clock.after(LIVENESS_INTERVAL_MS, () => {
      // Whether it was answered reaches `onMissed`; nobody waits for this question.
      question(false).catch(deps.onMissed);
    });
  }

  function question(isNew: boolean): Promise<boolean> {
    return new Promise((resolve) => {
      if (stopped) resolve(false);
      else if (open !== null && !isNew) open.resolve.push(resolve);
      else {
        open?.forget();
        challengeFor([...(open?.resolve ?? []), resolve]);
      }
    });
  }

  function challengeFor(resolve: ((alive: boolean) => void)[]): void {
    forgetNext();
    const challenge = toBase64Url(random.bytes(32)) as Nonce;
    const forget = clock.after(LIVENESS_DEADLINE_MS, () => {
      settle(false);
      deps.onMissed();
    });
    open = { challenge, askedMs: clock.monotonic(), forget, resolve };
    deps.send(challenge);
  }

  function settle(alive: boolean): void {
    if (open === null) return;
    const { forget, resolve } = open;
    open = null;
    forget();
    for (const tell of resolve) tell(alive);
    if (alive) forgetNext = askLater();
  }

  return {
    ask: () => question(false),
    askAnew: () => question(true),
    lastTookMs: () => (tookMs === null ? null : Math.max(tookMs, open === null ? 0 : clock.monotonic() - open.askedMs)),
    answered(challenge) {
      if (open?.challenge !== challenge) return false;
      tookMs = clock.monotonic() - open.askedMs;
      settle(true);
      return true;
    },
    stop() {
      if (stopped) return;
      stopped = true;
      forgetNext();
      settle(false);
      forgetNext();
    },
  };
}
