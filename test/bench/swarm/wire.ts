import { randomBytes } from 'node:crypto';
import type { TcpNetConnectOpts } from 'node:net';
import { connect, type ConnectionOptions, type SecureContext } from 'node:tls';

import { GATEWAY_PATH, GATEWAY_SUBPROTOCOL } from '#protocol';

/** RFC 6455: what of the first two bytes of a frame is used here. */
const OPCODE = { text: 0x1, close: 0x8, ping: 0x9, pong: 0xa } as const;
const OPCODE_BITS = 0x0f;
const FINAL = 0x80;
const MASKED = 0x80;
const LENGTH_BITS = 0x7f;
const LENGTH_IN_2_BYTES = 126;
const LENGTH_IN_8_BYTES = 127;
/** Masking keeps caches between browsers and servers from harm; there are none here, and a mask of zeros changes nothing. */
const NO_MASK = Buffer.alloc(4);

export interface WireTarget {
  readonly port: number;
  /** Of the loopback: more connections fit than one address has ports. */
  readonly localAddress: string;
  readonly secureContext: SecureContext;
}

export interface WireHandlers {
  /** TLS and the upgrade are through. */
  onOpen(): void;
  onText(text: string): void;
  /** Once, whoever ended it. */
  onClosed(why: string): void;
}

export interface Wire {
  send(text: string): void;
  end(): void;
}

/** A WebSocket over TLS as cheap as a client can be, since thousands of them share a machine with what is measured. */
export function openWire({ port, localAddress, secureContext }: WireTarget, handlers: WireHandlers): Wire {
  // What it does not know itself it hands on to the socket below.
  const options: ConnectionOptions & TcpNetConnectOpts = { host: '127.0.0.1', port, localAddress, secureContext };
  const socket = connect(options);
  let rest: Buffer = Buffer.alloc(0);
  let open = false;
  let why = 'it was closed';
  socket.setNoDelay(true);
  const write = (opcode: number, payload: Buffer): void => {
    if (!socket.destroyed) socket.write(encode(opcode, payload));
  };
  const onFrame = (opcode: number, payload: Buffer): void => {
    if (opcode === OPCODE.text) handlers.onText(payload.toString('utf8'));
    else if (opcode === OPCODE.ping) write(OPCODE.pong, payload);
    else if (opcode === OPCODE.close) {
      why = `closed: ${payload.subarray(2).toString('utf8')}`;
      write(OPCODE.close, payload);
      socket.end();
    }
  };
  socket.on('secureConnect', () => socket.write(upgradeRequest(port)));
  socket.on('data', (chunk: Buffer) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    if (!open) {
      const end = rest.indexOf('\r\n\r\n');
      if (end < 0) return;
      if (!rest.toString('latin1', 0, end).startsWith('HTTP/1.1 101 ')) {
        why = `the upgrade was refused: ${rest.toString('latin1', 0, end).split('\r\n')[0] ?? ''}`;
        socket.destroy();
        return;
      }
      rest = rest.subarray(end + 4);
      open = true;
      handlers.onOpen();
    }
    rest = takeFrames(rest, onFrame);
  });
  socket.on('error', (error: Error) => (why = error.message));
  socket.on('close', () => {
    handlers.onClosed(why);
  });
  return {
    send(text) {
      write(OPCODE.text, Buffer.from(text, 'utf8'));
    },
    end() {
      socket.destroy();
    },
  };
}

function upgradeRequest(port: number): string {
  return [
    `GET ${GATEWAY_PATH} HTTP/1.1`,
    `Host: 127.0.0.1:${port}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    `Sec-WebSocket-Key: ${randomBytes(16).toString('base64')}`,
    `Sec-WebSocket-Protocol: ${GATEWAY_SUBPROTOCOL}`,
    '\r\n',
  ].join('\r\n');
}

function encode(opcode: number, payload: Buffer): Buffer {
  const { length } = payload;
  const short = length < LENGTH_IN_2_BYTES;
  if (length > 0xffff) throw new RangeError('no agent here sends that much at once');
  const head = Buffer.alloc(short ? 2 : 4);
  head[0] = FINAL | opcode;
  head[1] = MASKED | (short ? length : LENGTH_IN_2_BYTES);
  if (!short) head.writeUInt16BE(length, 2);
  return Buffer.concat([head, NO_MASK, payload]);
}

/** Hands on every whole frame; returns what is left. A server masks nothing and here fragments nothing. */
function takeFrames(buffer: Buffer, onFrame: (opcode: number, payload: Buffer) => void): Buffer {
  let rest = buffer;
  for (;;) {
    const [first, second] = rest;
    if (first === undefined || second === undefined) return rest;
    const short = second & LENGTH_BITS;
    const headBytes = { [LENGTH_IN_2_BYTES]: 4, [LENGTH_IN_8_BYTES]: 10 }[short] ?? 2;
    if (rest.length < headBytes) return rest;
    let length = short;
    if (short === LENGTH_IN_2_BYTES) length = rest.readUInt16BE(2);
    if (short === LENGTH_IN_8_BYTES) length = Number(rest.readBigUInt64BE(2));
    if (rest.length < headBytes + length) return rest;
    onFrame(first & OPCODE_BITS, rest.subarray(headBytes, headBytes + length));
    rest = rest.subarray(headBytes + length);
  }
}
