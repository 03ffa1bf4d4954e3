import type { ResetId } from '#protocol';

/** Where pages are that others lead to, within the console. Names come encoded. */
export function instancePath(name: string): string {
  return `/instances/${encodeURIComponent(name)}`;
}

/** The page of an installation, for that instance. */
export function installPath(name: string): string {
  return `/install?instance=${encodeURIComponent(name)}`;
}

/** The same, where the instance is to replace the identity that it has. */
export function reEnrolPath(name: string): string {
  return `${installPath(name)}&reEnrol=true`;
}

export function resetPath(id: ResetId): string {
  return `/resets/${id}`;
}
