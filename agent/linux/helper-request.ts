/** What the verification helper is asked, as it goes through its standard input. */

export interface HelperRequest {
  account: string;
  /** False: compare the hash only. */
  authenticate: boolean;
  /** The stored hash without its lock marks; null where there is none. */
  hash: string | null;
}

const INPUT_BYTES_MAX = 8 * 1024;
/** Of the JSON and of the password, 4 bytes each, big-endian. */
const LENGTHS_BYTES = 8;

/**
 * Two lengths, the request as JSON, the password. With its length before it, since the end of an input comes later than
 * the input: whoever writes it has other things to do in between.
 */
export function frameRequest(request: HelperRequest, password: Uint8Array): Buffer {
  const json = Buffer.from(JSON.stringify(request));
  const frame = Buffer.alloc(LENGTHS_BYTES + json.length + password.length);
  frame.writeUInt32BE(json.length, 0);
  frame.writeUInt32BE(password.length, 4);
  json.copy(frame, LENGTHS_BYTES);
  frame.set(password, LENGTHS_BYTES + json.length);
  return frame;
}

/**
 * `read` fills its argument from the start, as far as there is something, and says how far; 0 is the end. The password has
 * a NUL byte behind it, for C. Null where the input ends too early. Throws where it is too large.
 */
export function readRequest(
  read: (into: Uint8Array) => number,
): { readonly request: HelperRequest; readonly password: Buffer } | null {
  const lengths = readBytes(read, LENGTHS_BYTES);
  if (lengths === null) return null;
  const [jsonBytes, passwordBytes] = [lengths.readUInt32BE(0), lengths.readUInt32BE(4)];
  if (jsonBytes + passwordBytes > INPUT_BYTES_MAX) throw new Error('request too large');
  const rest = readBytes(read, jsonBytes + passwordBytes, 1);
  if (rest === null) return null;
  const request = JSON.parse(rest.toString('utf8', 0, jsonBytes)) as HelperRequest;
  return { request, password: rest.subarray(jsonBytes) };
}

/** So many bytes, and zeros behind them; null where the input ends before. */
function readBytes(read: (into: Uint8Array) => number, count: number, room = 0): Buffer | null {
  const buffer = Buffer.alloc(count + room);
  for (let length = 0; length < count;) {
    const more = read(buffer.subarray(length, count));
    if (more === 0) return null;
    length += more;
  }
  return buffer;
}
