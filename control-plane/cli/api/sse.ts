/** One event of a stream of server-sent events (WHATWG HTML, section 9.2); comments and `retry` are left out. */
export interface ServerSentEvent {
  readonly event: string;
  readonly data: string;
}

/** Several times what the control plane promises not to exceed. */
const EVENT_CHARS_MAX = 4 * 1024 * 1024;

export class EventTooLarge extends Error {}

/** Parses a stream that arrives in pieces cut anywhere, within a character too. */
export function createSseParser(eventCharsMax = EVENT_CHARS_MAX) {
  const decoder = new TextDecoder();
  /** The pieces of the line that has not ended; each piece is searched once, however long the line gets. */
  let line: string[] = [];
  let endedInReturn = false;
  let event = '';
  let data: string[] = [];
  let size = 0;

  function grow(chars: number) {
    size += chars;
    if (size > eventCharsMax) throw new EventTooLarge('an event is too large');
  }

  function* takeLine(text: string): Generator<ServerSentEvent> {
    if (text === '') {
      if (data.length > 0) yield { event: event === '' ? 'message' : event, data: data.join('\n') };
      event = '';
      data = [];
      size = 0;
      return;
    }
    const colon = text.indexOf(':');
    if (colon === 0) return; // A comment: the stream is alive.
    const name = colon === -1 ? text : text.slice(0, colon);
    const value = colon === -1 ? '' : text.slice(colon + 1).replace(/^ /, '');
    if (name === 'event') event = value;
    if (name === 'data') data.push(value);
  }

  return {
    /** The events that these bytes complete. Throws `EventTooLarge`. */
    *feed(bytes: Uint8Array): Generator<ServerSentEvent> {
      const text = decoder.decode(bytes, { stream: true });
      // A line ends in CR, LF or both, and both may come in two pieces.
      const fresh = endedInReturn ? text.replace(/^\n/, '') : text;
      if (text !== '') endedInReturn = text.endsWith('\r');
      let start = 0;
      for (const match of fresh.matchAll(/\r\n|\r|\n/g)) {
        line.push(fresh.slice(start, match.index));
        grow(match.index - start);
        start = match.index + match[0].length;
        const whole = line.join('');
        line = [];
        yield* takeLine(whole);
      }
      line.push(fresh.slice(start));
      grow(fresh.length - start);
    },
  };
}
