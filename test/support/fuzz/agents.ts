import {
  InstanceName,
  ProjectName,
  parseJoinToken,
  signJson,
  signingInput,
  thumbprintOf,
  toBase64Url,
  transcriptBytes,
  type CloseReason,
  type InstanceId,
  type Nonce,
  type SealingKeyStatement,
  type ServerFrameOf,
  type Transcript,
} from '#protocol';
import * as z from 'zod';
import { FakeAgent, type FakeIdentity } from '../fake-agent.ts';
import { newSealingPair, newSigner } from '../keys.ts';
import { openRawWebSocket, type End, type RawWebSocket } from './raw-websocket.ts';
import { createRawHttp, requestBytes } from './raw-http.ts';
import type { ServerUnderTest } from './server.ts';
import { createDialer, type Dial } from './tls.ts';

const SEALING_KEY_MS = 86_400_000;
const JOIN_USES = 10_000;

/** Lets machines join a project through the door that agents take, as many as are wanted. */
export async function createEnroller(server: ServerUnderTest, project: string) {
  const created = await server.routes.tokens.create({
    type: 'join',
    project: ProjectName.parse(project),
    uses: JOIN_USES,
  });
  const token = parseJoinToken(created.token);
  if (token === null) throw new Error('the server made a join token that cannot be read');
  const dial = createDialer(server.door);
  return async (name: string): Promise<FakeIdentity> => {
    const signer = await newSigner();
    const { publicKey } = signer;
    const wish = { v: 1, tokenId: token.id, publicKey, os: 'linux', name, hostname: name, agentVersion: '0.0.0-test' };
    const signed = await signJson(signer, 'enrolment', { ...wish, name: InstanceName.parse(name) });
    const body = JSON.stringify({ tokenId: token.id, secret: token.secret, publicKey, request: signed });
    const http = createRawHttp(dial);
    const answer = await http.ask(requestBytes('POST', '/api/v1/agents/enroll', body));
    http.close();
    if (answer?.status !== 201) throw new Error(`${name} may not join: ${answer?.body ?? 'no answer'}`);
    const { instanceId } = z.object({ instanceId: z.string() }).parse(JSON.parse(answer.body));
    return identityOf(instanceId as InstanceId, signer);
  };
}
export type Enrol = Awaited<ReturnType<typeof createEnroller>>;

async function identityOf(instanceId: InstanceId, signer: FakeIdentity['signer']): Promise<FakeIdentity> {
  const pair = newSealingPair();
  const statement: SealingKeyStatement = {
    v: 1,
    instanceId,
    identity: signer.key,
    keyId: await thumbprintOf(pair.publicKey, 'X25519'),
    publicKey: pair.publicKey,
    epoch: 1,
    notAfter: Date.now() + SEALING_KEY_MS,
  };
  const sealingKey = await signJson(signer, 'sealing-key', statement);
  return { instanceId, signer, sealingKey, statement, sealingPrivateKey: pair.privateKey, continuity: null };
}

/** A fake agent over a real connection. */
export interface ConnectedAgent {
  readonly agent: FakeAgent;
  readonly socket: RawWebSocket;
}

/** The gateway ended the connection of an agent that had done nothing wrong. */
export class TurnedAway extends Error {
  readonly reason: string;
  constructor({ code, reason }: End) {
    super(`an honest agent was turned away: ${String(code)} ${reason}`);
    this.reason = reason;
  }
}

/** Connects, proves itself, and answers from then on. Resolves with the welcome; throws when it is turned away. */
export async function connectAgent(dial: Dial, identity: FakeIdentity): Promise<ConnectedAgent> {
  const socket = await openRawWebSocket(dial);
  if (socket === null) throw new Error('the gateway refused the upgrade of an honest agent');
  const agent = new FakeAgent(identity, (connection) => {
    socket.onText = (text) => connection.send(text);
    socket.onEnd = ({ reason }) => connection.close(reason as CloseReason);
    return { onText: (text) => socket.text(text), onClosed: () => socket.drop() };
  });
  agent.hello();
  const turnedAway = socket.ended.then((end) => {
    throw new TurnedAway(end);
  });
  await Promise.race([agent.frame('welcome'), turnedAway]);
  // Only whoever waits for the welcome is interested in this; the end of a session is in `socket.ended`.
  turnedAway.catch(() => undefined);
  return { agent, socket };
}

/** The proof that an honest agent gives to that server, as a frame. */
export async function proofFor(identity: FakeIdentity, nonce: Nonce, answer: ServerFrameOf<'server-proof'>) {
  const transcript: Transcript = {
    v: 1,
    protocol: answer.protocol,
    role: 'agent',
    instanceId: identity.instanceId,
    identity: identity.signer.key,
    serverId: answer.serverId,
    agentNonce: nonce,
    serverNonce: answer.nonce,
  };
  const signature = await identity.signer.sign(signingInput('session-agent', transcriptBytes(transcript)));
  return {
    type: 'agent-proof',
    signature: toBase64Url(signature),
    continuity: identity.continuity,
    agentVersion: '0.0.0-test',
    facts: { os: 'linux', hostname: 'fuzz', osVersion: 'test', kernel: 'test', architecture: 'x64', bootId: 'test' },
    sealingKey: identity.sealingKey,
    generations: [],
    clock: Date.now(),
  } as const;
}
