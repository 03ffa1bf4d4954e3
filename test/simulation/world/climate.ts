import type { Prng } from '../engine/prng.ts';
import type { Weather } from '../fakes/lane.ts';

/** Faults that somebody or something brings about from outside. Each world has some of them only. */
export const FAULTS = [
  'agent-killed',
  'agent-restarted',
  'machine-reset',
  'machine-shut-down',
  'link-cut',
  'link-half-open',
  'link-stalled',
  'server-killed',
  'server-restarted',
  'order-key-rotated',
  'backup',
  'restore',
  'clock-set',
  'disk-slow',
  'disk-full',
  'component-broken',
  'accounts-troubled',
  'policy-narrowed',
  'service-disabled',
  'weather-changes',
  'machine-cloned',
] as const;
export type Fault = (typeof FAULTS)[number];

/** What kind of world a seed makes. */
export interface Climate {
  readonly machines: number;
  /** How long faults and operators go on, in virtual milliseconds. */
  readonly activeMs: number;
  /** Per effect: how likely it is the last one of its process. */
  readonly agentHazard: number;
  readonly serverHazard: number;
  readonly faults: readonly Fault[];
  readonly faultGapMs: number;
  readonly requestGapMs: number;
  readonly byzantine: number;
  readonly storeLatencyMsMax: number;
  readonly lostWords: number;
}

const SECOND_MS = 1_000;
/** What keeps everything else from happening. */
const RARE: readonly Fault[] = ['machine-cloned', 'service-disabled', 'component-broken'];

/** Not every fault in every world: what hides behind a frequent one would never be seen. */
export function drawClimate(random: Prng): Climate {
  const drawn = FAULTS.filter((fault) => random.chance(RARE.includes(fault) ? 0.15 : 0.45));
  // What nobody backed up cannot be restored.
  const enabled = FAULTS.filter((fault) => drawn.includes(fault) || (fault === 'backup' && drawn.includes('restore')));
  return {
    machines: random.pick([1, 1, 2, 2, 3]),
    activeMs: random.int(20, 75) * SECOND_MS,
    agentHazard: random.pick([0, 0.001, 0.004, 0.015]),
    serverHazard: random.pick([0, 0.0005, 0.002, 0.008]),
    faults: enabled,
    faultGapMs: random.int(2, 12) * SECOND_MS,
    requestGapMs: random.pick([500, 2_000, 4_000, 8_000]),
    byzantine: random.pick([0, 0, 0, 0.02, 0.08]),
    storeLatencyMsMax: random.pick([0, 0, 5, 300]),
    lostWords: random.pick([0, 0.3]),
  };
}

const LATENCIES_MS = [
  { min: 1, max: 5 },
  { min: 5, max: 80 },
  { min: 50, max: 400 },
  { min: 100, max: 3_500 },
] as const;

export function drawWeather(random: Prng, byzantine: number): Weather {
  return { latencyMs: random.pick(LATENCIES_MS), byzantine };
}

export const FAIR_WEATHER: Weather = { latencyMs: { min: 1, max: 20 }, byzantine: 0 };
