import type { AgentState } from '#protocol';

/** What every page says. */
export const common = {
  product: 'Latchkey',
  signIn: {
    title: 'Sign in to Latchkey',
    token: 'API token',
    tokenHint: 'As "latchkey tokens create" printed it. It is exchanged for a session and not kept.',
    submit: 'Sign in',
    empty: 'Enter a token.',
    ended: 'Your session has ended. Sign in again to go on where you were.',
  },
  session: {
    signOut: 'Sign out',
    stillSignedIn: 'You are still signed in',
    holder: (name: string, role: string) => `${name} (${role})`,
  },
  navigation: {
    health: 'Health',
    instances: 'Instances',
    resets: 'Resets',
    install: 'Install agent',
    audit: 'Audit',
    access: 'Tokens and sessions',
    settings: 'Settings',
  },
  frame: {
    navigation: 'Pages',
    navigationToggle: 'Open the list of pages',
    navigationClose: 'Close the list of pages',
    notifications: 'Notices',
  },
  connection: {
    lost: 'The connection to the control plane is lost. What you see may be out of date; it comes back by itself.',
  },
  paging: {
    newest: 'Newest',
    older: 'Older',
    newestOf: (label: string) => `${label}: go to the newest`,
    olderOf: (label: string) => `${label}: go to older ones`,
  },
  loading: 'Loading',
  retry: 'Try again',
  close: 'Close',
  refresh: 'Refresh',
  defect: {
    title: 'This page has a defect',
    how: (said: string) => `Reload it; if it comes again, report it with these words: ${said}`,
  },
  notFound: {
    title: 'There is no such page',
    back: 'Go to the health of all agents',
  },
  removedInstance: 'removed since',
  agentStates: {
    running: 'Running',
    abnormal: 'Abnormal',
    offline: 'Offline',
    installing: 'Installing',
    'install-failed': 'Install failed',
    'not-installed': 'Not installed',
  } satisfies Record<AgentState, string>,
};
