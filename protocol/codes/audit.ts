import type { CodeEntry } from './entry.ts';

const code = (message: string, remedy: string): CodeEntry => ({ status: null, message, remedy });

/** Why the control plane does not believe a word of an instance. Nobody is answered with these: they stand in the audit. */
export const AUDIT_CODES = {
  'result-other-identity': code(
    'The result is signed by another identity than the one that the instance has.',
    'If the instance was just re-enrolled, nothing to do; else look into what signs there.',
  ),
  'result-bad-signature': code(
    'The signature of the result is wrong.',
    'The agent is damaged, or not what it seems: look into the instance.',
  ),
  'result-malformed': code('The result cannot be read.', 'Bring agent and control plane to versions that fit.'),
  'result-other-instance': code(
    'The result speaks of another instance than the one that sent it.',
    'A fault of the agent, or an attempt to speak for others: look into the instance.',
  ),
} as const satisfies Record<string, CodeEntry>;
