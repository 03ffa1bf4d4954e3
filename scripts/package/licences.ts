/** What the licences of others ask for: their names and texts, with the program. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PackageError } from './failure.ts';
import type { LockedPackage } from './origin.ts';

export interface Licensed {
  readonly locked: LockedPackage;
  /** The unpacked package. */
  readonly directory: string;
}

export async function writeLicences(parts: readonly Licensed[]): Promise<string> {
  const rule = '-'.repeat(80);
  const title = ({ locked }: Licensed) => `${locked.name} ${locked.version} (${locked.license})`;
  const texts = await Promise.all(parts.map(async (part) => `${rule}\n${title(part)}\n\n${await textOf(part)}`));
  const head = 'latchkey-agent holds software of others. What it is, under which licence:';
  return [head, '', ...parts.map((part) => `  ${title(part)}`), '', ...texts].join('\n');
}

async function textOf({ locked, directory }: Licensed): Promise<string> {
  const file = (await readdir(directory)).find((name) => /^licen[cs]e(\.(md|txt))?$/i.test(name));
  if (file === undefined) throw new PackageError(`${locked.name} has no text of its licence.`, 'It cannot be shipped.');
  return `${(await readFile(join(directory, file), 'utf8')).trim()}\n`;
}
