import { indexPins, InstanceId, judgeIdentity, withPins, type KnownInstance, type PinIndex } from '#protocol';
import * as z from 'zod';
import { jsonOf } from '../../api/json.ts';
import type { KeyValueStore } from './store.ts';

const KEY = 'latchkey.known-instances';

/** Short, since ten thousand of them have to fit: id, name, fingerprint. */
const Stored = z.strictObject({
  v: z.literal(1),
  pins: z.array(z.tuple([InstanceId, z.string().max(100), z.string().regex(/^SHA256:[A-Za-z0-9_-]{43}$/)])),
});

/**
 * The identities of instances as this browser has seen them prove a reset. They hold against whoever can write to the
 * control plane's database and not to its program, which this page came from.
 */
export interface Pins {
  index(): PinIndex;
  /** Remembers those that are not known yet. False where the browser does not let it. */
  learn(seen: readonly KnownInstance[]): boolean;
  /** Takes the place of what was known of that instance or that name: a person has compared the fingerprint. */
  trust(seen: KnownInstance): boolean;
}

export function createPins(store: KeyValueStore, server: string): Pins {
  // To judge ten thousand takes longer than a frame: what has not changed is not judged again.
  let judged: { readonly text: string | null; readonly pins: readonly KnownInstance[] } = { text: null, pins: [] };
  // Read every time: another page of this browser may have learnt something meanwhile.
  const load = (): readonly KnownInstance[] => {
    const text = store.getItem(KEY);
    if (text === judged.text) return judged.pins;
    const stored = text === null ? undefined : Stored.safeParse(jsonOf(text)).data;
    // What is damaged is forgotten: it would otherwise be in the way for ever, and was written by this browser alone.
    const pins = (stored?.pins ?? []).map(([instanceId, name, fingerprint]) => {
      return { server, instanceId, name, fingerprint };
    });
    judged = { text, pins };
    return pins;
  };
  const save = (pins: readonly KnownInstance[]): boolean => {
    const rows = pins.map(({ instanceId, name, fingerprint }) => [instanceId, name, fingerprint]);
    const text = JSON.stringify({ v: 1, pins: rows });
    try {
      store.setItem(KEY, text);
      judged = { text, pins };
      return true;
    } catch {
      return false; // Full, or switched off: whoever calls says so.
    }
  };
  return {
    index: () => indexPins(load(), server),
    learn(seen) {
      const pins = load();
      const index = indexPins(pins, server);
      const isNew = (pin: KnownInstance): boolean => {
        const identity = pin.fingerprint.slice('SHA256:'.length) as Parameters<typeof judgeIdentity>[1]['identity'];
        const { kind } = judgeIdentity(index, { instanceId: pin.instanceId, name: pin.name, identity });
        return kind === 'new' || kind === 'renamed';
      };
      const added = seen.filter(isNew);
      return added.length === 0 || save(withPins(pins, added));
    },
    trust: (seen) => save(withPins(load(), [seen])),
  };
}
