import { withPins, type KnownInstance } from '#protocol';
import { fileError } from '../config/load.ts';
import { readTrusted } from '../config/trusted-file.ts';
import { clientError, systemCodeOf } from '../errors.ts';
import type { Files } from '../ports.ts';
import { formatKnownInstances, parseKnownInstances } from './known-instances.ts';

const PINS_BYTES_MAX = 64 * 1024 * 1024;

/** The file of pinned identities. */
export interface PinStore {
  readonly path: string;
  /** Rejects for a file that cannot be read whole: a pin that is not seen is a pin that does not hold. */
  load(): Promise<KnownInstance[]>;
  /** Adds to what the file holds by now, so that two commands at once keep each other's pins. */
  add(pins: readonly KnownInstance[]): Promise<void>;
}

export function createPinStore(files: Files, path: string): PinStore {
  const store: PinStore = {
    path,

    async load() {
      const { pins, badLines } = parseKnownInstances((await readTrusted(files, path, PINS_BYTES_MAX)) ?? '');
      if (badLines.length === 0) return pins;
      const details = badLines.map((line) => ({
        subject: `${path}:${line}`,
        code: 'configuration-invalid',
        message: 'the line is not "URL ID NAME FINGERPRINT"',
      }));
      throw clientError('configuration-invalid', details);
    },

    async add(pins) {
      if (pins.length === 0) return;
      const text = formatKnownInstances(withPins(await store.load(), pins));
      await files.writeAtomically(path, text).catch((error: unknown) => {
        throw fileError(path, systemCodeOf(error) ?? 'it cannot be written', error);
      });
    },
  };
  return store;
}
