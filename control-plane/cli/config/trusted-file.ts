import { clientError, CliError, systemCodeOf } from '../errors.ts';
import type { Files } from '../ports.ts';
import { fileError } from './load.ts';

/**
 * The text of a file that decides whom this program believes: null when there is none. Refused, like ssh does, when
 * somebody else could have written it, or could take it away, which would have every identity trusted anew.
 */
export async function readTrusted(files: Files, path: string, bytesMax: number): Promise<string | null> {
  try {
    const weakness = await files.weakness(path);
    if (weakness !== null) {
      throw clientError('state-exposed', [{ subject: path, code: 'state-exposed', message: weakness }]);
    }
    return (await files.read(path, bytesMax))?.text ?? null;
  } catch (error) {
    if (error instanceof CliError) throw error;
    throw fileError(path, systemCodeOf(error) ?? 'it cannot be read', error);
  }
}
