import { ProgressEvent, utf8, type InstanceId, type Reset, type TaskState } from '#protocol';
import * as z from 'zod';
import { ADMINISTRATOR, type CoreWorld } from './core-world.ts';

/** What somebody sees who follows a reset to its end. */
export interface Followed {
  readonly events: number;
  /** The largest event, as it goes over the wire. */
  readonly bytesMax: number;
  /** The most events that came within one second, those aside that tell how it stood at first. */
  readonly perSecondMax: number;
  /** The last state of each instance that an event told of. */
  readonly states: ReadonlyMap<InstanceId, TaskState>;
}

export async function follow(world: CoreWorld, reset: Reset): Promise<Followed> {
  const states = new Map<InstanceId, TaskState>();
  const times: number[] = [];
  let [events, bytesMax, known] = [0, 0, 0];
  for await (const event of world.core.resets.watch(ADMINISTRATOR, reset.id, new AbortController().signal)) {
    events += 1;
    bytesMax = Math.max(bytesMax, utf8(JSON.stringify(z.encode(ProgressEvent, event))).length);
    // At first come all of them, once; after that, what changes.
    if (known >= event.counts.total) times.push(performance.now());
    known += event.tasks.length;
    for (const task of event.tasks) states.set(task.instanceId, task.state);
  }
  const within = times.map((from) => times.filter((at) => at >= from && at < from + 1_000).length);
  return { events, bytesMax, perSecondMax: Math.max(0, ...within), states };
}
