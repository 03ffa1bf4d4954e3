import type { PromiseName } from '../truth/promises.ts';
import type { Climate } from '../world/climate.ts';
import { NO_SABOTAGE, type Sabotage } from '../world/sabotage.ts';
import * as agents from './agents.ts';
import * as controlPlanes from './control-planes.ts';

/** A part that is broken on purpose, and the promises of which at least one must be seen to break. */
export interface Mutation {
  readonly name: string;
  readonly sabotage: Sabotage;
  readonly breaks: readonly PromiseName[];
  /** Where what it takes is rare: a world in which it is not. */
  readonly climate: Partial<Climate>;
}

type How = Partial<Sabotage> & { readonly climate?: Partial<Climate> };

const mutation = (name: string, { climate = {}, ...how }: How, ...breaks: PromiseName[]): Mutation => ({
  ...{ name, breaks, climate },
  sabotage: { ...NO_SABOTAGE, ...how },
});

const CALM: Partial<Climate> = { faults: [], agentHazard: 0, serverHazard: 0, byzantine: 0, storeLatencyMsMax: 0 };
const MAD_PROXY: Partial<Climate> = { ...CALM, byzantine: 0.15, requestGapMs: 500, machines: 1, activeMs: 100_000 };
const RESTORES: Partial<Climate> = {
  ...CALM,
  ...{ faults: ['backup', 'restore'], faultGapMs: 5_000, requestGapMs: 500, machines: 1 },
};
const LOST_WORDS: Partial<Climate> = { ...CALM, lostWords: 0.9 };

export const MUTATIONS: readonly Mutation[] = [
  mutation(
    'an agent that acts before its journal is on disk',
    { agent: agents.actsBeforeItsJournal },
    'journal before effect',
  ),
  mutation(
    'a machine that begins before that is recorded',
    { agent: agents.beginsUnrecorded },
    'journal before effect',
  ),
  mutation(
    'an agent that forgets its journal',
    { agent: agents.forgetsItsJournal },
    ...(['a reset is applied once', 'every end is true'] as const),
  ),
  mutation(
    'an agent that compares no generations',
    { agent: agents.comparesNoGenerations, climate: MAD_PROXY },
    'an older generation never follows a newer one',
  ),
  mutation(
    'an agent that checks no signatures',
    { agent: agents.checksNoSignatures },
    'only orders of the control plane are taken',
  ),
  mutation(
    'an agent that says a result only once',
    { agent: agents.saysResultsOnce },
    ...(['everything comes to rest', 'every end is true'] as const),
  ),
  mutation(
    'an agent that keeps its generations to itself when a backup was restored',
    { agent: agents.keepsItsGenerations, climate: RESTORES },
    'generations strictly rise',
  ),
  mutation('an agent that trusts exit codes', { agent: agents.trustsExitCodes }, 'every end is true'),
  mutation('an agent that runs resets twice', { agent: agents.runsResetsTwice }, 'a reset is applied once'),
  mutation(
    'an agent that takes one account for the other',
    { agent: agents.mistakesAccounts },
    'only what was asked for happens',
  ),
  mutation(
    'an agent that puts off what it was told to do',
    { agent: agents.putsResetsOff },
    'nothing is applied after its limit',
  ),
  mutation(
    'a control plane that says "succeeded" without the word of the instance',
    { server: controlPlanes.believesBeginnings },
    'every end is true',
  ),
  mutation(
    'a control plane that lets orders leave before it has written that down',
    { server: controlPlanes.losesDispatches },
    'record before effect',
  ),
  mutation(
    'a control plane that drops its outbox',
    { server: controlPlanes.dropsItsOutbox, climate: LOST_WORDS },
    'everything comes to rest',
  ),
  mutation(
    'a control plane that looks at no limits',
    { server: controlPlanes.expiresNothing },
    'everything comes to rest',
  ),
  mutation('a control plane that fences no copy', { server: controlPlanes.fencesNobody }, 'a copy is fenced'),
  mutation(
    'a control plane that takes a crash for a copy',
    { server: controlPlanes.remembersNoContinuity },
    'no healthy agent is fenced',
  ),
  mutation(
    'a control plane that changes tasks without a record',
    { server: controlPlanes.recordsNothing },
    'every change is audited',
  ),
  mutation(
    'a control plane that keeps what was sealed',
    { server: controlPlanes.erasesNothing },
    'sealed bytes go with the task',
  ),
  mutation('a control plane that ends no reset', { server: controlPlanes.endsNoReset }, 'every reset ends'),
  mutation(
    'a control plane that numbers no resets',
    { server: controlPlanes.countsNoGenerations },
    'generations strictly rise',
  ),
  mutation(
    'a backup that is restored without what has to follow',
    { cleanUp: () => Promise.resolve(), climate: RESTORES },
    'no healthy agent is fenced',
  ),
];
