import { GATEWAY_PATH, GATEWAY_SUBPROTOCOL } from '#protocol';
import type { TLSSocket } from 'node:tls';
import type { Dial } from './tls.ts';

export const OPCODES = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
const ANSWER_MS_MAX = 30_000;

export interface FrameShape {
  readonly opcode: number;
  readonly final?: boolean;
  /** RSV1 to RSV3, as the three bits stand in the first byte. */
  readonly reserved?: number;
  readonly masked?: boolean;
  /** What the head says of the length, where that is a lie. */
  readonly length?: number;
}

/** A frame as a client sends it (RFC 6455, section 5.2). The mask is zero, so that what is sent can be read. */
export function frameBytes(payload: Uint8Array, shape: FrameShape): Buffer {
  const { opcode, final = true, reserved = 0, masked = true, length = payload.length } = shape;
  const head = [(final ? 0x80 : 0) | (reserved << 4) | opcode];
  const mask = masked ? 0x80 : 0;
  const size = Buffer.alloc(8);
  if (length < 126) head.push(mask | length);
  else if (length < 65_536) {
    size.writeUInt16BE(length);
    head.push(mask | 126, ...size.subarray(0, 2));
  } else {
    size.writeBigUInt64BE(BigInt(length));
    head.push(mask | 127, ...size);
  }
  return Buffer.concat([Buffer.from(head), Buffer.alloc(masked ? 4 : 0), payload]);
}

/** The end of a connection: the code of its close frame, or null where it was just cut. */
export interface End {
  readonly code: number | null;
  readonly reason: string;
}

/** One connection to the gateway, on which anything may be sent. */
export interface RawWebSocket {
  readonly ended: Promise<End>;
  readonly isOpen: () => boolean;
  /** Called once, when it has ended. */
  onEnd: (end: End) => void;
  /** Called for each text that comes. */
  onText: (text: string) => void;
  text(text: string | Uint8Array): void;
  raw(bytes: Uint8Array): void;
  /** Cuts it. */
  drop(): void;
}

export const UPGRADE = [
  `GET ${GATEWAY_PATH} HTTP/1.1`,
  'host: localhost',
  'connection: Upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==',
  `sec-websocket-protocol: ${GATEWAY_SUBPROTOCOL}`,
] as const;

/** Opens a connection; null where the upgrade was refused, which good words are not. */
export async function openRawWebSocket(dial: Dial, upgrade: readonly string[] = UPGRADE): Promise<RawWebSocket | null> {
  const socket = await dial();
  socket.write(`${upgrade.join('\r\n')}\r\n\r\n`, 'latin1');
  const { head, rest } = await headOf(socket);
  if (!head.startsWith('HTTP/1.1 101 ')) {
    socket.destroy();
    if (!/^HTTP\/1\.1 (400|403|404|405|426|431|503) /.test(head))
      throw new Error(`an upgrade got: ${head.slice(0, 100)}`);
    return null;
  }
  return overSocket(socket, rest);
}

function headOf(socket: TLSSocket): Promise<{ head: string; rest: Buffer }> {
  return new Promise((resolve, reject) => {
    let gathered = Buffer.alloc(0);
    const give = (end: () => void): void => {
      clearTimeout(timer);
      socket.off('data', onData).off('close', onClose);
      end();
    };
    const onData = (chunk: Buffer): void => {
      gathered = Buffer.concat([gathered, chunk]);
      const at = gathered.indexOf('\r\n\r\n');
      const found = { head: gathered.subarray(0, at).toString('latin1'), rest: gathered.subarray(at + 4) };
      if (at >= 0) give(() => resolve(found));
    };
    const onClose = (): void => give(() => reject(new Error('the upgrade was cut off')));
    const timer = setTimeout(() => give(() => reject(new Error('the upgrade was not answered'))), ANSWER_MS_MAX);
    socket.on('data', onData).on('close', onClose);
  });
}

function overSocket(socket: TLSSocket, first: Buffer): RawWebSocket {
  let gathered = first;
  let open = true;
  let end: End = { code: null, reason: '' };
  const connection: RawWebSocket = {
    ended: new Promise((resolve) => {
      socket.once('close', () => {
        open = false;
        connection.onEnd(end);
        resolve(end);
      });
    }),
    isOpen: () => open,
    onText: () => undefined,
    onEnd: () => undefined,
    text: (text) => socket.write(frameBytes(Buffer.from(text), { opcode: OPCODES.text })),
    raw: (bytes) => socket.write(bytes),
    drop: () => socket.destroy(),
  };
  const onFrame = (opcode: number, payload: Buffer): void => {
    if (opcode === OPCODES.text) connection.onText(payload.toString('utf8'));
    if (opcode !== OPCODES.close) return;
    open = false;
    end = { code: payload.length >= 2 ? payload.readUInt16BE(0) : 1005, reason: payload.subarray(2).toString('utf8') };
    // The server waits for an answer to its close, a while.
    socket.end(frameBytes(payload.subarray(0, 2), { opcode: OPCODES.close }));
  };
  const read = (): void => {
    for (let next = frameIn(gathered); next !== null && open; next = frameIn(gathered)) {
      gathered = gathered.subarray(next.bytes);
      onFrame(next.opcode, next.payload);
    }
  };
  socket.on('data', (chunk: Buffer) => {
    gathered = gathered.length === 0 ? chunk : Buffer.concat([gathered, chunk]);
    read();
  });
  read();
  return connection;
}

/** The first frame of what a server has sent, if it is whole. Servers do not mask, and ours does not fragment. */
function frameIn(bytes: Buffer): { readonly bytes: number; readonly opcode: number; readonly payload: Buffer } | null {
  if (bytes.length < 2) return null;
  const short = bytes.readUInt8(1) & 0x7f;
  const head = short === 126 ? 4 : short === 127 ? 10 : 2;
  if (bytes.length < head) return null;
  const length = short === 126 ? bytes.readUInt16BE(2) : short === 127 ? Number(bytes.readBigUInt64BE(2)) : short;
  if (bytes.length < head + length) return null;
  return { bytes: head + length, opcode: bytes.readUInt8(0) & 0x0f, payload: bytes.subarray(head, head + length) };
}
