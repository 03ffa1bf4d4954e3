import { InstanceName, JOIN_TOKEN_USES_MAX, ProjectName, ReleaseVersion, type OperatingSystem } from '#protocol';
import { LIVES, type Life } from '../../parts/lives.ts';
import type { texts } from '../../texts/index.ts';

export const PLATFORMS = ['linux-x64', 'linux-arm64'] as const;
export type InstallPlatform = (typeof PLATFORMS)[number];

/** What somebody chooses and types; nothing of it is secret. */
export interface InstallForm {
  readonly os: OperatingSystem;
  readonly platform: InstallPlatform;
  /** Null: the newest finished one. */
  readonly version: string | null;
  readonly project: string;
  readonly name: string;
  readonly reEnrol: boolean;
  readonly life: Life;
  readonly uses: string;
  readonly url: string;
  readonly service: boolean;
}

export function emptyForm(name: string, origin: string, reEnrol = false): InstallForm {
  return {
    os: 'linux',
    platform: 'linux-x64',
    version: null,
    project: 'default',
    name,
    reEnrol,
    life: '1h',
    uses: '1',
    url: origin,
    service: true,
  };
}

export type InstallProblem = keyof typeof texts.install.problems;

/** What a line is made of. */
export interface Wanted {
  readonly platform: InstallPlatform;
  readonly version: ReleaseVersion | null;
  readonly project: ProjectName;
  /** The instance that the token is bound to; null: whoever comes. */
  readonly name: InstanceName | null;
  readonly reEnrol: boolean;
  readonly ttlMs: number;
  readonly life: Life;
  readonly uses: number;
  /** Origin of the control plane, as the host reaches it. */
  readonly url: string;
  readonly service: boolean;
}

export type Checked =
  { readonly ok: true; readonly wanted: Wanted } | { readonly ok: false; readonly problems: readonly InstallProblem[] };

export function checkForm(form: InstallForm): Checked {
  const project = ProjectName.safeParse(form.project.trim()).data;
  const isNamed = form.name.trim() !== '';
  const name = isNamed ? InstanceName.safeParse(form.name.trim()).data : null;
  const uses = /^\d{1,6}$/.test(form.uses.trim()) ? Number(form.uses) : 0;
  const url = originOf(form.url.trim());
  const version = form.version === null ? null : ReleaseVersion.safeParse(form.version).data;
  const usesFit = uses >= 1 && uses <= JOIN_TOKEN_USES_MAX && !(isNamed && uses !== 1);
  if (project !== undefined && name !== undefined && version !== undefined && url !== null && usesFit) {
    const { platform, life, service } = form;
    const reEnrol = form.reEnrol && isNamed;
    const ttlMs = LIVES[life] ?? LIVES['7d'];
    return { ok: true, wanted: { platform, version, project, name, reEnrol, ttlMs, life, uses, url, service } };
  }
  return {
    ok: false,
    problems: [
      ...(project === undefined ? (['project'] as const) : []),
      ...(name === undefined ? (['name'] as const) : []),
      ...(version === undefined ? (['version'] as const) : []),
      ...(url === null ? (['url'] as const) : []),
      ...(usesFit ? [] : (['uses'] as const)),
    ],
  };
}

/** Nothing that a shell could take for its own: it stands between single quotes in the line. */
const ORIGIN = /^https:\/\/[A-Za-z0-9.:[\]_-]+$/;

/** The origin that a host is told; null for text that is none. */
export function originOf(text: string): string | null {
  const url = URL.parse(text);
  if (url?.protocol !== 'https:' || url.pathname !== '/') return null;
  const isBare = `${url.search}${url.hash}${url.username}${url.password}` === '';
  return isBare && ORIGIN.test(url.origin) ? url.origin : null;
}

/** What the playbook is to ask the command line for. */
export function ansibleOptions({ platform, version, project, life, url, service }: Wanted): string[] {
  return [
    ...['--arch', platform === 'linux-arm64' ? 'arm64' : 'x64', '--ttl', life],
    ...(version === null ? [] : ['--version', version]),
    ...['--project', project, '--agent-url', url],
    ...(service ? [] : ['--no-service']),
  ];
}
