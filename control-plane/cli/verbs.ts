import type { AddVerb } from './commands/support.ts';

export interface Verb {
  readonly name: string;
  readonly summary: string;
  /** The code behind the verb, fetched when it is used: starting up costs what the verb needs and no more. */
  load(): Promise<AddVerb>;
}

/** Every verb of the operator, in the order of `--help`. */
export const VERBS: readonly Verb[] = [
  {
    name: 'reset',
    summary: 'reset the password of an account on one instance or many',
    load: async () => (await import('./commands/reset.ts')).addReset,
  },
  {
    name: 'resets',
    summary: 'list, show, watch, pause, resume, cancel and retry resets',
    load: async () => (await import('./commands/resets.ts')).addResets,
  },
  {
    name: 'instances',
    summary: 'list, show, add, import, rename, tag, move, remove and trust instances',
    load: async () => (await import('./commands/instances.ts')).addInstances,
  },
  {
    name: 'service',
    summary: 'list and add projects, enable and disable online reset for them',
    load: async () => (await import('./commands/service.ts')).addService,
  },
  {
    name: 'tokens',
    summary: 'create, list and revoke tokens',
    load: async () => (await import('./commands/tokens.ts')).addTokens,
  },
  {
    name: 'agents',
    summary: 'print the line that installs the agent, list its releases',
    load: async () => (await import('./commands/agents.ts')).addAgents,
  },
  {
    name: 'audit',
    summary: 'see who did what',
    load: async () => (await import('./commands/audit.ts')).addAudit,
  },
  {
    name: 'whoami',
    summary: 'say whose token is used, and what it may do',
    load: async () => (await import('./commands/whoami.ts')).addWhoami,
  },
];
