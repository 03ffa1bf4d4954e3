import type { AuditRecord } from '#protocol';
import { csvLine, jsonLine, type ExportFormat } from '../../parts/export.ts';

/** How far back, in milliseconds. */
const SPANS = { '1h': 3_600_000, '24h': 86_400_000, '7d': 7 * 86_400_000, '30d': 30 * 86_400_000 } as const;
export type Span = keyof typeof SPANS;
export const SPAN_NAMES = Object.keys(SPANS) as Span[];

/** What is asked for; all of it must be true of a record. What stands in no URL is empty. */
export interface AuditFilter {
  readonly action: string;
  readonly resource: string;
  readonly actor: string;
  /** A span that ends now, or a moment in milliseconds since the epoch; null for everything. */
  readonly since: Span | number | null;
}

const ACTION_CHARS_MAX = 100;
const TEXT_CHARS_MAX = 200;
const EPOCH_MS_MAX = 253_402_300_799_999;

/** The filter of a URL. Somebody may have written it by hand: what makes no sense is left out. */
export function readFilter(params: URLSearchParams): AuditFilter {
  return {
    action: (params.get('action') ?? '').trim().slice(0, ACTION_CHARS_MAX),
    resource: (params.get('resource') ?? '').trim().slice(0, TEXT_CHARS_MAX),
    actor: (params.get('actor') ?? '').trim().slice(0, TEXT_CHARS_MAX),
    since: readSince(params.get('since')),
  };
}

function readSince(text: string | null): AuditFilter['since'] {
  if (text === null || text === '') return null;
  const span = SPAN_NAMES.find((name) => name === text);
  if (span !== undefined) return span;
  const moment = /^\d{1,15}$/.test(text) ? Number(text) : /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : NaN;
  return Number.isInteger(moment) && moment >= 0 && moment <= EPOCH_MS_MAX ? moment : null;
}

/** The URL of a filter, at its first page; what is empty is left out. */
export function writeFilter({ action, resource, actor, since }: AuditFilter): URLSearchParams {
  const params = new URLSearchParams();
  for (const [name, value] of Object.entries({ action, resource, actor })) {
    if (value !== '') params.set(name, value);
  }
  if (since !== null) params.set('since', String(since));
  return params;
}

/** The filter in the words of the API; spans are counted back from `now`. */
export function filterQuery(filter: AuditFilter, now: number): URLSearchParams {
  const { since } = filter;
  return writeFilter({ ...filter, since: typeof since === 'string' ? now - SPANS[since] : since });
}

export function isFiltered(filter: AuditFilter): boolean {
  return writeFilter(filter).size > 0;
}

const HEADING = ['sequence', 'at', 'actor', 'action', 'resource', 'decision', 'rule', 'code', 'detail'] as const;

/** The line above all others; none where each line says itself what it holds. */
export function exportHeading(format: ExportFormat): string {
  return format === 'csv' ? csvLine(HEADING) : '';
}

/** One record as a line of an export; times as ISO 8601, in UTC. */
export function exportRow(format: ExportFormat, record: AuditRecord): string {
  const at = new Date(record.at).toISOString();
  if (format === 'jsonl') return jsonLine({ ...record, at });
  const { sequence, actor, action, resource, decision, rule, code, detail } = record;
  return csvLine([sequence, at, actor, action, resource, decision, rule, code, JSON.stringify(detail)]);
}
