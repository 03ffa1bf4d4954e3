import { CONSOLE_SESSION_AGE_MS_MAX, CONSOLE_SESSION_IDLE_MS_MAX, type KeySet, type Settings } from '#protocol';
import type { ServerConfig } from './config.ts';
import type { Address } from './config-text.ts';
import type { Keyring } from './keys/keyring.ts';
import { SERVER_VERSION } from './version.ts';

/** What of the keys may be told. */
type KeyFacts = Pick<Keyring, 'rotatingAuthority' | 'scriptKeyPresent'> & { readonly keySet: Pick<KeySet, 'version'> };

/**
 * The configuration as an administrator may see it. Each field is named here, so that a new one stays unseen until
 * somebody has thought about whether it is a secret.
 *
 * @param certificateEndsAt - milliseconds since the epoch
 */
export function settingsOf(config: ServerConfig, keys: KeyFacts, certificateEndsAt: number): Settings {
  const { publicUrl, dataDir, keysDir, rateLimits, logLevel } = config;
  const { trustProxy } = config;
  return {
    version: SERVER_VERSION,
    ...{ publicUrl, dataDir, keysDir, logLevel },
    listen: textOf(config.listen),
    metricsListen: config.metricsListen === null ? null : textOf(config.metricsListen),
    trustProxy: typeof trustProxy === 'boolean' ? trustProxy : [...trustProxy],
    scriptKeyPresent: keys.scriptKeyPresent(),
    certificate: {
      from: config.tls === null ? 'own' : 'provided',
      endsAt: certificateEndsAt,
      rotating: keys.rotatingAuthority,
    },
    keySetVersion: keys.keySet.version,
    passwordPolicy: { ...config.passwordPolicy },
    rateLimits: {
      enrolment: { ...rateLimits.enrolment },
      failedAuthentication: { ...rateLimits.failedAuthentication },
      reset: { ...rateLimits.reset },
      signIn: { ...rateLimits.signIn },
    },
    unprovenSockets: { ...config.unprovenSockets },
    retention: { ...config.retention },
    consoleSessions: { idleMs: CONSOLE_SESSION_IDLE_MS_MAX, ageMs: CONSOLE_SESSION_AGE_MS_MAX },
  };
}

function textOf({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${String(port)}` : `${host}:${String(port)}`;
}
