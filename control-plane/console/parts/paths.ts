import type { ResetId } from '#protocol';

/** Where pages are that others lead to, within the console. Names come encoded. */
export function instancePath(name: string): string {
  return `/instances/${encodeURIComponent(name)}`;
}

/** The page of an installation, for that instance. */
export function installPath(name: string): string {
  return `/install?instance=${encodeURIComponent(name)}`;
}

export function resetPath(id: ResetId): string {
  return `/resets/${id}`;
}
