import { clientError, systemCodeOf } from '../errors.ts';
import type { Ports, TransportOptions } from '../ports.ts';
import {
  checkedToken,
  configPath,
  parseConfigFile,
  refuseExposed,
  resolveConnection,
  type ConnectionFlags,
} from './config.ts';

const CONFIG_BYTES_MAX = 64 * 1024;
const TOKEN_BYTES_MAX = 4 * 1024;
const CA_BYTES_MAX = 1024 * 1024;

/** How to reach the control plane, with the files read that say so. */
export async function loadConnection(flags: ConnectionFlags, ports: Ports): Promise<TransportOptions> {
  const path = configPath(ports.env, ports.home);
  const file = await readFile(ports, path, CONFIG_BYTES_MAX);
  const config = resolveConnection(
    flags,
    ports.env,
    file === null ? null : parseConfigFile(path, file.text, file.mode),
  );
  const ca = config.caPath === null ? null : (await mustRead(ports, config.caPath, CA_BYTES_MAX)).text;
  const token = config.token.kind === 'value' ? config.token.value : await readToken(ports, config.token.path);
  return { url: config.url, token, ca, env: ports.env };
}

async function readToken(ports: Ports, path: string): Promise<string> {
  if (path !== '-') {
    const { text, mode } = await mustRead(ports, path, TOKEN_BYTES_MAX);
    refuseExposed(path, mode);
    return checkedToken(text);
  }
  const input = await ports.terminal.readInput(TOKEN_BYTES_MAX);
  if (input === null) throw clientError('configuration-invalid', ['Standard input is too long for an API token.']);
  return checkedToken(input.toString('utf8'));
}

/** A file that the command cannot do without. */
export async function mustRead(ports: Ports, path: string, bytesMax: number) {
  const file = await readFile(ports, path, bytesMax);
  if (file === null) throw fileError(path, 'there is no such file');
  return file;
}

async function readFile(ports: Ports, path: string, bytesMax: number) {
  try {
    return await ports.files.read(path, bytesMax);
  } catch (error) {
    throw fileError(path, systemCodeOf(error) ?? 'it cannot be read', error);
  }
}

/** A file that cannot be used, and why. */
export function fileError(path: string, message: string, cause?: unknown) {
  return clientError('file-unusable', [{ subject: path, code: 'file-unusable', message }], { cause });
}
