import * as z from 'zod';
import { indexPins, type AuditRecord } from '#protocol';
import { usageError } from '../errors.ts';
import { parseDuration, timeText } from '../output/format.ts';
import { tableLines } from '../output/table.ts';
import type { Ports } from '../ports.ts';
import { pinStoreOf } from '../state.ts';
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
  handleConnected(command, context, ListFlags, async ({ flags, ports, routes, server }) => {
    const { action, resource, actor } = flags;
    const since = flags.since === undefined ? undefined : momentOf(flags.since, ports.clock.now());
    const items = await routes.audit.list({ action, resource, actor, since }, flags.limit);
    const nameOf = await pinnedNames(ports, server);
    print(ports, flags.json, { items }, () => auditTable(items, nameOf));
    return 0;
  });
};

function momentOf(text: string, now: number): number {
  const spanMs = parseDuration(text);
  const at = spanMs === null ? Date.parse(text) : now - spanMs;
  if (Number.isNaN(at)) throw usageError('--since', 'is neither a span (90s, 15m, 24h, 7d) nor an ISO 8601 time');
  return Math.max(0, at);
}

type Names = (instanceId: string) => string;

function auditTable(items: readonly AuditRecord[], nameOf: Names): string[] {
  const rows = items.map((record) => {
    const { sequence, at, actor, action, resource, decision, rule, code } = record;
    const decided = decision === null ? '-' : `${decision}${rule === null ? '' : ` (${rule})`}`;
    return [String(sequence), timeText(at), actor, action, resource, factsText(record, nameOf), decided, code ?? '-'];
  });
  return tableLines(['NUMBER', 'AT', 'ACTOR', 'ACTION', 'RESOURCE', 'WHAT', 'DECISION', 'CODE'], rows);
}

/** What happened to a task, where, in one cell; of other events their resource says it. */
function factsText({ action, detail }: AuditRecord, nameOf: Names): string {
  const { instance, account, from, to } = detail;
  if (action !== 'task.state' || typeof instance !== 'string') return '-';
  return `${nameOf(instance)} ${text(account)}: ${text(from)} → ${text(to)}`;
}

function text(fact: AuditRecord['detail'][string] | undefined): string {
  return fact === null || fact === undefined ? '?' : String(fact);
}

/** Names as this user has pinned them: the records hold ids only, and asking for each would cost a request. */
async function pinnedNames(ports: Ports, server: string): Promise<Names> {
  const { byId } = indexPins(await pinStoreOf(ports).load(), server);
  return (instanceId) => byId.get(instanceId)?.name ?? instanceId;
}
