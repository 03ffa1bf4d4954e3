import { AccountRef, CreateToken, InstanceName, JOIN_TOKEN_USES_MAX, ProjectName, type ActorRole } from '#protocol';
import type * as z from 'zod';
import { LIVES, type Life } from '../../parts/lives.ts';
import type { texts } from '../../texts/index.ts';

/** What somebody types to make an API token; lists are separated by commas. */
export interface ApiForm {
  readonly name: string;
  readonly role: ActorRole;
  readonly projects: string;
  readonly accounts: string;
  readonly privileged: boolean;
  readonly life: Life;
}

/** What somebody types to make a join token. */
export interface JoinForm {
  readonly project: string;
  readonly instance: string;
  readonly reEnrol: boolean;
  readonly uses: string;
  readonly life: Life;
}

export const EMPTY_API: ApiForm = {
  name: '',
  role: 'viewer',
  projects: '',
  accounts: '',
  privileged: false,
  life: '30d',
};
export const EMPTY_JOIN: JoinForm = { project: 'default', instance: '', reEnrol: false, uses: '1', life: '1h' };

/** A field that cannot be sent as it is. */
export type TokenProblem = keyof typeof texts.access.create.problems;

export type TokenRequest =
  | { readonly ok: true; readonly request: CreateToken }
  | { readonly ok: false; readonly problems: readonly TokenProblem[] };

export function apiRequest(form: ApiForm): TokenRequest {
  const name = form.name.trim();
  const projects = listOf(ProjectName, form.projects);
  const accounts = listOf(AccountRef, form.accounts);
  const problems: TokenProblem[] = [];
  if (name === '' || [...name].length > 63) problems.push('name');
  if (projects === undefined) problems.push('projects');
  if (accounts === undefined) problems.push('accounts');
  if (problems.length > 0) return { ok: false, problems };
  const { role, privileged, life } = form;
  return checked({ type: 'api', name, role, projects, accounts, privileged, ttlMs: LIVES[life] }, 'name');
}

export function joinRequest(form: JoinForm): TokenRequest {
  const project = ProjectName.safeParse(form.project.trim()).data;
  const isBound = form.instance.trim() !== '';
  const instance = isBound ? InstanceName.safeParse(form.instance.trim()).data : null;
  const uses = /^\d{1,6}$/.test(form.uses.trim()) ? Number(form.uses) : 0;
  const problems: TokenProblem[] = [];
  if (project === undefined) problems.push('project');
  if (instance === undefined) problems.push('instance');
  if (uses < 1 || uses > JOIN_TOKEN_USES_MAX || (isBound && uses !== 1)) problems.push('uses');
  if (form.reEnrol && !isBound) problems.push('reEnrol');
  if (problems.length > 0) return { ok: false, problems };
  const ttlMs = LIVES[form.life] ?? LIVES['7d'];
  return checked({ type: 'join', project, instance, reEnrol: form.reEnrol, uses, ttlMs }, 'project');
}

/** What the protocol would refuse besides: said at the field that is left. */
function checked(request: unknown, blamed: TokenProblem): TokenRequest {
  const parsed = CreateToken.safeParse(request);
  return parsed.success ? { ok: true, request: parsed.data } : { ok: false, problems: [blamed] };
}

/** Text separated by commas; null for none, undefined where an item is wrong. */
function listOf<S extends z.ZodType>(schema: S, text: string): z.output<S>[] | null | undefined {
  const items = text.split(',').flatMap((item) => (item.trim() === '' ? [] : [item.trim()]));
  if (items.length === 0) return null;
  const parsed = schema
    .array()
    .max(100)
    .safeParse([...new Set(items)]);
  return parsed.data;
}
