import {
  API_PREFIX,
  chunksOf,
  expectationsOf,
  judgePlan,
  notAfterOf,
  passwordViolations,
  ResetPlan,
  RID_500,
  sealAll,
  sendChunks,
  utf8,
  verifyEd25519,
  type Code,
  type Finding,
  type InstanceId,
  type KnownInstance,
  type PlanReset,
  type PlanVerdict,
  type ResetId,
} from '#protocol';
import type * as z from 'zod';
import type { Client } from '../../api/client.ts';
import { ownFailure, type ApiFailure } from '../../api/failure.ts';
import type { Pins } from './pins.ts';
import { sendingPorts } from './send.ts';
import type { SentResets, SentTarget } from './sent.ts';

type Request = z.output<typeof PlanReset>;

export interface ResetPorts {
  readonly client: Pick<Client, 'get' | 'send'>;
  readonly pins: Pins;
  readonly sent: SentResets;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Milliseconds on a clock that nobody sets. */
  readonly monotonic: () => number;
  readonly wait: (ms: number) => Promise<void>;
}

/** What is asked to be planned, and what the instances in it were called where a person chose them. */
export interface Question {
  readonly request: Request;
  readonly names: ReadonlyMap<InstanceId, string>;
}

/** A plan, and what this browser thinks of it. */
export interface JudgedPlan {
  readonly plan: ResetPlan;
  readonly verdict: PlanVerdict;
}

/** Asks for a plan and takes nothing in it on trust that can be checked. Changes nothing. */
export async function planReset(question: Question, ports: ResetPorts, signal?: AbortSignal): Promise<JudgedPlan> {
  const { client, pins, now } = ports;
  const { request, names } = question;
  const plan = await client.send('POST', `${API_PREFIX}/resets/plan`, ResetPlan, {
    body: request,
    ...(signal === undefined ? {} : { signal }),
  });
  const verdict = await judgePlan(plan, {
    request: { plan: request, strictIdentities: false, names },
    pins: pins.index(),
    verify: verifyEd25519,
    now: now(),
  });
  return { plan, verdict };
}

/** Why a judged plan may not be carried out as it is. */
export type Obstacle =
  | { readonly kind: 'refused'; readonly failure: ApiFailure }
  | { readonly kind: 'blocked' }
  /** Some would share a password and are not known to this browser by that name; their names. */
  | { readonly kind: 'strangers'; readonly names: readonly string[] }
  /** Nobody was shown these as they are now; their names. */
  | { readonly kind: 'unseen'; readonly names: readonly string[] };

export interface Consent {
  readonly skipBlocked: boolean;
  /** A person takes the strangers that are shown for what they say they are. */
  readonly trustStrangers: boolean;
}

/** The first thing that stands in the way; null where there is none. */
export function obstacleOf({ verdict }: JudgedPlan, consent: Consent): Obstacle | null {
  const { refusals, blocked, ready } = verdict;
  if (refusals.length > 0) return { kind: 'refused', failure: refusalOf(refusals) };
  if (blocked.length > 0 && !(consent.skipBlocked && ready.length > 0)) return { kind: 'blocked' };
  const names = strangersOf(verdict).map(({ name }) => name);
  return names.length > 0 && !consent.trustStrangers ? { kind: 'strangers', names } : null;
}

/**
 * Those that would share a password with others and are seen for the first time, or under another name than before. Which
 * instances there are to choose from is the control plane's to say: whoever can write to its database could have one of
 * his own among them.
 */
export function strangersOf({ pins, ready }: Pick<PlanVerdict, 'pins' | 'ready'>): readonly KnownInstance[] {
  return ready.length > 1 ? pins : [];
}

/** Those that would get the password and were not shown with this name and this identity before somebody said OK. */
function unseenIn({ verdict }: JudgedPlan, shown: JudgedPlan | null): Obstacle | null {
  const seen = new Map(shown?.verdict.ready.map((target) => [target.instanceId, target]));
  const names = verdict.ready
    .filter(({ instanceId, name, identity }) => {
      const before = seen.get(instanceId);
      return before?.name !== name || before.identity !== identity;
    })
    .map(({ name }) => name);
  return names.length === 0 ? null : { kind: 'unseen', names };
}

export type StartOutcome =
  | { readonly kind: 'started'; readonly resetId: ResetId }
  /** In time: nothing was started. */
  | { readonly kind: 'given-up' }
  /** The connection was lost: perhaps it has started. */
  | { readonly kind: 'unknown'; readonly resetId: ResetId }
  /** Nothing was sent; here is what the plan is now. */
  | { readonly kind: 'hindered'; readonly obstacle: Obstacle; readonly judged: JudgedPlan };

export interface Start {
  readonly question: Question;
  /** What stood in the dialog when somebody said OK: nothing is sealed to whom it did not show. */
  readonly shown: JudgedPlan | null;
  readonly consent: Consent;
  readonly password: string;
  /** Called as soon as the password is sealed, before anything is sent: it is not needed any more. */
  readonly onSealed: () => void;
  /** Aborts when nobody wants it any more: then nothing more is sent. What has started goes on. */
  readonly signal: AbortSignal;
}

/**
 * Plans anew, seals, remembers what proves the results, sends. Rejects with `ApiFailure` while nothing has started, and
 * with the reason of `signal` where that breaks off the plan.
 */
export async function startReset(start: Start, ports: ResetPorts): Promise<StartOutcome> {
  const { question, shown, consent, onSealed, signal } = start;
  const { request } = question;
  const judged = await planReset(question, ports, signal);
  const obstacle = obstacleOf(judged, consent) ?? unseenIn(judged, shown) ?? weaknessOf(judged, start.password);
  if (obstacle !== null) return { kind: 'hindered', obstacle, judged };

  const { plan, verdict } = judged;
  const { resetId } = plan;
  // The seal binds what was asked for here, not what the plan says about it.
  const notAfter = notAfterOf(request.mode, plan.now);
  const bytes = utf8(start.password);
  const terms = { resetId, mode: request.mode, options: request.options, notAfter };
  const { sealed, digests } = await sealAll(verdict.ready, terms, { bytesFor: () => bytes }).finally(() => {
    bytes.fill(0);
    onSealed();
  });
  const names = new Map(verdict.ready.map(({ instanceId, name }) => [instanceId, name]));
  const targets = [...expectationsOf(verdict.ready, plan, digests).values()].map((expectation): SentTarget => ({
    ...expectation,
    name: names.get(expectation.instanceId) ?? '',
  }));
  // Before the effect: afterwards a reload would lose what proves the results. Where the browser keeps nothing, the page
  // of the reset says that it cannot prove them.
  ports.sent.save(resetId, targets, ports.now());
  const chunks = chunksOf(sealed, { resetId, notAfter, skipBlocked: consent.skipBlocked });
  try {
    const kind = await sendChunks(chunks, sendingPorts(ports.client, ports, signal));
    if (kind !== 'given-up') return { kind, resetId };
    ports.sent.forget(resetId);
    return { kind };
  } catch (error) {
    ports.sent.forget(resetId);
    throw error;
  }
}

/** By the rules of the plan, which may be stricter than those that were shown. */
function weaknessOf({ plan, verdict }: JudgedPlan, password: string): Obstacle | null {
  const isWeak = verdict.ready.some(({ os, account }) => {
    const name = account === RID_500 ? null : account;
    return passwordViolations({ os, account: name, password, policy: plan.passwordPolicy }).length > 0;
  });
  return isWeak ? { kind: 'refused', failure: ownFailure('password-weak') } : null;
}

/** What is graver comes first, and names the failure. */
const GRAVITY: readonly Code[] = [
  'identity-changed',
  'instance-renamed',
  'sealing-key-unsigned',
  'sealing-key-other-instance',
  'control-plane-answer-invalid',
  'sealing-key-expired',
  'clock-disagrees',
];

function refusalOf(findings: readonly Finding[]): ApiFailure {
  const worst = GRAVITY.find((code) => findings.some((finding) => finding.code === code));
  return ownFailure(worst ?? 'control-plane-answer-invalid', { details: [...findings] });
}
