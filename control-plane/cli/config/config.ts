import * as z from 'zod';
import { clientError, usageError } from '../errors.ts';

/** What every command that talks to a control plane takes. */
export const ConnectionFlags = z.object({
  url: z.string().optional(),
  /** A file that holds the token; `-` is standard input. A token itself is never an argument: others can see those. */
  tokenFile: z.string().optional(),
  ca: z.string().optional(),
});
export type ConnectionFlags = z.infer<typeof ConnectionFlags>;

/** The configuration file. Paths are relative to it. */
const ConfigFile = z.strictObject({
  url: z.string().optional(),
  token: z.string().optional(),
  tokenFile: z.string().optional(),
  ca: z.string().optional(),
});
type ConfigFile = z.infer<typeof ConfigFile>;

export type Environment = Readonly<Record<string, string | undefined>>;

export interface ConnectionConfig {
  /** Origin and path prefix of the control plane, without a slash at the end; https. */
  readonly url: string;
  readonly token: { readonly kind: 'value'; readonly value: string } | { readonly kind: 'file'; readonly path: string };
  /** Path of a PEM file; null trusts the certificate authorities of the system. */
  readonly caPath: string | null;
}

/** Where the configuration file is looked for. */
export function configPath(env: Environment, home: string): string {
  return `${directory(env['XDG_CONFIG_HOME'], `${home}/.config`)}/latchkey/config.json`;
}

/** Where the client keeps what it must remember. */
export function statePath(env: Environment, home: string): string {
  return `${directory(env['XDG_STATE_HOME'], `${home}/.local/state`)}/latchkey`;
}

/** The XDG base directory specification: a path that is not absolute is ignored. */
function directory(value: string | undefined, fallback: string): string {
  return value?.startsWith('/') === true ? value : fallback;
}

const OTHERS = 0o077;

/** The configuration file, checked. `mode` is null where files have no permission bits. */
export function parseConfigFile(path: string, text: string, mode: number | null): ConfigFile {
  const parsed = ConfigFile.safeParse(jsonOf(text));
  if (!parsed.success) {
    const details = parsed.error.issues.map(({ path: field, message }) => ({
      subject: `${path} ${field.join('.')}`.trim(),
      code: 'configuration-invalid',
      message,
    }));
    throw clientError('configuration-invalid', details);
  }
  if (parsed.data.token !== undefined) refuseExposed(path, mode);
  return relativeTo(path, parsed.data);
}

/** Refuses a file with a token in it that other users can read. `mode` is null where files have no permission bits. */
export function refuseExposed(path: string, mode: number | null): void {
  if (mode === null || (mode & OTHERS) === 0 || !isRegular(mode)) return;
  const bits = (mode & 0o777).toString(8).padStart(4, '0');
  throw clientError('configuration-exposed', [
    { subject: path, code: 'configuration-exposed', message: `has mode ${bits}: chmod 600 ${path}` },
  ]);
}

const FILE_TYPE = 0o170000;
const REGULAR_FILE = 0o100000;

/** A pipe, such as `/dev/fd/63` of `<(pass show latchkey)`, has bits that say nothing about who can read it. */
function isRegular(mode: number): boolean {
  return (mode & FILE_TYPE) === REGULAR_FILE;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null; // Which the schema refuses.
  }
}

function relativeTo(path: string, file: ConfigFile): ConfigFile {
  const base = path.slice(0, path.lastIndexOf('/') + 1);
  const absolute = (value: string) => (value.startsWith('/') ? value : `${base}${value}`);
  return {
    ...file,
    ...(file.tokenFile === undefined ? {} : { tokenFile: absolute(file.tokenFile) }),
    ...(file.ca === undefined ? {} : { ca: absolute(file.ca) }),
  };
}

/** Flags, then the environment, then the file; each thing by itself. */
export function resolveConnection(flags: ConnectionFlags, env: Environment, file: ConfigFile | null): ConnectionConfig {
  const url = flags.url ?? set(env['LATCHKEY_URL']) ?? file?.url;
  if (url === undefined) {
    throw clientError('configuration-invalid', ['No URL of a control plane: give --url URL or set LATCHKEY_URL.']);
  }
  const caPath = flags.ca ?? set(env['LATCHKEY_CA']) ?? file?.ca ?? null;
  return { url: checkedUrl(url), token: tokenOf(flags, env, file), caPath };
}

function tokenOf(flags: ConnectionFlags, env: Environment, file: ConfigFile | null): ConnectionConfig['token'] {
  if (flags.tokenFile !== undefined) return { kind: 'file', path: flags.tokenFile };
  const value = set(env['LATCHKEY_TOKEN']) ?? file?.token;
  if (value !== undefined) return { kind: 'value', value: checkedToken(value) };
  if (file?.tokenFile !== undefined) return { kind: 'file', path: file.tokenFile };
  throw clientError('configuration-invalid', ['No API token: give --token-file FILE or set LATCHKEY_TOKEN.']);
}

/** An empty variable is as good as none. */
function set(value: string | undefined): string | undefined {
  return value === '' ? undefined : value;
}

const TOKEN = /^[\x21-\x7e]{1,500}$/;

/** A token as it can stand in a header. The error does not quote it. */
export function checkedToken(text: string): string {
  const token = text.trim();
  if (!TOKEN.test(token)) throw clientError('configuration-invalid', ['What was given is not an API token.']);
  return token;
}

function checkedUrl(text: string): string {
  const url = URL.parse(text);
  if (url === null) throw usageError('--url', 'is not a URL');
  if (url.protocol !== 'https:')
    throw usageError('--url', 'must begin with https://: the token goes over this connection');
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw usageError('--url', 'must hold no user, password, query or fragment');
  }
  return `${url.origin}${url.pathname}`.replace(/\/+$/, '');
}
