import { createPrivateKey, createPublicKey, randomBytes, randomUUID } from 'node:crypto';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { WebSocketServer, type WebSocket } from 'ws';
import {
  API_PREFIX,
  decodeAgentFrame,
  encodeFrame,
  formatJoinToken,
  FRAME_BYTES_MAX,
  GATEWAY_PATH,
  GATEWAY_SUBPROTOCOL,
  parseJsonBytes,
  Enrol,
  type AgentFrame,
  type InstanceId,
  type TokenId,
} from '#protocol';
import {
  issueAuthority,
  issueLeaf,
  issueSuccessor,
  type Issuer,
} from '../../../control-plane/server/keys/certificate.ts';
import { caPinOf } from '../../support/ca-pin.ts';
import type { ControlPlane } from './control-plane.ts';

/** What the REST side answers; null leaves it to the gateway. */
export type Answer = (path: string) => { readonly status: number; readonly body: unknown } | null;

/** A control plane on a real TLS socket of the loopback, small and honest unless told otherwise. */
export interface TlsGateway extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly ca: string;
  readonly caPin: string;
  /** Everything that agents sent, in order. */
  readonly frames: AgentFrame[];
  readonly enrolments: Enrol[];
  readonly sockets: Set<WebSocket>;
  answer: Answer;
  /** Whether it proves itself and welcomes; otherwise it accepts the socket and says nothing. */
  honest: boolean;
  joinToken(caPin?: string | null, keySetVersionMin?: number): string;
}

export interface TlsGatewayOptions {
  readonly controlPlane: ControlPlane;
  /** What stands in the certificate. */
  readonly host?: string;
  /** What it presents; default: a certificate by an authority of its own. */
  readonly presents?: Presented;
}

export interface Presented {
  /** PEM: the leaf, then what leads to the authority. */
  readonly cert: string;
  readonly key: string;
  /** The authority, PEM. */
  readonly ca: string;
}

const DAY_MS = 24 * 3_600_000;
const validity = () => ({ notBefore: Date.now() - DAY_MS, notAfter: Date.now() + DAY_MS });

export interface TestAuthority extends Issuer {
  /** PEM. */
  readonly ca: string;
  /** How its forerunner vouches for it, PEM; empty for the first. */
  readonly vouched: string;
}

/** All of one name, as those of one control plane are. */
export function newAuthority(forerunner: Issuer | null = null): TestAuthority {
  const name = 'test authority';
  const { certificatePem, keyPem } = issueAuthority(name, validity());
  const [key, publicKey] = [createPrivateKey(keyPem), createPublicKey(keyPem)];
  const vouched = forerunner === null ? '' : issueSuccessor(publicKey, forerunner, validity());
  return { name, key, publicKey, ca: certificatePem, vouched };
}

export function presentedBy(authority: TestAuthority, host = '127.0.0.1'): Presented {
  const leaf = issueLeaf(host, authority, validity());
  return { cert: leaf.certificatePem + authority.vouched, key: leaf.keyPem, ca: authority.ca };
}

export async function openTlsGateway(options: TlsGatewayOptions): Promise<TlsGateway> {
  const { controlPlane, host = '127.0.0.1' } = options;
  const presented = options.presents ?? presentedBy(newAuthority(), host);
  const caPin = caPinOf(presented.ca);

  const server = createServer({ cert: presented.cert, key: presented.key });
  const sockets = new WebSocketServer({ server, path: GATEWAY_PATH, handleProtocols: () => GATEWAY_SUBPROTOCOL });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;

  const gateway: TlsGateway = {
    ...{ url: `https://127.0.0.1:${String(port)}`, port, ca: presented.ca, caPin },
    ...{ frames: [], enrolments: [], sockets: sockets.clients, answer: () => null, honest: true },
    joinToken: (pin = caPin, keySetVersionMin) =>
      formatJoinToken({
        ...{ id: randomUUID() as TokenId, secret: randomBytes(32).toString('base64url') },
        ...{ caPin: pin, scriptKey: controlPlane.scriptKey.key },
        ...(keySetVersionMin === undefined ? {} : { keySetVersionMin }),
      }),
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate();
      await new Promise((resolve) => sockets.close(resolve));
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  server.on('request', (request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const path = request.url ?? '';
      const { status, body } =
        gateway.answer(path) ?? answerHonestly(gateway, controlPlane, path, Buffer.concat(chunks));
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  });
  sockets.on('connection', (socket) => speak(gateway, controlPlane, socket));
  return gateway;
}

function answerHonestly(gateway: TlsGateway, controlPlane: ControlPlane, path: string, body: Buffer) {
  if (path === `${API_PREFIX}/ca`) return { status: 200, body: { pem: gateway.ca } };
  const enrol = parseJsonBytes(Enrol, body);
  if (path !== `${API_PREFIX}/agents/enroll` || !enrol.ok) return { status: 404, body: {} };
  gateway.enrolments.push(enrol.body);
  const { name } = JSON.parse(Buffer.from(enrol.body.request.bytes, 'base64url').toString('utf8')) as { name: string };
  const instanceId = randomUUID() as InstanceId;
  return { status: 201, body: { instanceId, name, project: 'default', keySet: controlPlane.signedKeySet } };
}

function speak(gateway: TlsGateway, controlPlane: ControlPlane, socket: WebSocket): void {
  socket.on('error', () => undefined); // A client that hangs up is no failure of the gateway.
  socket.on('message', (data: Buffer) => {
    const decoded = decodeAgentFrame(data.toString('utf8'), FRAME_BYTES_MAX);
    if (!decoded.ok) throw new Error('the agent sent a bad frame');
    const { frame } = decoded;
    gateway.frames.push(frame);
    if (!gateway.honest) return;
    if (frame.type === 'agent-proof') socket.send(encodeFrame(controlPlane.welcome(Date.now())));
    if (frame.type !== 'hello') return;
    controlPlane.prove(frame).then(
      ({ proof }) => socket.send(encodeFrame(proof)),
      (error: unknown) => socket.close(1011, String(error).slice(0, 100)),
    );
  });
}
