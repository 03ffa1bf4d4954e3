import {
  CLAIM_CHARS_MAX,
  ComponentName,
  DETAIL_CHARS_MAX,
  GENERATION_MAX,
  GENERATIONS_MAX,
  SCRIPT_BYTES_MAX,
  toBase64Url,
  type AgentFrame,
  type ServerFrame,
} from '#protocol';
import { IDS, KEYS, NOW } from '../vectors/cast.ts';

type Frame = AgentFrame | ServerFrame;
/** A frame as a peer writes it: JSON, no brands. */
export type Wire = { readonly type: Frame['type'] } & Readonly<Record<string, unknown>>;

const bytes = (count: number) => toBase64Url(new Uint8Array(count).fill(0xff));
const signed = (count: number) => ({ bytes: bytes(count), key: KEYS.order.thumbprint, signature: bytes(64) });
/** The longest there is: three bytes of UTF-8 for each unit. */
const text = (chars: number) => '\u{ffe6}'.repeat(chars);
const nonce = bytes(32);
const hello = { role: 'agent', instanceId: IDS.instance, identity: KEYS.identity.thumbprint, nonce };

const facts = (claim: string) => ({
  os: 'linux',
  hostname: claim,
  osVersion: claim,
  kernel: claim,
  architecture: claim,
  bootId: claim,
});

const proof = { type: 'agent-proof', signature: bytes(64), sealingKey: signed(512) } as const;
const serverProof = {
  type: 'server-proof',
  serverId: KEYS.script.thumbprint,
  nonce,
  key: KEYS.order.thumbprint,
  signature: bytes(64),
} as const;

const largestComponents = Object.fromEntries(
  ComponentName.options.map((name) => [
    name,
    { state: 'failing', code: 'account-database-lock-held', detail: text(DETAIL_CHARS_MAX) },
  ]),
);

const largestGenerations = Array.from({ length: GENERATIONS_MAX }, (_, index) => ({
  account: `account-${index}`.padEnd(32, 'x'),
  generation: GENERATION_MAX,
}));

/** Each frame of an agent as small, and as large, as it may be. */
export const AGENT_FRAMES: Record<AgentFrame['type'], { readonly smallest: Wire; readonly largest: Wire }> = {
  hello: {
    smallest: { type: 'hello', protocols: [1], ...hello, keySetVersion: 1 },
    largest: {
      type: 'hello',
      protocols: Array.from({ length: 16 }, () => Number.MAX_SAFE_INTEGER),
      ...hello,
      role: 'plug-in',
      keySetVersion: Number.MAX_SAFE_INTEGER,
    },
  },
  'agent-proof': {
    smallest: { ...proof, continuity: null, agentVersion: '', facts: facts(''), generations: [], clock: 0 },
    largest: {
      ...proof,
      continuity: nonce,
      agentVersion: text(CLAIM_CHARS_MAX),
      facts: facts(text(CLAIM_CHARS_MAX)),
      generations: largestGenerations,
      clock: 253_402_300_799_999,
    },
  },
  health: {
    smallest: { type: 'health', sequence: 1, full: false, components: {} },
    largest: { type: 'health', sequence: Number.MAX_SAFE_INTEGER, full: true, components: largestComponents },
  },
  'liveness-answer': {
    smallest: { type: 'liveness-answer', challenge: nonce },
    largest: { type: 'liveness-answer', challenge: nonce },
  },
  'task-progress': {
    smallest: { type: 'task-progress', taskId: IDS.task, state: 'running' },
    largest: { type: 'task-progress', taskId: IDS.task, state: 'accepted' },
  },
  'order-refused': {
    smallest: { type: 'order-refused', orderDigest: nonce, code: 'interrupted' },
    largest: { type: 'order-refused', orderDigest: nonce, code: 'account-database-lock-held' },
  },
  result: {
    smallest: { type: 'result', result: signed(2) },
    largest: { type: 'result', result: signed(190 * 1024) },
  },
  'sealing-key': {
    smallest: { type: 'sealing-key', sealingKey: signed(2) },
    largest: { type: 'sealing-key', sealingKey: signed(190 * 1024) },
  },
  'key-set-refused': {
    smallest: { type: 'key-set-refused', code: 'key-set-older' },
    largest: { type: 'key-set-refused', code: 'key-set-revocation-undone' },
  },
  goodbye: {
    smallest: { type: 'goodbye', reason: 'uninstalled' },
    largest: { type: 'goodbye', reason: 'instance-stopping' },
  },
};

/** Each frame of the control plane as small, and as large, as it may be. */
export const SERVER_FRAMES: Record<ServerFrame['type'], { readonly smallest: Wire; readonly largest: Wire }> = {
  'server-proof': {
    smallest: { ...serverProof, protocol: 1, keySet: null },
    largest: { ...serverProof, protocol: Number.MAX_SAFE_INTEGER, keySet: signed(48 * 1024) },
  },
  welcome: {
    smallest: { type: 'welcome', sessionId: IDS.session, continuity: nonce, clock: 0 },
    largest: { type: 'welcome', sessionId: IDS.session, continuity: nonce, clock: NOW },
  },
  'liveness-challenge': {
    smallest: { type: 'liveness-challenge', challenge: nonce },
    largest: { type: 'liveness-challenge', challenge: nonce },
  },
  'health-request': { smallest: { type: 'health-request' }, largest: { type: 'health-request' } },
  order: {
    smallest: { type: 'order', order: signed(2), script: { statement: signed(2), bytes: bytes(1) } },
    largest: {
      type: 'order',
      order: signed(8 * 1024),
      script: { statement: signed(1024), bytes: bytes(SCRIPT_BYTES_MAX) },
    },
  },
  'result-ack': {
    smallest: { type: 'result-ack', taskId: IDS.task },
    largest: { type: 'result-ack', taskId: IDS.task },
  },
  'key-set': {
    smallest: { type: 'key-set', keySet: signed(2) },
    largest: { type: 'key-set', keySet: signed(190 * 1024) },
  },
  drain: {
    smallest: { type: 'drain', reconnectAfterMsMin: 0, reconnectAfterMsMax: 0 },
    largest: { type: 'drain', reconnectAfterMsMin: 600_000, reconnectAfterMsMax: 600_000 },
  },
};
