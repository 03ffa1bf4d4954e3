import * as z from 'zod';
import type { AuditRecord } from '#protocol';
import { usageError } from '../errors.ts';
import { parseDuration, timeText } from '../output/format.ts';
import { tableLines } from '../output/table.ts';
import { CommonFlags, handleConnected, print, type AddVerb } from './support.ts';

const ROWS_DEFAULT = 100;

const ListFlags = CommonFlags.extend({
  limit: z.coerce.number().int().min(1).default(ROWS_DEFAULT),
  action: z.string().max(100).optional(),
  resource: z.string().max(200).optional(),
  actor: z.string().max(200).optional(),
  since: z.string().optional(),
});

/** `latchkey audit …`. */
export const addAudit: AddVerb = (parent, context) => {
  const command = parent
    .command('list')
    .description('who did what, when, and which rule decided')
    .option('--limit <N>', `how many at the most (default: ${ROWS_DEFAULT})`)
    .option('--action <ACTION>', 'such as reset.start')
    .option('--resource <RESOURCE>', 'such as instance:ID or reset:ID')
    .option('--actor <ACTOR>', 'as the listing shows it')
    .option('--since <WHEN>', 'a span back from now (90s, 15m, 24h, 7d) or an ISO 8601 time')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, ListFlags, async ({ flags, ports, routes }) => {
    const { action, resource, actor } = flags;
    const since = flags.since === undefined ? undefined : momentOf(flags.since, ports.clock.now());
    const items = await routes.audit.list({ action, resource, actor, since }, flags.limit);
    print(ports, flags.json, { items }, () => auditTable(items));
    return 0;
  });
};

function momentOf(text: string, now: number): number {
  const spanMs = parseDuration(text);
  const at = spanMs === null ? Date.parse(text) : now - spanMs;
  if (Number.isNaN(at)) throw usageError('--since', 'is neither a span (90s, 15m, 24h, 7d) nor an ISO 8601 time');
  return Math.max(0, at);
}

function auditTable(items: readonly AuditRecord[]): string[] {
  const rows = items.map(({ sequence, at, actor, action, resource, decision, rule, code }) => {
    const decided = decision === null ? '-' : `${decision}${rule === null ? '' : ` (${rule})`}`;
    return [String(sequence), timeText(at), actor, action, resource, decided, code ?? '-'];
  });
  return tableLines(['NUMBER', 'AT', 'ACTOR', 'ACTION', 'RESOURCE', 'DECISION', 'CODE'], rows);
}
