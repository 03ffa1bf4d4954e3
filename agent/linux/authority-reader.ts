/** Reads who may become root: sudoers with what they include, doas, polkit. Never throws: what cannot be read is said to be missing. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { sudoersIncludes, type Authorities } from './authorities.ts';

const FILES_MAX = 500;
const FILE_BYTES_MAX = 1024 * 1024;
/** sudo's own limit of includes within includes. */
const INCLUDE_DEPTH_MAX = 128;

export interface AuthorityPlaces {
  readonly etc: string;
  /** Where distributions put polkit's rules. */
  readonly share: string;
}

export function readAuthorities({ etc, share }: AuthorityPlaces): Authorities {
  const reading = createReading();
  const sudoers = readSudoers(join(etc, 'sudoers'), reading);
  // Read even where nothing includes it: a file that does not count yet is one line away from counting.
  sudoers.push(
    ...inFolder(join(etc, 'sudoers.d'), isSudoersName, reading).flatMap((path) => readSudoers(path, reading)),
  );
  const doas = [join(etc, 'doas.conf'), ...inFolder(join(etc, 'doas.d'), endsWith('.conf'), reading)];
  const rules = [join(etc, 'polkit-1/rules.d'), join(share, 'polkit-1/rules.d')];
  const settings = [join(etc, 'polkit-1/localauthority.conf.d')];
  const polkit = [
    ...rules.flatMap((folder) => inFolder(folder, endsWith('.rules'), reading)),
    ...settings.flatMap((folder) => inFolder(folder, endsWith('.conf'), reading)),
  ];
  const texts = (paths: readonly string[]) => paths.flatMap((path) => reading.text(path) ?? []);
  return { sudoers, doas: texts(doas), polkit: texts(polkit), incomplete: reading.isIncomplete() };
}

interface Reading {
  /** Null when it is not there, is no file, was read before or cannot be read. */
  text(path: string): string | null;
  names(folder: string): string[];
  miss(): void;
  isIncomplete(): boolean;
}

function createReading(): Reading {
  const seen = new Set<string>();
  let incomplete = false;
  const attempt = <T>(read: () => T, otherwise: T): T => {
    try {
      return read();
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code !== 'ENOENT' && code !== 'ENOTDIR') incomplete = true;
      return otherwise;
    }
  };
  const miss = () => {
    incomplete = true;
  };
  return {
    miss,
    isIncomplete: () => incomplete,
    names: (folder) => attempt(() => (isThere(folder) ? readdirSync(folder).sort() : []), []),
    text(path) {
      if (seen.has(path)) return null;
      seen.add(path);
      const state = attempt(() => statSync(path, { throwIfNoEntry: false }), undefined);
      if (state === undefined || state.isDirectory()) return null; // sudo passes over folders
      if (!state.isFile() || state.size > FILE_BYTES_MAX || seen.size > FILES_MAX) {
        miss();
        return null;
      }
      return attempt(() => readFileSync(path, 'latin1'), null);
    },
  };
}

/** Most of these places are missing on most machines, and to make an error of that takes longer than all the reading. */
const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

const endsWith = (suffix: string) => (name: string) => name.endsWith(suffix);
/** sudo itself skips names with a dot or a trailing tilde. */
const isSudoersName = (name: string) => !name.includes('.') && !name.endsWith('~');

function inFolder(folder: string, fits: (name: string) => boolean, reading: Reading): string[] {
  const names = reading.names(folder).filter(fits);
  return names.map((name) => join(folder, name));
}

function readSudoers(path: string, reading: Reading, depth = 0): string[] {
  if (depth > INCLUDE_DEPTH_MAX) {
    reading.miss();
    return [];
  }
  const text = reading.text(path);
  if (text === null) return [];
  const included = sudoersIncludes(text).flatMap((include) => {
    if (include === null) {
      reading.miss();
      return [];
    }
    const named = include.path.replaceAll('%h', hostname().split('.')[0] ?? '');
    const target = isAbsolute(named) ? named : join(dirname(path), named);
    const paths = include.kind === 'file' ? [target] : inFolder(target, isSudoersName, reading);
    return paths.flatMap((each) => readSudoers(each, reading, depth + 1));
  });
  return [text, ...included];
}
