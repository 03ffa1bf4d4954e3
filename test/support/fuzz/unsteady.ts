import { setTimeout as delay } from 'node:timers/promises';
import type { Prng } from '../../simulation/engine/prng.ts';
import type { FakeIdentity } from '../fake-agent.ts';
import { TurnedAway, connectAgent, type ConnectedAgent } from './agents.ts';
import type { Dial } from './tls.ts';

/** What a fleet of agents went through. */
export interface Life {
  sessions: number;
  readonly ends: Record<Ending, number>;
  /** Turned away because the end of the session before had not been noticed yet. */
  replaced: number;
  connected: number;
}

/** Cut without a word; after a goodbye; or silent over an open socket, until the server has enough of it. */
const ENDINGS = ['cut', 'cut', 'cut', 'goodbye', 'silent'] as const;
type Ending = (typeof ENDINGS)[number];

const SESSION_MS = { min: 10_000, max: 110_000 };
const AWAY_MS_MAX = 5_000;
const REPORT_MS = { min: 5_000, max: 30_000 };

export function newLife(): Life {
  return { sessions: 0, ends: { cut: 0, goodbye: 0, silent: 0 }, replaced: 0, connected: 0 };
}

/** One agent that comes and goes until it is over. Throws when it is turned away for no fault of its own. */
export async function liveUnsteadily(
  { dial, identity, life }: { readonly dial: Dial; readonly identity: FakeIdentity; readonly life: Life },
  prng: Prng,
  over: AbortSignal,
): Promise<void> {
  // Spread, as a fleet is that has been there for long.
  await pause(prng.int(0, AWAY_MS_MAX), over);
  while (!over.aborted) {
    const connected = await tryToConnect(dial, identity, life);
    if (connected !== null) {
      life.sessions += 1;
      life.connected += 1;
      await liveOn(connected, prng, over);
      await part(connected, prng.pick(ENDINGS), life);
      life.connected -= 1;
    }
    await pause(prng.int(0, AWAY_MS_MAX), over);
  }
}

async function tryToConnect(dial: Dial, identity: FakeIdentity, life: Life): Promise<ConnectedAgent | null> {
  try {
    return await connectAgent(dial, identity);
  } catch (error) {
    if (!(error instanceof TurnedAway) || error.reason !== 'session-replaced') throw error;
    life.replaced += 1;
    return null;
  }
}

/** Reports its health now and then; its sequence has gaps, so that it is asked for the whole as well. */
async function liveOn({ agent, socket }: ConnectedAgent, prng: Prng, over: AbortSignal): Promise<void> {
  const end = performance.now() + prng.int(SESSION_MS.min, SESSION_MS.max);
  let sequence = 1;
  while (!over.aborted && socket.isOpen() && performance.now() < end) {
    await pause(Math.min(prng.int(REPORT_MS.min, REPORT_MS.max), end - performance.now()), over);
    // Nobody reads them here, and they would look like a leak of the server's in this process.
    agent.received.length = 0;
    sequence += prng.int(1, 2);
    const disk = prng.chance(0.9)
      ? { state: 'ok' as const }
      : { state: 'failing' as const, code: 'disk-low' as const, detail: null };
    agent.components = { disk };
    if (socket.isOpen()) agent.send({ type: 'health', sequence, full: false, components: { disk } });
  }
}

async function part({ agent, socket }: ConnectedAgent, ending: Ending, life: Life): Promise<void> {
  life.ends[ending] += 1;
  if (ending === 'goodbye' && socket.isOpen()) agent.send({ type: 'goodbye', reason: 'agent-stopping' });
  if (ending === 'silent') agent.habits = { ...agent.habits, alive: false };
  else socket.drop();
  await socket.ended;
}

async function pause(ms: number, over: AbortSignal): Promise<void> {
  if (ms <= 0) return;
  try {
    await delay(ms, undefined, { signal: over });
  } catch (error) {
    // The end is what was waited for; anything else is a fault.
    if (!over.aborted) throw error;
  }
}
