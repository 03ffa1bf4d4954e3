import { DEFAULT_PASSWORD_POLICY, ResetId, type ProgressEvent, type Reset, type ResetPlan, type Task } from '#protocol';
import type { Actor } from '../../control-plane/server/domain/actor.ts';
import { ApiError } from '../../control-plane/server/service/errors.ts';
import type { ResetService } from '../../control-plane/server/service/reset-service.ts';

/** A reset service with one reset, whose progress the test dictates. */
export class FakeResetService implements ResetService {
  readonly id = ResetId.parse('5b3f6c1e-1d5a-4a0e-9a3f-0f6f8d1c2b3a');
  readonly arrivals: number[] = [];
  /** Thrown by the next call instead of an answer. */
  failure: Error | null = null;
  /** How many streams are being followed. */
  watching = 0;
  readonly #events: ProgressEvent[] = [];
  #wake: () => void = () => undefined;

  #answer<T>(value: T): Promise<T> {
    const { failure } = this;
    this.failure = null;
    return failure === null ? Promise.resolve(value) : Promise.reject(failure);
  }

  #known(id: ResetId): void {
    if (id !== this.id) throw new ApiError('reset-not-found');
  }

  plan(): Promise<ResetPlan> {
    return this.#answer({
      resetId: this.id,
      mode: 'online',
      options: { unlock: false, unexpire: false, mustChange: false },
      supersede: false,
      passwordPolicy: DEFAULT_PASSWORD_POLICY,
      targets: [],
      now: 0,
      expiresAt: 0,
    });
  }

  start(_actor: Actor, request: { final: boolean }, arrivedAt: number): ReturnType<ResetService['start']> {
    this.arrivals.push(arrivedAt);
    const chunk = { resetId: this.id, received: 1 };
    return this.#answer(request.final ? { done: true, reset: this.reset() } : { done: false, chunk });
  }

  list(): Promise<{ items: Reset[]; nextCursor: null }> {
    return this.#answer({ items: [this.reset()], nextCursor: null });
  }

  async get(_actor: Actor, id: ResetId): Promise<Reset> {
    this.#known(id);
    return this.#answer(this.reset());
  }

  async tasks(_actor: Actor, id: ResetId): Promise<{ items: Task[]; nextCursor: null }> {
    this.#known(id);
    return this.#answer({ items: [], nextCursor: null });
  }

  async cancel(_actor: Actor, id: ResetId): Promise<{ cancelled: number; tooLate: number }> {
    this.#known(id);
    return this.#answer({ cancelled: 1, tooLate: 0 });
  }

  async pause(_actor: Actor, id: ResetId): Promise<Reset> {
    this.#known(id);
    return this.#answer(this.reset());
  }

  async resume(_actor: Actor, id: ResetId): Promise<Reset> {
    return this.pause(_actor, id);
  }

  async *watch(_actor: Actor, _id: ResetId, signal: AbortSignal): AsyncGenerator<ProgressEvent> {
    this.watching += 1;
    try {
      for (;;) {
        const event = this.#events.shift();
        if (signal.aborted) return;
        if (event !== undefined) yield event;
        if (event?.finished === true) return;
        if (this.#events.length === 0) {
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
            signal.addEventListener('abort', () => resolve(), { once: true });
          });
        }
      }
    } finally {
      this.watching -= 1;
    }
  }

  /** Something has happened to the reset. */
  progress(finished: boolean): void {
    this.#events.push({ resetId: this.id, counts: this.reset().counts, state: 'running', finished, tasks: [] });
    this.#wake();
  }

  reset(): Reset {
    return {
      id: this.id,
      mode: 'online',
      account: null,
      options: { unlock: false, unexpire: false, mustChange: false },
      requestedBy: 'somebody',
      requestedAt: 0,
      notAfter: 1,
      counts: { total: 1, succeeded: 0, failed: 0, blocked: 0, pending: 1 },
      ...{ inFlight: 0, state: 'running', concurrency: 50, stopAfterFailures: null },
      ...{ pausedAt: null, stoppedAt: null, retryOf: null, retriedBy: [], finishedAt: null },
    };
  }
}
