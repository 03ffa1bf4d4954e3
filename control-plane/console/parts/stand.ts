import type { Reset } from '#protocol';
import { texts } from '../texts/index.ts';

const words = texts.resets;

type Tone = 'success' | 'error' | 'warning' | 'in-progress' | 'stopped';

/** How a reset stands, in one word and one colour: a finished one is only a success where everybody was reset. */
export function standOf({ state, counts }: Pick<Reset, 'state' | 'counts'>): {
  readonly tone: Tone;
  readonly text: string;
} {
  if (state === 'running') return { tone: 'in-progress', text: words.states.running };
  if (state === 'paused') return { tone: 'stopped', text: words.states.paused };
  if (state === 'stopped') return { tone: 'error', text: words.states.stopped };
  if (counts.failed > 0) return { tone: 'error', text: words.withFailures };
  if (counts.blocked > 0) return { tone: 'warning', text: words.withUnreached };
  return { tone: 'success', text: words.states.finished };
}
