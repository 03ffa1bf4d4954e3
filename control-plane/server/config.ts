import { readFileSync, realpathSync } from 'node:fs';
import { isIP } from 'node:net';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { DEFAULT_PASSWORD_POLICY, type PasswordPolicy } from '#protocol';
import { REMEDIES, fieldOf, flagOf, ofFile, toProblems, type ConfigProblem, type Unnamed } from './config-problems.ts';
import { ConfigText, valuesOfFlags, type Address, type ConfigFlags, type LogLevel } from './config-text.ts';
import { DEFAULT_RETENTION, type Retention } from './domain/retention.ts';
import { UNPROVEN_SOCKETS, type UnprovenSocketLimits } from './gateway/socket-limits.ts';
import { RATE_LIMITS, type RateLimits } from './http/rate-limits.ts';

/** The configuration of `latchkey server`: a JSON file and flags, of which flags win. All fields may be left out. */

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
  /** In the file, with the others under `rateLimits`. */
  readonly unprovenSockets: UnprovenSocketLimits;
  /** How long what is over is kept. Defaults stand in `DEFAULT_RETENTION`. */
  readonly retention: Retention;
  /** A listener of its own for /metrics, without TLS and without token; null for none. */
  readonly metricsListen: Address | null;
  /** Default info. */
  readonly logLevel: LogLevel;
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
/** Listening there is not somewhere one can dial. */
const EVERYWHERE: readonly string[] = ['0.0.0.0', '::'];

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

type Place = (field: 'dataDir' | 'keysDir' | 'tlsCert' | 'tlsKey', path: string) => string;

function complete(text: ConfigText, place: Place): ServerConfig {
  const { listen, tlsCert, tlsKey } = text;
  const host = isIP(listen.host) === 6 ? `[${listen.host}]` : listen.host;
  const { passwordPolicy, rateLimits, retention } = text;
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
      signIn: rateLimits.signIn ?? RATE_LIMITS.signIn,
    },
    unprovenSockets: {
      total: rateLimits.unprovenSockets?.total ?? UNPROVEN_SOCKETS.total,
      perAddress: rateLimits.unprovenSockets?.perAddress ?? UNPROVEN_SOCKETS.perAddress,
    },
    // What is not said has its default; null says: for ever.
    retention: {
      resetsDays: retention.resetsDays === undefined ? DEFAULT_RETENTION.resetsDays : retention.resetsDays,
      auditDays: retention.auditDays === undefined ? DEFAULT_RETENTION.auditDays : retention.auditDays,
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
  const { listen, metricsListen, retention } = config;
  const { resetsDays, auditDays } = retention;
  if (auditDays !== null && (resetsDays === null || resetsDays > auditDays)) {
    add('retention', 'Resets are kept for longer than the records that say who asked for them.');
  }
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
