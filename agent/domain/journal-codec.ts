import { crc32 } from 'node:zlib';
import { fromUtf8, utf8 } from '#protocol';

/**
 * The journal's lines: `CCCCCCCC {json}\n`, the checksum (CRC-32, hex) over the JSON's bytes. Behind them may be room for
 * more, NUL bytes. A crash in the middle of an append leaves a bad end; or a line with NUL bytes in it, where the disk took
 * the end of that append before its beginning. Neither was promised to anybody. Any other bad line before a good one is
 * damage.
 */
export interface DecodedJournal {
  /** The JSON values of all good lines, in order. */
  readonly values: readonly unknown[];
  /** Bad lines with good ones behind them, as they are on disk. */
  readonly damaged: readonly Uint8Array[];
  /** How many bytes belong to an append that did not finish. */
  readonly tornBytes: number;
}

const NEWLINE = 0x0a;
const NUL = 0;
/** An append has two records at the most: behind one that is not whole, no more than one can be. */
const GOOD_BEHIND_TORN_MAX = 1;
const CHECKSUM_CHARS = 8;

export function encodeJournalLine(value: unknown): Uint8Array {
  const json = utf8(JSON.stringify(value));
  const line = new Uint8Array(CHECKSUM_CHARS + 1 + json.length + 1);
  line.set(utf8(`${crc32(json).toString(16).padStart(CHECKSUM_CHARS, '0')} `));
  line.set(json, CHECKSUM_CHARS + 1);
  line[line.length - 1] = NEWLINE;
  return line;
}

export function decodeJournal(file: Uint8Array): DecodedJournal {
  const bytes = file.subarray(0, file.findLastIndex((byte) => byte !== NUL) + 1);
  const values: unknown[] = [];
  /** Bad lines, and how many good ones were before each. */
  const bad: { readonly line: Uint8Array; readonly goodBefore: number }[] = [];
  let start = 0;
  while (start < bytes.length) {
    const newline = bytes.indexOf(NEWLINE, start);
    const end = newline === -1 ? bytes.length : newline;
    const line = bytes.subarray(start, end);
    const decoded = newline === -1 ? null : decodeLine(line);
    if (decoded === null) bad.push({ line, goodBefore: values.length });
    else values.push(decoded.value);
    start = end + 1;
  }
  const isTorn = ({ line, goodBefore }: (typeof bad)[number]) =>
    values.length - goodBefore <= (line.includes(NUL) ? GOOD_BEHIND_TORN_MAX : 0);
  const damaged = bad.filter((entry) => !isTorn(entry)).map(({ line }) => line);
  const tornBytes = bad.filter(isTorn).reduce((sum, { line }) => sum + line.length + 1, 0);
  return { values, damaged, tornBytes };
}

function decodeLine(line: Uint8Array): { value: unknown } | null {
  try {
    const checksum = fromUtf8(line.subarray(0, CHECKSUM_CHARS));
    const json = line.subarray(CHECKSUM_CHARS + 1);
    if (!/^[0-9a-f]{8}$/.test(checksum) || crc32(json) !== Number.parseInt(checksum, 16)) return null;
    return { value: JSON.parse(fromUtf8(json)) as unknown };
  } catch {
    return null;
  }
}
