/** The keys that mean something; everything else belongs to the line. */
const KEY = {
  endOfText: 0x03, // Ctrl-C
  endOfTransmission: 0x04, // Ctrl-D
  backspace: 0x08,
  lineFeed: 0x0a,
  carriageReturn: 0x0d,
  eraseLine: 0x15, // Ctrl-U
  escape: 0x1b,
  delete: 0x7f,
} as const;

const LINE_BYTES_MAX = 1_024;

export type HiddenInput = 'more' | 'line' | 'cancelled' | 'too-long';

/**
 * The line that somebody types unseen, byte by byte, in one buffer that is never copied by growing. Escape sequences
 * (arrow keys, the marks around a paste) are passed over.
 */
export function createHiddenLine() {
  const buffer = Buffer.alloc(LINE_BYTES_MAX);
  let length = 0;
  let sequence: 'none' | 'escape' | 'control' = 'none';

  function eraseCharacter() {
    // Bytes 10xxxxxx continue a character of UTF-8.
    do {
      if (length === 0) return;
      length -= 1;
    } while (((buffer[length] ?? 0) & 0xc0) === 0x80);
  }

  return {
    /** Takes one byte and says whether the line goes on. */
    type(byte: number): HiddenInput {
      if (sequence === 'escape') {
        sequence = byte === 0x5b || byte === 0x4f ? 'control' : 'none'; // ESC [ and ESC O go on.
        return 'more';
      }
      if (sequence === 'control') {
        if (byte >= 0x40 && byte <= 0x7e) sequence = 'none';
        return 'more';
      }
      switch (byte) {
        case KEY.lineFeed:
        case KEY.carriageReturn:
          return 'line';
        case KEY.endOfText:
          return 'cancelled';
        case KEY.endOfTransmission:
          return length === 0 ? 'cancelled' : 'line';
        case KEY.backspace:
        case KEY.delete:
          eraseCharacter();
          return 'more';
        case KEY.eraseLine:
          length = 0;
          return 'more';
        case KEY.escape:
          sequence = 'escape';
          return 'more';
        default:
          if (length === LINE_BYTES_MAX) return 'too-long';
          buffer[length] = byte;
          length += 1;
          return 'more';
      }
    },
    /** A copy of the line, for the caller to zero. */
    take: (): Buffer => Buffer.from(buffer.subarray(0, length)),
    /** Zeroes what was typed, also what was erased since. */
    wipe: () => buffer.fill(0),
  };
}
