import type { ComponentMap, OperatingSystem, PowerState, Tags } from '#protocol';

/** An instance of the fleet that pictures and tests of the console show, and how its agent is. */
export interface Member {
  readonly name: string;
  readonly os: OperatingSystem;
  readonly project: string;
  readonly tags: Tags;
  /** `away`: it was there until lately. `added`: no agent was ever enrolled. */
  readonly agent: 'connected' | 'away' | 'added';
  readonly version: string;
  readonly osVersion: string;
  readonly power: PowerState;
  /** What its agent says of its health; nothing said is well. */
  readonly components: ComponentMap;
}

const WELL: ComponentMap = {
  'account-database': { state: 'ok' },
  'script-runner': { state: 'ok' },
  authentication: { state: 'ok' },
  journal: { state: 'ok' },
  trust: { state: 'ok' },
  disk: { state: 'ok' },
  clock: { state: 'ok' },
};
export const PROJECTS = ['default', 'payments', 'edge'] as const;
const [NEWEST, OLDER, OLDEST] = ['0.3.1', '0.3.0', '0.2.4'] as const;
const [BOOKWORM, TRIXIE] = ['Debian GNU/Linux 12 (bookworm)', 'Debian GNU/Linux 13 (trixie)'] as const;

/** So many of one role, called ROLE-1, ROLE-2 and so on. */
function group(role: string, count: number, about: Partial<Member> & { readonly zones?: string } = {}): Member[] {
  const { zones = 'ab', ...rest } = about;
  return Array.from({ length: count }, (_, at) => ({
    name: `${role}-${String(at + 1)}`,
    os: 'linux' as const,
    project: 'default',
    tags: { role, zone: zones[at % zones.length] ?? 'a' },
    agent: 'connected' as const,
    version: NEWEST,
    osVersion: TRIXIE,
    power: 'unknown' as const,
    components: WELL,
    ...rest,
  }));
}

/** What is special about one of them. */
const SPECIAL: Readonly<Record<string, Partial<Member>>> = {
  'db-2': {
    components: {
      ...WELL,
      'account-database': { state: 'failing', code: 'account-database-read-only', detail: '/etc is mounted read-only' },
    },
  },
  'build-3': { components: { ...WELL, disk: { state: 'failing', code: 'disk-full', detail: '/var: 0 bytes free' } } },
  'edge-rotterdam': {
    components: { ...WELL, clock: { state: 'failing', code: 'clock-skewed', detail: '412 s behind' } },
  },
  'pay-gateway-2': {
    components: {
      ...WELL,
      authentication: { state: 'failing', code: 'pam-unavailable', detail: '/etc/pam.d/common-auth' },
    },
  },
  'web-5': { agent: 'away', power: 'stopped' },
  'build-4': { agent: 'away', power: 'stopped' },
  'edge-oslo': { agent: 'away' },
  'web-3': { version: OLDER, tags: { role: 'web', zone: 'a', canary: 'yes', team: 'storefront', cost: '4711' } },
};

/** A small fleet on an ordinary day. */
export const FLEET: readonly Member[] = [
  ...group('web', 6),
  ...group('api', 5, { version: OLDER }),
  ...group('db', 3, { osVersion: BOOKWORM }),
  ...group('build', 4, { zones: 'c', version: OLDEST, osVersion: BOOKWORM }),
  ...group('pay-gateway', 4, { project: 'payments' }),
  ...group('pay-ledger', 3, { project: 'payments', osVersion: BOOKWORM }),
  ...['amsterdam', 'lisbon', 'oslo', 'rotterdam', 'turin', 'vienna'].map((city) => edge(city)),
  ...group('desk', 4, { os: 'windows', project: 'default', agent: 'added', zones: 'office' }),
  ...group('standby', 3, { agent: 'added' }),
].map((member) => ({ ...member, ...SPECIAL[member.name] }));

function edge(city: string): Member {
  const [one] = group('edge', 1, { project: 'edge', version: OLDER, osVersion: BOOKWORM });
  if (one === undefined) throw new Error('a group of one has one');
  return { ...one, name: `edge-${city}`, tags: { role: 'edge', city } };
}
