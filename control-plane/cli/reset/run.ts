import {
  chunksOf,
  expectationsOf,
  indexPins,
  judgePlan,
  notAfterOf,
  outcomeOfBlocked,
  outcomeOfReady,
  sealAll,
  sendChunks,
  tallyOf,
  verifyEd25519,
  type Code,
  type InstanceId,
  type Outcome,
  type PlanVerdict,
  type ResetPlan,
  type SealTerms,
} from '#protocol';
import type { Routes } from '../api/routes.ts';
import { clientError, type ErrorDetail } from '../errors.ts';
import type { PinStore } from '../identities/pin-store.ts';
import { jsonText } from '../output/json.ts';
import type { Ports } from '../ports.ts';
import { followReset } from './follow.ts';
import { admitNewcomers } from './newcomers.ts';
import { exitCodeOf, type Ending } from './outcome.ts';
import { obtainPasswords, type Passwords } from './passwords.ts';
import { passwordLines, reportJson, reportLines, revealable } from './report.ts';
import type { ResetRequest } from './request.ts';
import { sendingPorts } from './send.ts';
import type { SentResets } from './sent.ts';

export interface ResetWorld {
  readonly ports: Ports;
  readonly routes: Routes;
  /** URL of the control plane: what pins belong to. */
  readonly server: string;
  readonly pins: PinStore;
  readonly sent: SentResets;
}

/** `latchkey reset`, from the plan to the report. Rejects with a `CliError` while nothing has been started. */
export async function runReset(request: ResetRequest, world: ResetWorld): Promise<0 | 1> {
  const plan = await world.routes.resets.plan(request.plan);
  const verdict = await judgePlan(plan, {
    request,
    pins: indexPins(await world.pins.load(), world.server),
    verify: verifyEd25519,
    now: world.ports.clock.now(),
  });
  if (verdict.refusals.length > 0) throw refusal(verdict.refusals);
  const outcomes = new Map<InstanceId, Outcome>();
  for (const target of verdict.blocked) outcomes.set(target.instanceId, outcomeOfBlocked(target));
  for (const target of verdict.ready) outcomes.set(target.instanceId, outcomeOfReady(target, null));
  if (request.dryRun) return report('dry-run', { request, plan, outcomes, passwords: null }, world);

  if (verdict.blocked.length > 0 && !(request.skipBlocked && verdict.ready.length > 0)) {
    throw clientError('targets-blocked', verdict.blocked.map(blockedDetail));
  }
  await admitNewcomers(request, verdict, world.ports.terminal);
  const passwords = await obtainPasswords(request.passwordSource, verdict.ready, plan.passwordPolicy, world.ports);
  // From here on an interrupt only detaches, until the report is out: what was started must be said.
  const stop = new AbortController();
  const unlisten = world.ports.interrupts.listen(() => stop.abort());
  try {
    const ending = await carryOut({ request, plan, verdict, outcomes, passwords, signal: stop.signal }, world);
    return report(ending, { request, plan, outcomes, passwords }, world);
  } finally {
    unlisten();
    passwords.dispose();
  }
}

interface Undertaking {
  readonly request: ResetRequest;
  readonly plan: ResetPlan;
  readonly verdict: PlanVerdict;
  readonly outcomes: Map<InstanceId, Outcome>;
  readonly passwords: Passwords;
  /** Aborts when the operator wants out. */
  readonly signal: AbortSignal;
}

/** Seals, sends and watches. */
async function carryOut(undertaking: Undertaking, world: ResetWorld): Promise<Ending> {
  const { request, plan, verdict, outcomes, passwords, signal } = undertaking;
  const { ports, routes, sent } = world;
  const terms: SealTerms = {
    resetId: plan.resetId,
    // The seal binds what the operator asked for, not what the plan says about it.
    mode: request.plan.mode,
    options: request.plan.options,
    notAfter: notAfterOf(request.plan.mode, plan.now),
  };
  const { sealed, digests } = await sealAll(verdict.ready, terms, passwords);
  const expectations = expectationsOf(verdict.ready, plan, digests);
  // Pins and records before the effect: afterwards a crash would lose what proves the results.
  await world.pins.add(verdict.pins);
  await sent.save([...expectations.values()]);

  const { resetId, notAfter } = terms;
  const chunks = chunksOf(sealed, { resetId, notAfter, skipBlocked: request.skipBlocked });
  const started = await sendChunks(chunks, sendingPorts(routes.resets, ports.clock, signal)).catch(
    async (error: unknown) => {
      await sent.forget(resetId);
      throw error;
    },
  );
  if (started === 'given-up') {
    await sent.forget(resetId);
    throw clientError('not-confirmed');
  }
  const pending = request.plan.mode === 'offline' ? 'staged' : 'pending';
  for (const target of verdict.ready) outcomes.set(target.instanceId, outcomeOfReady(target, pending));
  if (started === 'unknown') {
    ports.terminal.err('It is not known whether the control plane took the reset: the connection was lost.');
    return 'detached';
  }
  if (!request.wait) return 'accepted';
  const { terminal, clock, random } = ports;
  const following = { resetId, outcomes, expectations, routes, terminal, clock, random, signal };
  const finished = await followReset({ ...following, verify: verifyEd25519 });
  if (finished) await sent.end(resetId);
  return finished ? 'watched' : 'detached';
}

interface Finished {
  readonly request: ResetRequest;
  readonly plan: ResetPlan;
  readonly outcomes: ReadonlyMap<InstanceId, Outcome>;
  readonly passwords: Passwords | null;
}

function report(ending: Ending, finished: Finished, { ports: { terminal } }: ResetWorld): 0 | 1 {
  const { request, plan, passwords } = finished;
  const outcomes = [...finished.outcomes.values()];
  const revealed = new Map<string, string>();
  if (passwords?.generated === true) {
    for (const { instanceId } of revealable(outcomes)) {
      revealed.set(instanceId, Buffer.from(passwords.bytesFor(instanceId)).toString('utf8'));
    }
  }
  const whole = {
    id: plan.resetId,
    mode: plan.mode,
    account: request.plan.account,
    ...{ ending, outcomes, revealed, samePassword: passwords?.same === true },
  };
  if (ending === 'detached') {
    terminal.err(`Detached; the reset goes on. Watch it with: latchkey resets watch ${plan.resetId}`);
  }
  if (request.json) {
    terminal.data(jsonText(reportJson(whole)));
  } else {
    for (const line of [...reportLines(whole), ...passwordLines(whole)]) terminal.out(line);
  }
  return exitCodeOf(ending, tallyOf(outcomes));
}

function blockedDetail({ name, blocked }: PlanVerdict['blocked'][number]): ErrorDetail {
  const code = blocked?.code ?? 'targets-blocked';
  return { subject: name, code, message: `${blocked?.message ?? ''} ${blocked?.remedy ?? ''}`.trim() };
}

/** What is graver comes first, and names the error. */
const GRAVITY: readonly Code[] = [
  'identity-changed',
  'instance-renamed',
  'sealing-key-unsigned',
  'sealing-key-other-instance',
  'control-plane-answer-invalid',
  'identity-unknown',
  'sealing-key-expired',
  'clock-disagrees',
];

function refusal(refusals: readonly ErrorDetail[]) {
  const worst = GRAVITY.find((code) => refusals.some((detail) => detail.code === code));
  return clientError(worst ?? 'control-plane-answer-invalid', refusals);
}
