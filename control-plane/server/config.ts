import { readFileSync, realpathSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import * as z from 'zod';
import { DEFAULT_PASSWORD_POLICY, PasswordPolicy } from '#protocol';
import { RATE_LIMITS, type RateLimits } from './http/rate-limits.ts';

/** The configuration of `latchkey server`: a JSON file and flags, of which flags win. All fields may be left out. */

export interface Address {
  /** A name or an address, without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface ServerConfig {
  /** Where API, gateway and console listen. Default 127.0.0.1:8443. */
  readonly listen: Address;
  /** What agents dial, certificates name and links use: an https origin. Default: `listen`. */
  readonly publicUrl: string;
  /** Whose X-Forwarded-For is believed: addresses and networks of proxies; true is everyone. Default false. */
  readonly trustProxy: boolean | readonly string[];
  /** The database. Default /var/lib/latchkey. Absolute. */
  readonly dataDir: string;
  /** The keys, apart from the data so that a backup of the data holds none. Default /etc/latchkey/keys. Absolute. */
  readonly keysDir: string;
  /** A provided certificate; null for one by the own authority. Absolute paths. */
  readonly tls: { readonly certFile: string; readonly keyFile: string } | null;
  /** May only be stricter than the default: 8 characters, 3 classes. */
  readonly passwordPolicy: PasswordPolicy;
  /** Defaults stand in `RATE_LIMITS`. */
  readonly rateLimits: RateLimits;
  /** A listener of its own for /metrics, without TLS and without token; null for none. */
  readonly metricsListen: Address | null;
  /** Default info. */
  readonly logLevel: LogLevel;
}

const LogLevel = z.enum(['debug', 'info', 'warn', 'error']);
export type LogLevel = z.infer<typeof LogLevel>;

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

export interface ConfigProblem {
  /** The field, such as `passwordPolicy.charsMin`, or the flag, such as `--listen`; empty for the file as a whole. */
  readonly path: string;
  /** The flag that sets the field; null where there is none. */
  readonly flag: string | null;
  readonly message: string;
  readonly remedy: string;
}

export type ConfigResult =
  | { readonly ok: true; readonly config: ServerConfig }
  | { readonly ok: false; readonly problems: readonly ConfigProblem[] };

export interface ConfigSource {
  readonly text: string;
  /** Relative paths in the text start here. */
  readonly directory: string;
}

const FILE_BYTES_MAX = 1024 * 1024;
const PORT_MAX = 65_535;
const DEFAULT_LISTEN = '127.0.0.1:8443';
export const DEFAULT_KEYS_DIR = '/etc/latchkey/keys';
/** Listening there is not somewhere one can dial. */
const EVERYWHERE: readonly string[] = ['0.0.0.0', '::'];
/** Names of networks that the framework knows besides addresses. */
const NAMED_NETWORKS: readonly string[] = ['loopback', 'linklocal', 'uniquelocal'];

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

const Path = z.string().min(1, 'must not be empty');

const ConfigText = z.strictObject({
  listen: AddressText.prefault(DEFAULT_LISTEN),
  publicUrl: PublicUrl.optional(),
  trustProxy: z.union([z.boolean(), z.array(Network).min(1)]).default(false),
  dataDir: Path.default('/var/lib/latchkey'),
  keysDir: Path.default(DEFAULT_KEYS_DIR),
  tlsCert: Path.optional(),
  tlsKey: Path.optional(),
  passwordPolicy: PasswordPolicy.partial().default({}),
  rateLimits: z.strictObject({ enrolment: Limit, failedAuthentication: Limit, reset: Limit }).partial().default({}),
  metricsListen: AddressText.optional(),
  logLevel: LogLevel.default('info'),
});
type ConfigText = z.infer<typeof ConfigText>;

const REMEDIES: Record<keyof ConfigText, string> = {
  listen: `Write host:port, such as ${DEFAULT_LISTEN} or [::]:8443.`,
  publicUrl: 'Write the URL that agents dial, such as https://latchkey.example:8443.',
  trustProxy: 'List the addresses or networks of your proxies, or write false.',
  dataDir: 'Write the path of the directory for the database.',
  keysDir: 'Write the path of a directory for the keys, outside of the data directory and of its backups.',
  tlsCert: 'Give certificate and key, or neither for one by the own authority.',
  tlsKey: 'Give certificate and key, or neither for one by the own authority.',
  passwordPolicy: 'charsMin may be 8 to 26, classesMin 3 or 4.',
  rateLimits: 'Known are enrolment, failedAuthentication and reset, each { "burst": 20, "perSecond": 0.5 }.',
  metricsListen: 'Write host:port, such as 127.0.0.1:9464, or leave it out.',
  logLevel: `Choose one of ${LogLevel.options.join(', ')}.`,
};

/** Which field a flag sets, and how it is written. */
const FLAGS = {
  listen: { field: 'listen', flag: '--listen' },
  publicUrl: { field: 'publicUrl', flag: '--public-url' },
  trustProxy: { field: 'trustProxy', flag: '--trust-proxy' },
  data: { field: 'dataDir', flag: '--data' },
  keys: { field: 'keysDir', flag: '--keys' },
  tlsCert: { field: 'tlsCert', flag: '--tls-cert' },
  tlsKey: { field: 'tlsKey', flag: '--tls-key' },
} as const satisfies Record<keyof ConfigFlags, { field: keyof ConfigText; flag: string }>;

/** Reads the file, if there is one, and checks it together with the flags. */
export function readConfig(file: string | null, flags: ConfigFlags): ConfigResult {
  if (file === null) return checkConfig(null, flags);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    const why = error instanceof Error ? error.message : 'unknown error';
    return refuse(ofFile(`The configuration file cannot be read: ${why}`, 'Check the path given with --config.'));
  }
  return checkConfig({ text, directory: dirname(resolve(file)) }, flags);
}

/** Checks a configuration; every problem is listed, not only the first. */
export function checkConfig(source: ConfigSource | null, flags: ConfigFlags): ConfigResult {
  const written = source === null ? {} : parseObject(source.text);
  if (written === null) {
    return refuse(ofFile('The configuration is not a JSON object.', 'Write { "listen": … }.'));
  }
  const fromFlags = valuesOfFlags(flags);
  const parsed = ConfigText.safeParse({ ...written, ...fromFlags });
  const named = (problem: Unnamed): ConfigProblem => {
    const flag = flagOf(problem.path);
    return { ...problem, path: flag !== null && fieldOf(problem.path) in fromFlags ? flag : problem.path, flag };
  };
  if (!parsed.success) return { ok: false, problems: parsed.error.issues.flatMap(toProblems).map(named) };

  const place = (field: 'dataDir' | 'keysDir' | 'tlsCert' | 'tlsKey', path: string): string =>
    isAbsolute(path) || source === null || field in fromFlags ? resolve(path) : join(source.directory, path);
  const config = complete(parsed.data, place);
  const problems = contradictions(parsed.data, config).map(named);
  return problems.length === 0 ? { ok: true, config } : { ok: false, problems };
}

function refuse(...problems: readonly ConfigProblem[]): ConfigResult {
  return { ok: false, problems };
}

function parseObject(text: string): object | null {
  if (text.length > FILE_BYTES_MAX) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}

function valuesOfFlags(flags: ConfigFlags): Record<string, unknown> {
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

/** A problem of a field, whichever way its value came. */
type Unnamed = Omit<ConfigProblem, 'flag'>;

function ofFile(message: string, remedy: string): ConfigProblem {
  return { path: '', flag: null, message, remedy };
}

function fieldOf(path: string): string {
  return path.split('.')[0] ?? '';
}

function flagOf(path: string): string | null {
  return Object.values(FLAGS).find((entry) => entry.field === fieldOf(path))?.flag ?? null;
}

function toProblems(issue: z.core.$ZodIssue): Unnamed[] {
  const path = issue.path.map(String);
  const field = path[0];
  if (issue.code === 'unrecognized_keys') {
    const known = Object.keys(ConfigText.shape).join(', ');
    return issue.keys.map((key) => ({
      path: [...path, key].join('.'),
      message: 'There is no such setting.',
      remedy: field === undefined ? `Remove it or correct its name. Known are ${known}.` : remedyOf(field),
    }));
  }
  return [{ path: path.join('.'), message: issue.message, remedy: remedyOf(field ?? '') }];
}

function remedyOf(field: string): string {
  return Object.entries(REMEDIES).find(([name]) => name === field)?.[1] ?? 'See the README of the server.';
}

type Place = (field: 'dataDir' | 'keysDir' | 'tlsCert' | 'tlsKey', path: string) => string;

function complete(text: ConfigText, place: Place): ServerConfig {
  const { listen, tlsCert, tlsKey } = text;
  const host = isIP(listen.host) === 6 ? `[${listen.host}]` : listen.host;
  const { passwordPolicy, rateLimits } = text;
  return {
    listen,
    // Through the parser, which leaves out the port that https implies.
    publicUrl: text.publicUrl ?? new URL(`https://${host}:${listen.port}`).origin,
    trustProxy: text.trustProxy,
    dataDir: place('dataDir', text.dataDir),
    keysDir: place('keysDir', text.keysDir),
    tls:
      tlsCert === undefined || tlsKey === undefined
        ? null
        : { certFile: place('tlsCert', tlsCert), keyFile: place('tlsKey', tlsKey) },
    passwordPolicy: {
      charsMin: passwordPolicy.charsMin ?? DEFAULT_PASSWORD_POLICY.charsMin,
      classesMin: passwordPolicy.classesMin ?? DEFAULT_PASSWORD_POLICY.classesMin,
    },
    rateLimits: {
      enrolment: rateLimits.enrolment ?? RATE_LIMITS.enrolment,
      failedAuthentication: rateLimits.failedAuthentication ?? RATE_LIMITS.failedAuthentication,
      reset: rateLimits.reset ?? RATE_LIMITS.reset,
    },
    metricsListen: text.metricsListen ?? null,
    logLevel: text.logLevel,
  };
}

/** What is wrong only together. */
function contradictions(text: ConfigText, config: ServerConfig): Unnamed[] {
  const problems: Unnamed[] = [];
  const add = (path: keyof ConfigText, message: string) => problems.push({ path, message, remedy: REMEDIES[path] });
  if (text.publicUrl === undefined && EVERYWHERE.includes(config.listen.host)) {
    add('publicUrl', 'It is missing, and cannot be told from an address that stands for all addresses.');
  }
  if (text.tlsCert === undefined && text.tlsKey !== undefined) add('tlsCert', 'A key is given, but no certificate.');
  if (text.tlsKey === undefined && text.tlsCert !== undefined) add('tlsKey', 'A certificate is given, but no key.');
  const [data, keys] = [realPath(config.dataDir), realPath(config.keysDir)];
  if (contains(data, keys)) add('keysDir', 'It lies within the data directory, so that backups would hold the keys.');
  else if (contains(keys, data)) add('dataDir', 'It lies within the keys directory.');
  const { listen, metricsListen } = config;
  if (metricsListen?.host === listen.host && metricsListen.port === listen.port) {
    add('metricsListen', 'It is the address that the API listens on.');
  }
  return problems;
}

function contains(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
}

/** Where a path leads once links are followed, also if its end does not exist yet. */
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    const parent = dirname(path);
    return parent === path ? path : join(realPath(parent), path.slice(parent.length));
  }
}
