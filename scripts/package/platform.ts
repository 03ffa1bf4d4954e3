import { PackageError } from './failure.ts';

export type Architecture = 'x64' | 'arm64';

export interface Platform {
  /** As the archive and its statement name it. */
  readonly name: `linux-${Architecture}`;
  readonly architecture: Architecture;
}

/** This machine's. Others need their own machine: strip and the proof that the executable starts are not for strangers. */
export function thisPlatform(os: string = process.platform, architecture: string = process.arch): Platform {
  if (os !== 'linux' || (architecture !== 'x64' && architecture !== 'arm64')) {
    throw new PackageError(`There is no executable for ${os} on ${architecture}.`, 'Build it on Linux, x64 or arm64.');
  }
  return { name: `linux-${architecture}`, architecture };
}
