/** What every program that is started here gets, and nothing of the agent's own environment: tools of the system, in English. */
export const SYSTEM_ENVIRONMENT = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' } as const;
