import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

import type { Instance } from './instance.ts';
import { CHECKOUT, PLAIN_ENVIRONMENT } from './places.ts';
import { quote } from './shell.ts';

/** Writes the program by which a person does something on an instance, for root alone, and returns its path. */
export function writeEntryScript(directory: string, instances: readonly Instance[]): string {
  const path = join(directory, 'on');
  const names = instances.map(({ name }) => name);
  // The environment of the demonstration itself: no proxy of the caller's, for one, as the control plane is on loopback.
  const { PATH, HOME, LC_ALL } = PLAIN_ENVIRONMENT;
  const environment = [`PATH=${CHECKOUT}/scripts:${PATH}`, `HOME=${HOME}`, `LC_ALL=${LC_ALL}`].map(quote).join(' ');
  const lines = [
    '#!/bin/sh',
    '# on NAME [COMMAND [ARGUMENT...]]: runs it as root on an instance of the demonstration; without one, a shell.',
    `enter() { exec env -i ${environment} "TERM=$TERM" "$@"; }`,
    'name=$1',
    '[ $# -eq 0 ] || shift',
    '[ $# -gt 0 ] || set -- bash',
    'case $name in',
    ...instances.map(({ name, entry }) => `${name}) enter ${entry.map(quote).join(' ')} "$@" ;;`),
    `*) echo "usage: $0 ${names.join('|')} [COMMAND [ARGUMENT...]]" >&2; exit 2 ;;`,
    'esac',
    '',
  ];
  writeFileSync(path, lines.join('\n'), { mode: 0o700 });
  return path;
}
