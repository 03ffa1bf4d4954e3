import type {
  ChunkAccepted,
  PageQuery,
  PlanReset,
  ProgressEvent,
  Reset,
  ResetId,
  ResetPlan,
  ResetQuery,
  StartReset,
  Task,
  TaskState,
} from '#protocol';
import type * as z from 'zod';
import type { Actor } from '../domain/actor.ts';
import type { Listing } from './listing.ts';

/** Resets from the operator's side. Every method authorises its actor and throws `ApiError`. */
export interface ResetService {
  /** Decides who would be reset and who is blocked; stores the plan, changes nothing else. */
  plan(actor: Actor, request: z.output<typeof PlanReset>): Promise<ResetPlan>;
  /** Takes a chunk; with `final`, writes audit and tasks in one transaction and starts delivery. */
  start(
    actor: Actor,
    request: z.output<typeof StartReset>,
    arrivedAt: number,
  ): Promise<{ done: true; reset: Reset } | { done: false; chunk: ChunkAccepted }>;
  list(actor: Actor, query: ResetQuery): Promise<Listing<Reset>>;
  get(actor: Actor, id: ResetId): Promise<Reset>;
  tasks(actor: Actor, id: ResetId, query: PageQuery & { state?: TaskState | undefined }): Promise<Listing<Task>>;
  cancel(actor: Actor, id: ResetId): Promise<{ cancelled: number; tooLate: number }>;
  /** Nothing more of it is sent until it is resumed; what is with an instance comes to its end, and limits pass. */
  pause(actor: Actor, id: ResetId): Promise<Reset>;
  resume(actor: Actor, id: ResetId): Promise<Reset>;
  /** First the state as it is, then every change, until the reset is finished or the signal aborts. */
  watch(actor: Actor, id: ResetId, signal: AbortSignal): AsyncIterable<ProgressEvent>;
}
