import {
  AgentFrame,
  FRAME_BYTES_MAX,
  UNPROVEN_FRAME_BYTES_MAX,
  decodeAgentFrame,
  closeReasonOf,
  toBase64Url,
  type Nonce,
  type ServerFrame,
} from '#protocol';
import type { Prng } from '../../simulation/engine/prng.ts';
import type { FakeIdentity } from '../fake-agent.ts';
import { proofFor } from './agents.ts';
import { mutateBytes, mutateText, mutateValue, textOf } from './mutations.ts';
import {
  OPCODES,
  UPGRADE,
  frameBytes,
  openRawWebSocket,
  type End,
  type FrameShape,
  type RawWebSocket,
} from './raw-websocket.ts';
import type { Dial } from './tls.ts';
import type { Values } from './values.ts';

/** What a hostile agent knows: an identity of its own, and what it has overheard. */
export interface FramesDeps {
  readonly dial: Dial;
  /** The identity that this conversation may use; nobody else uses it at the same time. */
  readonly identity: FakeIdentity;
  readonly values: Values;
  /** Frames of earlier sessions, to be sent again; what is sent now is added. */
  readonly overheard: string[];
}

/** What came of one conversation. */
export interface Conversation {
  /** Frames, or pieces of them, that were sent while the connection was open. */
  readonly frames: number;
  readonly kind: Kind;
  readonly end: End | null;
  /** In words, for whoever repeats it. */
  readonly said: readonly string[];
}

const KINDS = ['upgrade', 'wire', 'stranger', 'prover', 'session', 'session'] as const;
type Kind = (typeof KINDS)[number];

const WELL_FORMED_MAX = 14;
const OVERHEARD_MAX = 500;
/** Close codes of `ws` itself: protocol error, bad UTF-8, too large, no status. */
const OF_THE_WIRE: readonly number[] = [1000, 1002, 1005, 1006, 1007, 1009];
const SAID_CHARS_MAX = 300;

/** One conversation with the gateway. Throws where the server does not do what it must. */
export async function converse(deps: FramesDeps, prng: Prng): Promise<Conversation> {
  const kind = prng.pick(KINDS);
  const said: string[] = [];
  try {
    if (kind === 'upgrade') return { frames: 1, kind, said, end: await tryUpgrade(deps, prng, said) };
    const socket = await openRawWebSocket(deps.dial);
    if (socket === null) throw new Error('a good upgrade was refused');
    const speaker = createSpeaker(deps, prng, socket, said);
    await SPEECHES[kind](speaker);
    const end = await socket.ended;
    judge(kind, end);
    return { frames: speaker.sent(), kind, said, end };
  } catch (error) {
    throw new Error(`${kind}: ${said.join(' | ')}`, { cause: error });
  }
}

/** Every end has a code of ours, or one of the wire where the wire was broken; ours never says that the server failed. */
function judge(kind: Kind, { code, reason }: End): void {
  const ours = code === null ? null : closeReasonOf(code);
  if (ours === 'internal-failure') throw new Error('the server says that it failed');
  if (ours !== null || code === null) return;
  if (!OF_THE_WIRE.includes(code)) throw new Error(`it was closed with ${String(code)} ${reason}`);
  if (kind !== 'wire' && code !== 1007 && code !== 1009)
    throw new Error(`closed as a fault of the wire: ${String(code)}`);
}

interface Speaker {
  readonly deps: FramesDeps;
  readonly prng: Prng;
  readonly socket: RawWebSocket;
  readonly sent: () => number;
  /** The next frame of that type that the server sends; null when the connection has ended instead. */
  readonly hear: <T extends ServerFrame['type']>(type: T) => Promise<Extract<ServerFrame, { type: T }> | null>;
  readonly say: (text: string | Uint8Array) => void;
  readonly wire: (bytes: Uint8Array, what: string) => void;
  /** A frame with a fault; the server must close because of it. */
  readonly err: (message: unknown, bytesMax: number) => Promise<void>;
  readonly good: () => AgentFrame;
  readonly nonce: Nonce;
}

const SILENCE_MS_MAX = 30_000;
/** For an answer to bytes that may not be a whole frame. */
const PATIENCE_MS = 100;

function createSpeaker(deps: FramesDeps, prng: Prng, socket: RawWebSocket, said: string[]): Speaker {
  const heard: ServerFrame[] = [];
  let sent = 0;
  let onNews: () => void = () => undefined;
  const hearOf = <T extends ServerFrame['type']>(type: T) =>
    new Promise<Extract<ServerFrame, { type: T }> | null>((resolve) => {
      onNews = () => {
        const found = heard.find((frame): frame is Extract<ServerFrame, { type: T }> => frame.type === type);
        if (found !== undefined) resolve(found);
        else if (!socket.isOpen()) resolve(null);
      };
      onNews();
    });
  socket.onEnd = () => onNews();
  const note = (what: string): void => {
    sent += 1;
    said.push(what.slice(0, SAID_CHARS_MAX));
  };
  const say = (text: string | Uint8Array): void => {
    if (!socket.isOpen()) return;
    note(Buffer.from(text).toString('utf8'));
    if (typeof text === 'string' && text.length < 4_000) {
      deps.overheard[deps.overheard.length < OVERHEARD_MAX ? deps.overheard.length : prng.int(0, OVERHEARD_MAX - 1)] =
        text;
    }
    socket.text(text);
  };
  socket.onText = (text) => {
    const frame = JSON.parse(text) as ServerFrame;
    heard.push(frame);
    // Whoever does not answer is asked for five seconds, in the place of the next conversation.
    if (frame.type === 'liveness-challenge')
      socket.text(textOf({ type: 'liveness-answer', challenge: frame.challenge }));
    onNews();
  };
  return {
    ...{ deps, prng, socket, say, sent: () => sent },
    nonce: toBase64Url(prng.bytes(32)) as Nonce,
    good: () => deps.values.make(AgentFrame, prng) as AgentFrame,
    wire(bytes, what) {
      if (!socket.isOpen()) return;
      note(what);
      socket.raw(bytes);
    },
    hear: (type) => within(`the server to say ${type}`, hearOf(type)),
    async err(message, bytesMax) {
      const text = faulty(message, prng);
      say(text);
      const isRefused = typeof text !== 'string' || !decodeAgentFrame(text, bytesMax).ok;
      if (!isRefused) socket.drop();
      await within(`the server to close after ${isRefused ? 'a bad frame' : 'a cut'}`, socket.ended);
    },
  };
}

async function within<T>(what: string, promise: Promise<T>): Promise<T> {
  const over = new AbortController();
  const limit = new Promise<never>((_, reject) => {
    const timer = setTimeout(() => reject(new Error(`gave up waiting for ${what}`)), SILENCE_MS_MAX);
    over.signal.addEventListener('abort', () => clearTimeout(timer));
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    over.abort();
  }
}

/** Text or bytes of a message with a fault, mostly one that a reader of JSON does not find. */
function faulty(message: unknown, prng: Prng): string | Uint8Array {
  const what = prng.int(0, 99);
  if (what < 70) return textOf(mutateValue(message, prng));
  if (what < 92) return mutateText(textOf(message), prng);
  if (what < 97) return mutateBytes(textOf(message), prng);
  const length = prng.pick([UNPROVEN_FRAME_BYTES_MAX, FRAME_BYTES_MAX]) + prng.int(-1, 1);
  const text = textOf(message);
  return text + ' '.repeat(Math.max(0, length - Buffer.byteLength(text)));
}

const SPEECHES: Record<Exclude<Kind, 'upgrade'>, (speaker: Speaker) => Promise<void>> = {
  wire: breakTheWire,
  /** Somebody whom the server does not know, with a bad frame or one out of turn. */
  stranger: async ({ prng, deps, good, say, err, socket }) => {
    const what = prng.int(0, 3);
    if (what === 0 && deps.overheard.length > 0) say(prng.pick(deps.overheard));
    if (what === 1) say(textOf(good()));
    if (what === 2) say(textOf(helloOf(deps.identity, toBase64Url(prng.bytes(32)) as Nonce)));
    if (socket.isOpen()) await err(good(), UNPROVEN_FRAME_BYTES_MAX);
  },
  /** A hello that is good, and a proof that is not. */
  prover: async (speaker) => {
    const { prng, deps, say, hear, err, nonce } = speaker;
    say(textOf(helloOf(deps.identity, nonce)));
    const answer = await hear('server-proof');
    if (answer === null) return;
    const proof = await proofFor(deps.identity, nonce, answer);
    if (prng.chance(0.1)) say(textOf({ ...proof, signature: toBase64Url(prng.bytes(64)) }));
    else if (prng.chance(0.1)) say(prng.pick(deps.overheard));
    else await err(proof, UNPROVEN_FRAME_BYTES_MAX);
    speaker.socket.drop();
  },
  /** A session that is proven: frames that can be read and mean nothing good, and one that cannot. */
  session: async (speaker) => {
    const { prng, deps, say, hear, err, good, nonce, socket } = speaker;
    say(textOf(helloOf(deps.identity, nonce)));
    const answer = await hear('server-proof');
    if (answer === null) return;
    say(textOf(await proofFor(deps.identity, nonce, answer)));
    const welcome = await hear('welcome');
    if (welcome === null) return;
    deps.identity.continuity = welcome.continuity;
    for (let left = prng.int(0, WELL_FORMED_MAX); left > 0 && socket.isOpen(); left -= 1) {
      const frame = good();
      const isOutOfTurn = frame.type === 'hello' || frame.type === 'agent-proof';
      // One out of turn ends the session: seldom, or nothing else would be tried behind it.
      if (isOutOfTurn && !prng.chance(0.05)) continue;
      say(prng.chance(0.05) && deps.overheard.length > 0 ? prng.pick(deps.overheard) : textOf(frame));
    }
    await err(good(), FRAME_BYTES_MAX);
  },
};

function helloOf(identity: FakeIdentity, nonce: Nonce) {
  const { instanceId, signer } = identity;
  const who = { role: 'agent', instanceId, identity: signer.key } as const;
  return { type: 'hello', protocols: [1], ...who, nonce, keySetVersion: 1 } as const;
}

/** Frames of WebSocket that no library would send. */
async function breakTheWire({ prng, socket, wire, good }: Speaker): Promise<void> {
  const payload = Buffer.from(textOf(good()));
  for (let left = prng.int(1, 4); left > 0 && socket.isOpen(); left -= 1) {
    const shape: FrameShape = {
      opcode: prng.chance(0.5) ? prng.int(0, 15) : prng.pick(Object.values(OPCODES)),
      final: prng.chance(0.6),
      reserved: prng.chance(0.15) ? prng.int(1, 7) : 0,
      masked: prng.chance(0.9),
      ...(prng.chance(0.1) ? { length: prng.pick([0, 125, 126, 65_535, 65_536, FRAME_BYTES_MAX + 1, 2 ** 40]) } : {}),
    };
    const part = payload.subarray(0, prng.chance(0.5) ? prng.int(0, payload.length) : payload.length);
    wire(frameBytes(part, shape), `${JSON.stringify(shape)} ${String(part.length)} bytes`);
  }
  // Half a frame is not an error: the server waits for the rest. What it is given, after a while, is the end.
  const patience = setTimeout(() => socket.drop(), PATIENCE_MS);
  await socket.ended;
  clearTimeout(patience);
}

/** A request for the upgrade with a fault. Whatever is answered, it is no failure of the server. */
async function tryUpgrade({ dial }: FramesDeps, prng: Prng, said: string[]): Promise<End | null> {
  const lines: string[] = [...UPGRADE];
  const at = prng.int(0, lines.length - 1);
  const line = lines[at] ?? '';
  const strange = [
    'origin: https://evil.example',
    'sec-websocket-extensions: permessage-deflate',
    'host:',
    'x: \u0000',
  ];
  const versions = [
    'sec-websocket-version: 99',
    'sec-websocket-key: short',
    'sec-websocket-protocol: ,,',
    'upgrade: h2c',
  ];
  const what = prng.int(0, 3);
  if (what === 0) lines.splice(at, 1);
  else if (what === 1) lines.splice(Math.max(1, at), 0, prng.pick([...strange, ...versions]));
  else if (what === 2)
    lines[at] = line.slice(0, prng.int(0, line.length)) + prng.pick(['', '/..', '%00', ' ', '?a', '\u00ff']);
  else lines[0] = prng.pick(['POST', 'get', 'PRI']) + (lines[0] ?? '').slice(3);
  said.push(lines.join('\\n'));
  const socket = await openRawWebSocket(dial, lines);
  if (socket === null) return null;
  socket.drop();
  return socket.ended;
}
