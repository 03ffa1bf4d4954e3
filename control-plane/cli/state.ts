import { statePath } from './config/config.ts';
import { createPinStore, type PinStore } from './identities/pin-store.ts';
import { createReleaseKeyStore, type ReleaseKeyStore } from './identities/release-keys.ts';
import type { Ports } from './ports.ts';
import { createSentResets, type SentResets } from './reset/sent.ts';

/** The pinned identities of this user, or those of the file named. */
export function pinStoreOf(ports: Ports, path?: string): PinStore {
  return createPinStore(ports.files, path ?? `${statePath(ports.env, ports.home)}/known_instances`);
}

/** The keys that sign releases, as this user has pinned them. */
export function releaseKeyStoreOf(ports: Ports): ReleaseKeyStore {
  return createReleaseKeyStore(ports.files, `${statePath(ports.env, ports.home)}/known_release_keys`);
}

/** What this user sent to that control plane. */
export function sentResetsOf(ports: Ports, server: string): SentResets {
  return createSentResets(ports.files, `${statePath(ports.env, ports.home)}/resets`, server);
}
