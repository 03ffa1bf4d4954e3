import { statePath } from './config/config.ts';
import { createPinStore, type PinStore } from './identities/pin-store.ts';
import { createKeyPins, type KeyPins } from './identities/key-pins.ts';
import type { Ports } from './ports.ts';
import { createSentResets, type SentResets } from './reset/sent.ts';

/** The pinned identities of this user, or those of the file named. */
export function pinStoreOf(ports: Ports, path?: string): PinStore {
  return createPinStore(ports.files, path ?? `${statePath(ports.env, ports.home)}/known_instances`);
}

/** The keys that sign releases, as this user has pinned them. */
export function releaseKeyPinsOf(ports: Ports): KeyPins {
  const path = `${statePath(ports.env, ports.home)}/known_release_keys`;
  return createKeyPins(ports.files, path, 'sign releases of the agent');
}

/** The keys that sign what instances run, as this user has pinned them. */
export function scriptKeyPinsOf(ports: Ports): KeyPins {
  const path = `${statePath(ports.env, ports.home)}/known_script_keys`;
  return createKeyPins(ports.files, path, 'sign the scripts that instances run');
}

/** What this user sent to that control plane. */
export function sentResetsOf(ports: Ports, server: string): SentResets {
  return createSentResets(ports.files, `${statePath(ports.env, ports.home)}/resets`, server);
}
