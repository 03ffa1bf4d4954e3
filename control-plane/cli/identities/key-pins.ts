import { fingerprintOf, isPrintable, Thumbprint } from '#protocol';
import { fileError } from '../config/load.ts';
import { readTrusted } from '../config/trusted-file.ts';
import { clientError, systemCodeOf, usageError } from '../errors.ts';
import type { Files } from '../ports.ts';

/** One key of each control plane, as this user has seen it first: one line each, `URL FINGERPRINT`. */
export interface KeyPins {
  /** Null before the first use. Rejects for a file that cannot be read whole. */
  find(server: string): Promise<Thumbprint | null>;
  pin(server: string, key: Thumbprint): Promise<void>;
}

const BYTES_MAX = 1024 * 1024;

/** `what` the keys are for: "sign releases of the agent". */
export function createKeyPins(files: Files, path: string, what: string): KeyPins {
  const heading = `# Keys that ${what}, as this user has seen them: control plane, fingerprint.\n`;
  const load = async (): Promise<Map<string, Thumbprint>> => {
    return parse(path, (await readTrusted(files, path, BYTES_MAX)) ?? '');
  };
  return {
    find: async (server) => (await load()).get(server) ?? null,
    async pin(server, key) {
      const pins = (await load()).set(server, key);
      const lines = [...pins].map(([url, pinned]) => `${url} ${fingerprintOf(pinned)}\n`);
      await files.writeAtomically(path, heading + lines.join('')).catch((error: unknown) => {
        throw fileError(path, systemCodeOf(error) ?? 'it cannot be written', error);
      });
    },
  };
}

function parse(path: string, text: string): Map<string, Thumbprint> {
  const pins = new Map<string, Thumbprint>();
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue;
    const [server = '', fingerprint = '', ...more] = line.trim().split(/ +/);
    const key = Thumbprint.safeParse(fingerprint.replace(/^SHA256:/, ''));
    if (!key.success || more.length > 0 || !isPrintable(line)) {
      throw clientError('configuration-invalid', [
        {
          subject: `${path}:${String(at + 1)}`,
          code: 'configuration-invalid',
          message: 'the line is not "URL FINGERPRINT"',
        },
      ]);
    }
    pins.set(server, key.data);
  }
  return pins;
}

/** As an operator names a key; `flag` is how. */
export function readFingerprint(flag: string, text: string): Thumbprint {
  const key = Thumbprint.safeParse(text.replace(/^SHA256:/, ''));
  if (key.success) return key.data;
  throw usageError(flag, 'is not the fingerprint of a key, such as SHA256:….');
}
