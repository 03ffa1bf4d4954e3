/**
 * Thousands of peers in one process of their own, told by the bench what to do. Identities are made here and stay here.
 * Started by swarm/client.ts.
 */
import { connect } from 'node:net';
import { createSecureContext } from 'node:tls';

import { createBarePeer, enrolAgents, type Peer } from './swarm/agents.ts';
import { answerRequests } from './swarm/channel.ts';
import type { Connected, SwarmRequest } from './swarm/client.ts';
import { createShift } from './swarm/shift.ts';

const PORT_DEADLINE_MS = 60_000;
/** Between two looks whether somebody listens. */
const PORT_LOOK_MS = 5;
/** Tries of one peer. More, and something else than load is wrong. */
const TRIES_MAX = 20;
/** Addresses of the loopback that peers come from. */
const SOURCES = 16;
/** How long one that has lost its session stays away. */
const BACK_AFTER_MS = 1_000;

let peers: Peer[] = [];
const shift = createShift();

async function untilListening(port: number): Promise<void> {
  const end = performance.now() + PORT_DEADLINE_MS;
  for (;;) {
    const open = await new Promise<boolean>((resolve) => {
      const socket = connect(port, '127.0.0.1');
      socket.once('connect', () => {
        resolve(true);
        socket.destroy();
      });
      socket.once('error', () => {
        resolve(false);
      });
    });
    if (open) return;
    if (performance.now() > end) throw new Error(`nobody listens at port ${port}`);
    await new Promise((resolve) => setTimeout(resolve, PORT_LOOK_MS));
  }
}

/** All that are not connected, each at once when it is its turn, and again at once if it fails. */
async function connectAll({ port, ca, atOnce }: Extract<SwarmRequest, { op: 'connect' }>): Promise<Connected> {
  const secureContext = createSecureContext({ ca });
  await untilListening(port);
  const startedMs = performance.now();
  let failures = 0;
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let at = next++; at < peers.length; at = next++) {
      if (peers[at]?.connected === true) continue;
      const target = { port, secureContext, localAddress: `127.0.1.${1 + (at % SOURCES)}` };
      for (let tries = 1; ; tries += 1) {
        try {
          await peers[at]?.connect(target);
          break;
        } catch (error) {
          failures += 1;
          if (tries === TRIES_MAX) throw error;
        }
      }
    }
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
  return { tookMs: performance.now() - startedMs, failures };
}

/** From now on, whoever loses its session comes back, as agents do. A try that fails is made again. */
function stay(request: Extract<SwarmRequest, { op: 'connect' }>): void {
  const again = (): void => {
    setTimeout(stay, BACK_AFTER_MS, request);
  };
  connectAll(request).then(again, again);
}

async function answer(request: SwarmRequest): Promise<unknown> {
  switch (request.op) {
    case 'enrol':
      peers = await enrolAgents(request.databaseFile, request.count, shift);
      return null;
    case 'bare':
      peers = Array.from({ length: request.count }, createBarePeer);
      return null;
    case 'connect':
      return connectAll(request);
    case 'stay':
      stay({ ...request, op: 'connect' });
      return null;
    case 'work':
      shift.begin(request.work);
      return null;
    case 'count':
      return peers.filter(({ connected }) => connected).length;
    default:
      return request satisfies never;
  }
}

answerRequests(answer);
