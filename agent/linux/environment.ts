/** Where programs of the system are looked for, in this order. */
export const PROGRAM_DIRECTORIES = ['/usr/sbin', '/usr/bin', '/sbin', '/bin'] as const;

/** What every program that is started here gets, and nothing of the agent's own environment: tools of the system, in English. */
export const SYSTEM_ENVIRONMENT = { PATH: PROGRAM_DIRECTORIES.join(':'), LC_ALL: 'C' } as const;
