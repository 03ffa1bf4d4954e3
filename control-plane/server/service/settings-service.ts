import type { Settings } from '#protocol';
import type { Actor } from '../domain/actor.ts';
import { ANYTHING, type Gate } from './gate.ts';

export interface SettingsService {
  /** What the configuration says: for who runs the control plane. */
  read(actor: Actor): Promise<Settings>;
}

export function createSettingsService(deps: {
  readonly gate: Gate;
  /** As they are now; without secrets. */
  readonly settings: () => Settings;
}): SettingsService {
  const { gate, settings } = deps;
  return {
    read: (actor) =>
      gate.guard(() => {
        gate.decide(actor, 'settings.read', ANYTHING, { subject: 'settings' });
        return Promise.resolve(settings());
      }),
  };
}
