import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { ConsoleFile, ConsoleFiles } from './http/routes/console-files.ts';

/** Where `npm run build:console` puts the pages. */
const BUILT = fileURLToPath(new URL('../../.cache/console', import.meta.url));
const COMPRESSED = '.br';

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** Reads the built console into memory, so that no path that is asked for ever reaches a file. Null: it is not built. */
export function readConsoleFiles(directory = BUILT): ConsoleFiles | null {
  if (!existsSync(join(directory, 'index.html'))) return null;
  const files = new Map<string, ConsoleFile>();
  for (const name of readdirSync(directory, { recursive: true, encoding: 'utf8' })) {
    const contentType = TYPES[extname(name)];
    if (contentType === undefined) continue;
    const bytes = readFileSync(join(directory, name));
    const compressed = join(directory, name + COMPRESSED);
    files.set(name, {
      contentType,
      bytes,
      brotli: existsSync(compressed) ? readFileSync(compressed) : null,
      etag: `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`,
      // The build names these by what is in them.
      isImmutable: name.startsWith('assets/'),
    });
  }
  return files;
}
