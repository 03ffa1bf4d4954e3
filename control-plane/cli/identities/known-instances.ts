import { fingerprintOf, InstanceId, isPrintable, type Thumbprint } from '#protocol';

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

const FINGERPRINT = /^SHA256:[A-Za-z0-9_-]{43}$/;

/** A line is `URL ID NAME FINGERPRINT`; empty lines and those that begin with `#` are passed over. */
export function parseKnownInstances(text: string): { pins: KnownInstance[]; badLines: number[] } {
  const pins: KnownInstance[] = [];
  const badLines: number[] = [];
  text.split('\n').forEach((line, at) => {
    if (line.trim() === '' || line.startsWith('#')) return;
    const [server = '', id, name = '', fingerprint = '', ...more] = line.trim().split(/ +/);
    const instanceId = InstanceId.safeParse(id);
    const good = instanceId.success && FINGERPRINT.test(fingerprint) && isPrintable(line) && more.length === 0;
    if (good) pins.push({ server, instanceId: instanceId.data, name, fingerprint });
    else badLines.push(at + 1);
  });
  return { pins, badLines };
}

const HEADING = '# Identities of instances, as this user has seen them: control plane, instance, name, fingerprint.\n';

export function formatKnownInstances(pins: readonly KnownInstance[]): string {
  return HEADING + pins.map((pin) => `${pin.server} ${pin.instanceId} ${pin.name} ${pin.fingerprint}\n`).join('');
}
