import type { FastifyRequest } from 'fastify';
import type { Actor } from '../domain/actor.ts';

/** What is known of a request besides what it says. */
export interface RequestState {
  /** Wall clock, milliseconds since the epoch. */
  readonly arrivedAt: number;
  /** Monotonic, milliseconds. */
  readonly startedAt: number;
  /** See `sourceOf`. */
  readonly source: string;
  /** Set by admission. */
  actor: Actor | null;
  /** Set by admission where the actor came by a console session. */
  csrfToken: string | null;
}

/** Beside the request rather than on it, so that nothing a plug-in does to requests can touch who asks. */
export class RequestStates {
  readonly #states = new WeakMap<FastifyRequest, RequestState>();

  add(request: FastifyRequest, state: RequestState): void {
    this.#states.set(request, state);
  }

  /** Null for a request that the framework refused before anything of ours ran. */
  find(request: FastifyRequest): RequestState | null {
    return this.#states.get(request) ?? null;
  }

  get(request: FastifyRequest): RequestState {
    const state = this.#states.get(request);
    if (state === undefined) throw new Error('a request without a state: the first hook did not run');
    return state;
  }
}
