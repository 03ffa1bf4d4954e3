import type { PasswordPolicy } from '#protocol';
import type { Bus } from '../../bus/bus.ts';
import type { Store } from '../../store/store.ts';
import type { Express } from '../express.ts';
import type { Gate } from '../gate.ts';
import type { Clock, Hash, Random } from '../ports.ts';

/** What the reset service works with. */
export interface ResetDeps {
  readonly store: Store;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly random: Random;
  readonly hash: Hash;
  readonly bus: Bus;
  readonly express: Express;
  readonly passwordPolicy: PasswordPolicy;
  /** Sealed bytes were erased: their pages are to be overwritten soon. */
  readonly onErased: () => void;
}
