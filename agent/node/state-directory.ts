import { chmodSync, lstatSync, mkdirSync, readdirSync, realpathSync } from 'node:fs';
import { dirname, resolve } from 'node:path';

const DIRECTORY_MODE = 0o700;
const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/** Everything that the agent ever puts into its state directory, and what a file system of its own has. */
const OWN_NAMES =
  /^(?:config\.json|identity\.key|key-set\.json|continuity\.json|journal|journal\.damaged|sealing-keys\.json|sealing-\d+\.key|status\.json|agent\.lock(?:\..*)?|\.tmp-.*|scripts|compiled|lost\+found)$/;

/** Why a directory cannot be the agent's; `what` begins with its path. */
export interface DirectoryProblem {
  readonly code: 'state-directory-unsafe' | 'state-directory-foreign';
  readonly what: string;
}

/**
 * Makes the directory, for root alone. One that is there is taken only if it is empty or the agent's: changing the mode
 * of somebody else's, or putting keys where others can change them, would be worse than not starting.
 */
export function makeStateDirectory(directory: string): DirectoryProblem | null {
  mkdirSync(directory, { recursive: true, mode: DIRECTORY_MODE });
  const problem = whyNotState(directory);
  if (problem === null) chmodSync(directory, DIRECTORY_MODE);
  return problem;
}

/** null for a directory that is safe and holds nothing but the agent's files. */
export function whyNotState(directory: string): DirectoryProblem | null {
  return whyUnsafeDirectory(directory) ?? whyForeign(directory);
}

/**
 * Who else may change what lies here or on the way to it could become root, since scripts and keys are read from it.
 * Both ways are looked at: the one that was named, whose links could be turned, and the one that it leads to.
 */
export function whyUnsafeDirectory(directory: string): DirectoryProblem | null {
  const named = resolve(directory);
  const real = realpathSync(named);
  const paths = new Set([...pathsDownTo(named), ...pathsDownTo(real)]);
  const what = [...paths].map((path) => whyChangeable(path, path === real)).find((why) => why !== null);
  return what === undefined ? null : { code: 'state-directory-unsafe', what };
}

function whyForeign(directory: string): DirectoryProblem | null {
  const foreign = readdirSync(directory).filter((name) => !OWN_NAMES.test(name));
  if (foreign.length === 0) return null;
  return { code: 'state-directory-foreign', what: `${directory} holds other things than an agent's state` };
}

function whyChangeable(path: string, isLast: boolean): string | null {
  const { uid, mode, isLink, isDirectory } = look(path);
  if (uid !== 0 && uid !== process.geteuid?.()) return `${path} does not belong to root`;
  if (isLink) return null; // Turned only by who can write to the directory that it lies in.
  if (!isDirectory) return `${path} is not a directory`;
  if ((mode & WRITABLE_BY_OTHERS) === 0) return null;
  // Above, where others can only add (as in /tmp), what belongs to root stays in its place.
  const harmless = !isLast && (mode & STICKY) !== 0;
  return harmless ? null : `${path} can be written by others than its owner`;
}

function look(path: string) {
  const stats = lstatSync(path);
  return { uid: stats.uid, mode: stats.mode, isLink: stats.isSymbolicLink(), isDirectory: stats.isDirectory() };
}

/** `/a/b` as `/`, `/a`, `/a/b`. */
function pathsDownTo(path: string): string[] {
  const above = dirname(path);
  return above === path ? [path] : [...pathsDownTo(above), path];
}
