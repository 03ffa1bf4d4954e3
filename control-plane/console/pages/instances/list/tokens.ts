import { AgentState, OperatingSystem, parseTag, ProjectName, TAGS_MAX } from '#protocol';
import { SEARCH_CHARS_MAX, VERSION_CHARS_MAX, type Filter } from './view.ts';

export const PROPERTIES = ['state', 'os', 'project', 'tag', 'version'] as const;

/** One thing that is asked for, as the field for filters holds it; without a property it is part of the name. */
export interface Token {
  readonly propertyKey?: string;
  readonly operator: string;
  readonly value: unknown;
}

const IS = '=';
const HOLDS = ':';

export function tokensOf({ search, tags, ...single }: Filter): Token[] {
  return [
    ...(search === undefined ? [] : [{ operator: HOLDS, value: search }]),
    ...Object.entries(single).map(([propertyKey, value]) => ({ propertyKey, operator: IS, value })),
    ...tags.map((value) => ({ propertyKey: 'tag', operator: IS, value })),
  ];
}

/**
 * The filter that tokens ask for. The API takes one value of each but tags, so that the last one that was given counts.
 * What cannot be asked for is handed back, and left out.
 */
export function filterOf(tokens: readonly Token[]): { filter: Filter; refused: Token[] } {
  const refused: Token[] = [];
  let filter: Filter = { tags: [] };
  for (const token of tokens) {
    const next = withToken(filter, token);
    if (next === null) refused.push(token);
    else filter = next;
  }
  return { filter, refused };
}

function withToken(filter: Filter, { propertyKey, value: given }: Token): Filter | null {
  const value = typeof given === 'string' ? given.trim() : '';
  if (value === '') return null;
  const lower = value.toLowerCase();
  switch (propertyKey) {
    case undefined:
      return value.length > SEARCH_CHARS_MAX ? null : { ...filter, search: lower };
    case 'state': {
      const state = AgentState.safeParse(lower.replaceAll(' ', '-'));
      return state.success ? { ...filter, state: state.data } : null;
    }
    case 'os': {
      const os = OperatingSystem.safeParse(lower);
      return os.success ? { ...filter, os: os.data } : null;
    }
    case 'project': {
      const project = ProjectName.safeParse(value);
      return project.success ? { ...filter, project: project.data } : null;
    }
    case 'version':
      return value.length > VERSION_CHARS_MAX ? null : { ...filter, version: value };
    case 'tag':
      if (parseTag(value) === null || filter.tags.length >= TAGS_MAX) return null;
      return filter.tags.includes(value) ? filter : { ...filter, tags: [...filter.tags, value] };
    default:
      return null;
  }
}
