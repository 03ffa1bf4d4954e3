import { isIP } from 'node:net';
import * as z from 'zod';
import { PasswordPolicy } from '#protocol';
import { AUDIT_DAYS_MIN, RESETS_DAYS_MIN, RETENTION_DAYS_MAX } from './domain/retention.ts';

/** What may stand in the configuration file, and which flag sets what of it. */

export interface Address {
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
}

const PORT_MAX = 65_535;
export const DEFAULT_LISTEN = '127.0.0.1:8443';
export const DEFAULT_KEYS_DIR = '/etc/latchkey/keys';
/** Names of networks that the framework knows besides addresses. */
const NAMED_NETWORKS: readonly string[] = ['loopback', 'linklocal', 'uniquelocal'];

export const LogLevel = z.enum(['debug', 'info', 'warn', 'error']);
export type LogLevel = z.infer<typeof LogLevel>;

const AddressText = z.string().transform((text, context): Address => {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^[\]:\s]+)):(\d{1,5})$/.exec(text);
  const [, address, name] = match ?? [];
  const port = Number(match?.[3]);
  const host = address ?? name;
  if (host === undefined || port < 1 || port > PORT_MAX || (address !== undefined && isIP(address) !== 6)) {
    context.addIssue({ code: 'custom', message: `"${text}" is not host:port` });
    return z.NEVER;
  }
  return { host, port };
});

const PublicUrl = z.string().transform((text, context): string => {
  const url = URL.canParse(text) ? new URL(text) : null;
  const bare = url?.pathname === '/' && url.search + url.hash + url.username + url.password === '';
  if (url?.protocol !== 'https:' || !bare) {
    context.addIssue({ code: 'custom', message: `"${text}" is not an https URL of a host and nothing else` });
    return z.NEVER;
  }
  return url.origin;
});

const Network = z.string().refine((text) => {
  if (NAMED_NETWORKS.includes(text)) return true;
  const [address = '', bits, ...more] = text.split('/');
  const width = { 0: -1, 4: 32, 6: 128 }[isIP(address)] ?? -1;
  return width > 0 && more.length === 0 && (bits === undefined || (/^\d{1,3}$/.test(bits) && Number(bits) <= width));
}, 'must be an address, a network such as 10.0.0.0/8, loopback, linklocal or uniquelocal');

const Limit = z.strictObject({ burst: z.int().min(1).max(1_000_000), perSecond: z.number().positive().max(100_000) });

const sockets = z.int().min(10).max(1_000_000);
const SocketLimits = z.strictObject({ total: sockets, perAddress: sockets }).partial();

const Path = z.string().min(1, 'must not be empty');

const days = (min: number) => z.int().min(min).max(RETENTION_DAYS_MAX).nullable();

export const ConfigText = z.strictObject({
  listen: AddressText.prefault(DEFAULT_LISTEN),
  publicUrl: PublicUrl.optional(),
  trustProxy: z.union([z.boolean(), z.array(Network).min(1)]).default(false),
  dataDir: Path.default('/var/lib/latchkey'),
  keysDir: Path.default(DEFAULT_KEYS_DIR),
  tlsCert: Path.optional(),
  tlsKey: Path.optional(),
  passwordPolicy: PasswordPolicy.partial().default({}),
  rateLimits: z
    .strictObject({
      enrolment: Limit,
      failedAuthentication: Limit,
      reset: Limit,
      signIn: Limit,
      unprovenSockets: SocketLimits,
    })
    .partial()
    .default({}),
  retention: z
    .strictObject({ resetsDays: days(RESETS_DAYS_MIN), auditDays: days(AUDIT_DAYS_MIN) })
    .partial()
    .default({}),
  metricsListen: AddressText.optional(),
  logLevel: LogLevel.default('info'),
});
export type ConfigText = z.infer<typeof ConfigText>;

/** The flags as the command line hands them over, each absent or text. */
export interface ConfigFlags {
  readonly listen?: string | undefined;
  readonly publicUrl?: string | undefined;
  /** `true`, `false`, or addresses and networks with commas between. */
  readonly trustProxy?: string | undefined;
  readonly data?: string | undefined;
  readonly keys?: string | undefined;
  readonly tlsCert?: string | undefined;
  readonly tlsKey?: string | undefined;
}

/** Which field a flag sets, and how it is written. */
export const FLAGS = {
  listen: { field: 'listen', flag: '--listen' },
  publicUrl: { field: 'publicUrl', flag: '--public-url' },
  trustProxy: { field: 'trustProxy', flag: '--trust-proxy' },
  data: { field: 'dataDir', flag: '--data' },
  keys: { field: 'keysDir', flag: '--keys' },
  tlsCert: { field: 'tlsCert', flag: '--tls-cert' },
  tlsKey: { field: 'tlsKey', flag: '--tls-key' },
} as const satisfies Record<keyof ConfigFlags, { field: keyof ConfigText; flag: string }>;

/** The values of the fields that flags set, to be laid over those of the file. */
export function valuesOfFlags(flags: ConfigFlags): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(FLAGS) as (keyof ConfigFlags)[]) {
    const text = flags[name];
    if (text !== undefined) values[FLAGS[name].field] = name === 'trustProxy' ? trustProxyOf(text) : text;
  }
  return values;
}

function trustProxyOf(text: string): boolean | string[] {
  if (text === 'true' || text === 'false') return text === 'true';
  return text.split(',').map((part) => part.trim());
}
