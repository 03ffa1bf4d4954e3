/**
 * Stands in for the package `koffi` in the executable. Its native part lies beside the executable and is loaded from
 * there alone, only if it is, byte for byte, what the executable was built with, and only if nobody else could change
 * it afterwards. It is never unpacked to anywhere.
 */
import { createHash } from 'node:crypto';
import { closeSync, constants, fstatSync, openSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Put in when the executable is bundled: the file's name, and its SHA-256 in hex. */
declare const ADDON_FILE: string;
declare const ADDON_SHA256: string;

const WRITABLE_BY_OTHERS = 0o022;

function loadAddon(path: string, sha256: string): unknown {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    const { uid, mode } = fstatSync(file);
    if (uid !== 0 && uid !== process.geteuid?.()) throw new Error(`"${path}" belongs to user ${String(uid)}`);
    if ((mode & WRITABLE_BY_OTHERS) !== 0) throw new Error(`others may write to "${path}"`);
    if (createHash('sha256').update(readFileSync(file)).digest('hex') !== sha256) {
      throw new Error(`"${path}" is not the one that belongs to this executable`);
    }
    // By its descriptor: whatever has become of the name, this is the file that was looked at.
    const addon = { exports: {} };
    process.dlopen(addon, `/proc/self/fd/${String(file)}`);
    return addon.exports;
  } finally {
    closeSync(file);
  }
}

export default loadAddon(join(dirname(process.execPath), ADDON_FILE), ADDON_SHA256);
