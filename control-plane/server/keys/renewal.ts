import type { Clock, Log } from '../service/ports.ts';
import { KeyringError } from './errors.ts';
import type { TlsMaterial } from './tls.ts';

/** How often it is looked whether the certificate ends soon, or another one was provided. */
export const LOOK_MS = 3_600_000;
/** The next look after one that failed. */
export const LOOK_AGAIN_MS = 60_000;

/** Keeps the certificate of a running server fresh, for connections from then on. */
export interface CertificateRenewal {
  /** Now, besides the regular looks. What goes wrong is logged and tried again; what is presented stays. */
  readonly look: () => void;
  /** When the certificate that is presented ends, milliseconds since the epoch. */
  readonly endsAt: () => number;
  stop(): void;
}

export function createCertificateRenewal(deps: {
  /** What is presented so far. */
  readonly held: TlsMaterial;
  /** What is to be presented now; renews what ends soon. Throws where there is nothing fit. */
  readonly load: () => TlsMaterial;
  /** Has it presented to new connections. */
  readonly present: (tls: TlsMaterial) => void;
  readonly clock: Clock;
  readonly log: Log;
}): CertificateRenewal {
  const { load, present, clock, log } = deps;
  let { held } = deps;
  let forget: () => void = () => undefined;

  const renew = () => {
    const next = load();
    if (next.cert === held.cert && next.key === held.key) return;
    present(next);
    held = next;
    log.info({ endsAt: new Date(next.notAfter).toISOString() }, 'new connections get a new TLS certificate');
  };
  const look = () => {
    forget();
    let wait = LOOK_MS;
    try {
      renew();
    } catch (error) {
      wait = LOOK_AGAIN_MS;
      log.error({ ...described(error), endsAt: new Date(held.notAfter).toISOString() }, 'the TLS certificate stays');
    }
    forget = clock.after(wait, look);
  };
  forget = clock.after(LOOK_MS, look);
  return {
    look,
    endsAt: () => held.notAfter,
    stop() {
      forget();
    },
  };
}

function described(error: unknown): { code: string; problem: string } {
  if (error instanceof KeyringError) return { code: error.code, problem: error.message };
  return { code: 'tls-renewal-failed', problem: String(error) };
}
