import { sep } from 'node:path';
import type { Address } from './config-text.ts';

/** What an operator chose, and how: so that a failure can name what to change. */
export interface Choices {
  readonly directories: readonly { readonly path: string; readonly flag: string }[];
  readonly addresses: readonly { readonly address: Address; readonly flag: string }[];
}

/** Codes of our errors, which the README explains; the system's are in capitals. */
const OUR_CODE = /^[a-z]+(-[a-z]+)*$/;

export const NO_CHOICES: Choices = { directories: [], addresses: [] };

/** What went wrong, for a person, with what to do; the stack only where it is a fault of ours. */
export function describeFailure(error: unknown, choices: Choices): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : null;
  // Node's own codes speak of a wrong call, which is ours.
  if (code === null || code.startsWith('ERR_')) return error.stack ?? error.message;
  return describeSystemError(error, choices) ?? (OUR_CODE.test(code) ? `${error.message} [${code}]` : error.message);
}

/** Null for what is not one of the usual ones; errors of ours say themselves what to do. */
function describeSystemError(error: NodeJS.ErrnoException, choices: Choices): string | null {
  const address = addressOf(error, choices);
  const place = placeOf(error, choices);
  switch (error.code ?? '') {
    case 'EADDRINUSE':
      return `Something listens on ${address.text} already. End it, or choose another address with ${address.flag}.`;
    case 'EADDRNOTAVAIL':
      return `${address.text} is no address of this machine. Choose one that it has with ${address.flag}.`;
    case 'EACCES':
    case 'EPERM':
      if (error.syscall === 'listen' || error.syscall === 'bind') {
        return `This user may not listen on ${address.text}: low ports are root's. Choose another port with ${address.flag}.`;
      }
      return `This user may not read or write ${place.text}. Give them the directory, or name another one${place.remedy}.`;
    case 'ENOSPC':
    case 'EDQUOT':
      return `There is no space left for ${place.text}. Free some, or name a directory elsewhere${place.remedy}.`;
    case 'EROFS':
      return `${place.text} is on a read-only file system. Remount it, or name a directory elsewhere${place.remedy}.`;
    case 'ENOENT':
    case 'ENOTDIR':
      return `${place.text} is not there. Create the directory, or name another one${place.remedy}.`;
    case 'EEXIST':
      return `${place.text} is a file where a directory must be. Move it away, or name another directory${place.remedy}.`;
    default:
      return null;
  }
}

function addressOf(error: NodeJS.ErrnoException, { addresses }: Choices): { text: string; flag: string } {
  const port = 'port' in error ? Number(error.port) : null;
  const host = 'address' in error ? String(error.address) : null;
  const known = addresses.find((choice) => choice.address.port === port);
  const text = host === null || port === null ? 'the address' : `${host.includes(':') ? `[${host}]` : host}:${port}`;
  return { text, flag: known?.flag ?? '--listen' };
}

function placeOf(error: NodeJS.ErrnoException, { directories }: Choices): { text: string; remedy: string } {
  const { path } = error;
  if (path === undefined) return { text: 'the data', remedy: flagsOf(directories) };
  // Also a directory above the chosen one, which had to be made first.
  const related = directories.filter((choice) => isWithin(choice.path, path) || isWithin(path, choice.path));
  // Otherwise it stood on the command line, as the file of a backup does.
  return { text: `"${path}"`, remedy: related.length > 0 || directories.length === 0 ? flagsOf(related) : '' };
}

/** As the end of a sentence. */
function flagsOf(directories: Choices['directories']): string {
  const flags = directories.map(({ flag }) => flag);
  return ` with ${flags.length === 0 ? '--data or --keys' : flags.join(' or ')}`;
}

function isWithin(outer: string, inner: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith(sep) ? outer : outer + sep);
}
