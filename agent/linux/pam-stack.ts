/**
 * What is wrong with PAM's configuration, if anything: only what makes libpam refuse everybody counts, since a healthy
 * instance must not be blocked for a file that is merely odd. pam.conf(5), and what Linux-PAM 1.5 does with the rest.
 */

/** The text of a file; `missing` where there is none, `unreadable` where it cannot be read. */
export type ReadPamFile = (path: string) => { readonly text: string } | 'missing' | 'unreadable';

export interface PamFiles {
  readonly read: ReadPamFile;
  /** Where services are looked for, in order. */
  readonly directories: readonly string[];
  /** Whether there is such a module; null where it is not known where modules are. */
  readonly hasModule: (name: string) => boolean | null;
}

const TYPES = ['auth', 'account', 'password', 'session'] as const;
export type PamType = (typeof TYPES)[number];

/** Files in files; libpam itself stops at 32. */
const DEPTH_MAX = 32;
/** Controls whose module must be there, or the stack fails. */
const MUST_SUCCEED = ['required', 'requisite'];

/** The first fault of a service's stacks of these types, in words that name file and line; null where there is none. */
export function findPamFault(files: PamFiles, service: string, types: readonly PamType[]): string | null {
  return faultOfFile(files, locate(files, service), types, 0);
}

function locate({ directories, read }: PamFiles, name: string): string {
  if (name.startsWith('/')) return name;
  const paths = directories.map((directory) => `${directory}/${name}`);
  return paths.find((path) => read(path) !== 'missing') ?? paths[0] ?? name;
}

function faultOfFile(files: PamFiles, path: string, types: readonly PamType[], depth: number): string | null {
  if (depth > DEPTH_MAX) return `${path}: includes itself`;
  const content = files.read(path);
  if (typeof content === 'string') return `${path}: ${content}`;
  // A backslash at the end of a line takes the next one in; the lines keep their numbers.
  const lines = content.text.split('\n');
  let continued = '';
  for (const [index, line] of lines.entries()) {
    const whole = `${continued}${line.replace(/#.*$/, '')}`;
    continued = /\\\s*$/.test(whole) ? whole.replace(/\\\s*$/, ' ') : '';
    const fault = continued === '' ? faultOfLine(files, whole, types, depth) : null;
    if (fault !== null) return fault.within ?? `${path} line ${index + 1}: ${fault.what}`;
  }
  return null;
}

interface Fault {
  readonly what: string;
  /** The fault is in a file that this line takes in. */
  readonly within?: string;
}

function faultOfLine(files: PamFiles, line: string, types: readonly PamType[], depth: number): Fault | null {
  const words = line.trim().match(/\[[^\]]*\]|\S+/g);
  const [first, control = '', module = ''] = words ?? [];
  if (first === undefined) return null;
  const takeIn = (name: string, wanted: readonly PamType[]): Fault | null => {
    const within = faultOfFile(files, locate(files, name), wanted, depth + 1);
    return within === null ? null : { what: '', within };
  };
  if (first === '@include') return takeIn(control, types);
  const type = TYPES.find((name) => name === first.replace(/^-/, '').toLowerCase());
  // Such a line makes every stack of the service fail, whatever it was meant to be.
  if (type === undefined) return { what: 'not a type of PAM' };
  if (!types.includes(type)) return null;
  if (module === '') return { what: 'names no module' };
  if (control === 'include' || control === 'substack') return takeIn(module, [type]);
  const mayBeAbsent = first.startsWith('-') || !MUST_SUCCEED.includes(control.toLowerCase());
  if (!mayBeAbsent && files.hasModule(module) === false) return { what: `there is no ${module}` };
  return null;
}
