import type { InstanceId, Thumbprint } from '../ids.ts';
import { fingerprintOf } from '../signing.ts';

/** One pinned identity: on this control plane, this instance is the one with that key. */
export interface KnownInstance {
  /** URL of the control plane, as connected to. */
  readonly server: string;
  readonly instanceId: InstanceId;
  /** As the operator knew it. */
  readonly name: string;
  /** `SHA256:` and the thumbprint of the identity, as `latchkey-agent status` shows it. */
  readonly fingerprint: string;
}

/** The instance that a control plane presents, to be judged. */
export interface PresentedIdentity {
  readonly instanceId: InstanceId;
  readonly name: string;
  readonly identity: Thumbprint;
}

export type IdentityVerdict =
  | { readonly kind: 'known' }
  /** Never seen: trusted on first use, unless only pinned ones are allowed. */
  | { readonly kind: 'new'; readonly pin: KnownInstance }
  /** The pinned instance under a new name, which no other pinned instance has. */
  | { readonly kind: 'renamed'; readonly before: KnownInstance; readonly pin: KnownInstance }
  /** Not the pinned one: another key, or a name that is pinned for another instance. */
  | { readonly kind: 'changed'; readonly pinned: KnownInstance; readonly presented: KnownInstance };

/** The pins of one control plane, found by instance and by name. */
export interface PinIndex {
  readonly server: string;
  readonly byId: ReadonlyMap<string, KnownInstance>;
  readonly byName: ReadonlyMap<string, KnownInstance>;
}

export function indexPins(pins: readonly KnownInstance[], server: string): PinIndex {
  const ours = pins.filter((pin) => pin.server === server);
  return {
    server,
    byId: new Map(ours.map((pin) => [pin.instanceId, pin])),
    byName: new Map(ours.map((pin) => [pin.name, pin])),
  };
}

/**
 * Whether this is the instance that was pinned. The name counts as much as the id: an operator types names, and a
 * control plane that points a known name at another machine must not get a password that way.
 */
export function judgeIdentity(index: PinIndex, presented: PresentedIdentity): IdentityVerdict {
  const pin = pinOf(index.server, presented);
  const byName = index.byName.get(presented.name);
  if (byName !== undefined && byName.instanceId !== presented.instanceId) {
    return { kind: 'changed', pinned: byName, presented: pin };
  }
  const byId = index.byId.get(presented.instanceId);
  if (byId === undefined) return { kind: 'new', pin };
  if (byId.fingerprint !== pin.fingerprint) return { kind: 'changed', pinned: byId, presented: pin };
  return byId.name === presented.name ? { kind: 'known' } : { kind: 'renamed', before: byId, pin };
}

export function pinOf(server: string, { instanceId, name, identity }: PresentedIdentity): KnownInstance {
  return { server, instanceId, name, fingerprint: fingerprintOf(identity) };
}

/** The pins with these added; they take the place of what was pinned for the same instance or the same name. */
export function withPins(pins: readonly KnownInstance[], added: readonly KnownInstance[]): KnownInstance[] {
  const replaced = new Set(
    added.flatMap(({ server, instanceId, name }) => [`${server} ${instanceId}`, `${server} ${name}`]),
  );
  const kept = pins.filter(({ server, instanceId, name }) => {
    return !replaced.has(`${server} ${instanceId}`) && !replaced.has(`${server} ${name}`);
  });
  return [...kept, ...added];
}
