import * as z from 'zod';
import {
  AccountName,
  findKey,
  fromBase64Url,
  GENERATIONS_MAX,
  Nonce,
  parseJsonBytes,
  PROTOCOL_VERSIONS_SPOKEN,
  signBytes,
  signingInput,
  toBase64Url,
  transcriptBytes,
  utf8,
  type AgentFrameOf,
  type ReportedGeneration,
  type CloseReason,
  type InstanceFacts,
  type InstanceId,
  type KeySetRefusal,
  type ServerFrameOf,
  type Signed,
  type Thumbprint,
  type Transcript,
} from '#protocol';
import { openTasks, type Ledger } from '../domain/ledger.ts';
import type { AgentCrypto, Clock, Random, Storage } from '../ports.ts';
import type { Trust } from './trust.ts';
import { createTurns } from './turns.ts';

const CONTINUITY = 'continuity.json';
const Continuity = z.strictObject({ secret: Nonce });

export interface HandshakeOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly storage: Storage;
  readonly crypto: Pick<AgentCrypto, 'identity' | 'verify'>;
  readonly trust: Trust;
  readonly instanceId: InstanceId;
  readonly serverId: Thumbprint;
  readonly agentVersion: string;
  readonly facts: InstanceFacts;
  readonly sealingKey: () => Signed;
  readonly ledger: () => Ledger;
}

export type ServerVerdict =
  | {
      readonly ok: true;
      readonly transcript: Transcript;
      /** A key set came along that was not taken; the proof is good by the one that is held. */
      readonly keySetRefused: KeySetRefusal | null;
    }
  | { readonly ok: false; readonly reason: CloseReason };

/** Both proofs of a session. The control plane proves itself first: nothing is told to one that cannot. */
export interface Handshake {
  hello(): AgentFrameOf<'hello'>;
  judge(hello: AgentFrameOf<'hello'>, proof: ServerFrameOf<'server-proof'>): Promise<ServerVerdict>;
  prove(transcript: Transcript): Promise<AgentFrameOf<'agent-proof'>>;
  /** Resolves once the secret that the next session must present is on disk. */
  keepContinuity(secret: Nonce): Promise<void>;
}

export function createHandshake(options: HandshakeOptions): Handshake {
  const { crypto, trust, instanceId, serverId, random } = options;
  const continuity = createContinuity(options.storage);
  return {
    hello: () => ({
      type: 'hello',
      protocols: [...PROTOCOL_VERSIONS_SPOKEN],
      role: 'agent',
      instanceId,
      identity: crypto.identity.key,
      nonce: Nonce.parse(toBase64Url(random.bytes(32))),
      keySetVersion: trust.keySet().version,
    }),
    async judge(hello, proof) {
      if (!PROTOCOL_VERSIONS_SPOKEN.includes(proof.protocol)) return { ok: false, reason: 'version-unsupported' };
      // The set first: it may bring the very key that the proof is made with. It is believed for its own signature.
      const keySetRefused = proof.keySet === null ? null : await trust.offer(proof.keySet);
      const key = findKey(trust.keySet(), 'order', proof.key);
      if (!key.ok || proof.serverId !== serverId) return { ok: false, reason: 'server-proof-invalid' };
      const transcript: Transcript = {
        v: 1,
        protocol: proof.protocol,
        role: hello.role,
        instanceId,
        identity: hello.identity,
        serverId,
        agentNonce: hello.nonce,
        serverNonce: proof.nonce,
      };
      const message = signingInput('session-server', transcriptBytes(transcript));
      const good = await crypto.verify(key.publicKey, message, fromBase64Url(proof.signature));
      if (!good) return { ok: false, reason: 'server-proof-invalid' };
      trust.note(keySetRefused);
      return { ok: true, transcript, keySetRefused };
    },
    async prove(transcript) {
      const { signature } = await signBytes(crypto.identity, 'session-agent', transcriptBytes(transcript));
      return {
        type: 'agent-proof',
        signature,
        continuity: await continuity.read(),
        agentVersion: options.agentVersion,
        facts: options.facts,
        sealingKey: options.sealingKey(),
        generations: generationsOf(options.ledger()),
        clock: options.clock.now(),
      };
    },
    keepContinuity: (secret) => continuity.keep(secret),
  };
}

/**
 * The secret on disk. One access after another: a write of a connection that was given up may still be under way, and
 * must neither be missed by the next proof nor come after the write that follows that proof.
 */
function createContinuity(storage: Storage) {
  const inTurn = createTurns();
  return {
    read: () => inTurn(() => readContinuity(storage)),
    keep: (secret: Nonce) => inTurn(() => storage.replace(CONTINUITY, utf8(JSON.stringify({ secret })))),
  };
}

/** Losing it is tolerated by the control plane, so that damage here is no reason to stay away. */
async function readContinuity(storage: Storage): Promise<Nonce | null> {
  const bytes = await storage.read(CONTINUITY);
  const parsed = bytes === null ? null : parseJsonBytes(Continuity, bytes);
  return parsed?.ok === true ? parsed.body.secret : null;
}

/**
 * The newest of each account, of what was applied and of what is held and may yet be: a control plane that was restored
 * from a backup knows of neither. The last that fit; the map is in order of first use.
 */
function generationsOf(ledger: Ledger): ReportedGeneration[] {
  const newest = new Map(ledger.generations);
  for (const { accepted } of openTasks(ledger)) {
    newest.set(accepted.account, Math.max(accepted.generation, newest.get(accepted.account) ?? 0));
  }
  const pairs = [...newest].flatMap(([account, generation]) => {
    const name = AccountName.safeParse(account);
    return name.success ? [{ account: name.data, generation }] : [];
  });
  return pairs.slice(-GENERATIONS_MAX);
}
