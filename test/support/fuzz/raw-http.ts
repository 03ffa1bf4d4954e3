import type { TLSSocket } from 'node:tls';
import type { Dial } from './tls.ts';

const ANSWER_MS_MAX = 30_000;
/** For an answer to what may not be a whole request. */
const PATIENCE_MS = 100;
const CONTINUE = 100;

export interface RawAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly retryAfter: string | null;
  /** Empty for a stream that does not end by itself. */
  readonly body: string;
}

/** One caller that keeps its connection, and writes requests as bytes that no library would. */
export interface RawHttp {
  /** Null where the server ended the connection without a word: only for what is not HTTP. */
  ask(request: Uint8Array): Promise<RawAnswer | null>;
  /** Like it, but hangs up after a short while without an answer, and in any case after one. */
  askInVain(request: Uint8Array): Promise<RawAnswer | null>;
  /** Writes, and hangs up before there can be an answer. */
  breakOff(bytes: Uint8Array): Promise<void>;
  close(): void;
}

export function createRawHttp(dial: Dial): RawHttp {
  let kept: TLSSocket | null = null;
  const socketOf = async (): Promise<TLSSocket> => {
    if (kept === null || kept.destroyed || !kept.writable || kept.readableEnded) kept = await dial();
    return kept;
  };
  const end = (): void => {
    kept?.destroy();
    kept = null;
  };
  return {
    async ask(request) {
      const { answer, isLast } = await exchange(await socketOf(), request);
      if (isLast) end();
      return answer;
    },
    async askInVain(request) {
      const { answer } = await exchange(await socketOf(), request, PATIENCE_MS);
      end();
      return answer;
    },
    async breakOff(bytes) {
      const socket = await socketOf();
      await new Promise((resolve) => socket.write(bytes, resolve));
      end();
    },
    close: end,
  };
}

/** A request as an honest client writes it. */
export function requestBytes(method: string, path: string, body: string): Buffer {
  const length = `content-length: ${String(Buffer.byteLength(body))}`;
  const head = [`${method} ${path} HTTP/1.1`, 'host: localhost', 'content-type: application/json', length];
  return Buffer.from(`${head.join('\r\n')}\r\n\r\n${body}`);
}

interface Exchanged {
  readonly answer: RawAnswer | null;
  readonly isLast: boolean;
}

function exchange(socket: TLSSocket, request: Uint8Array, patienceMs?: number): Promise<Exchanged> {
  // Whose answer says how long its body would be, and has none.
  const isHead = Buffer.from(request.subarray(0, 5)).toString('latin1') === 'HEAD ';
  return new Promise((resolve, reject) => {
    let gathered: Buffer = Buffer.alloc(0);
    const give = (end: () => void): void => {
      clearTimeout(timer);
      socket.off('data', onData).off('close', onClose);
      end();
    };
    const onData = (chunk: Buffer): void => {
      gathered = gathered.length === 0 ? chunk : Buffer.concat([gathered, chunk]);
      let found: Exchanged | null;
      try {
        found = answerIn(gathered, isHead);
      } catch (error) {
        give(() => reject(error instanceof Error ? error : new Error('unreadable', { cause: error })));
        return;
      }
      if (found !== null) give(() => resolve(found));
    };
    const onClose = (): void => give(() => resolve({ answer: null, isLast: true }));
    const timer = setTimeout(() => {
      if (patienceMs === undefined) give(() => reject(new Error('the request was not answered')));
      else onClose();
    }, patienceMs ?? ANSWER_MS_MAX);
    socket.on('data', onData).on('close', onClose);
    socket.write(request);
  });
}

/** The first answer in what has come, if it is whole. */
function answerIn(bytes: Buffer, isHead: boolean): Exchanged | null {
  const at = bytes.indexOf('\r\n\r\n');
  if (at < 0) return null;
  const head = bytes.subarray(0, at).toString('latin1');
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(head)?.[1]);
  if (!Number.isInteger(status)) throw new Error(`not an answer of HTTP: ${head.slice(0, 80)}`);
  if (status === CONTINUE) return answerIn(bytes.subarray(at + 4), isHead);
  const field = (name: string): string | null => new RegExp(`^${name}: *(.*)$`, 'im').exec(head)?.[1] ?? null;
  const contentType = field('content-type') ?? '';
  const isStream = contentType.startsWith('text/event-stream');
  const body =
    isStream || isHead
      ? ''
      : bodyIn(bytes.subarray(at + 4), status, field('content-length'), field('transfer-encoding'));
  if (body === null) return null;
  const isLast = isStream || /^close$/i.test(field('connection') ?? '');
  return { answer: { status, contentType, retryAfter: field('retry-after'), body }, isLast };
}

function bodyIn(bytes: Buffer, status: number, length: string | null, encoding: string | null): string | null {
  if (status === 204 || status === 304) return '';
  if (encoding === null) {
    const wanted = Number(length ?? '0');
    return bytes.length < wanted ? null : bytes.subarray(0, wanted).toString('utf8');
  }
  const chunks: Buffer[] = [];
  for (let rest = bytes; ;) {
    const at = rest.indexOf('\r\n');
    if (at < 0) return null;
    const size = Number.parseInt(rest.subarray(0, at).toString('latin1'), 16);
    if (rest.length < at + 2 + size + 2) return null;
    if (size === 0) return Buffer.concat(chunks).toString('utf8');
    chunks.push(rest.subarray(at + 2, at + 2 + size));
    rest = rest.subarray(at + 2 + size + 2);
  }
}
