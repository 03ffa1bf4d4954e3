import type { Command } from 'commander';
import * as z from 'zod';
import { CreateToken, TokenId, type Token } from '#protocol';
import { usageError } from '../errors.ts';
import { parseDuration, timeText } from '../output/format.ts';
import { tableLines } from '../output/table.ts';
import {
  CommonFlags,
  handleConnected,
  print,
  readArgument,
  repeated,
  type AddVerb,
  type CommandContext,
} from './support.ts';

/** `latchkey tokens …`. */
export const addTokens: AddVerb = (command, context) => {
  addCreate(command, context);
  addList(command, context);
  addRevoke(command, context);
};

const CreateFlags = CommonFlags.extend({
  type: z.enum(['api', 'join']).default('api'),
  ttl: z.string().optional(),
  name: z.string().optional(),
  role: z.string().optional(),
  project: z.array(z.string()).default([]),
  account: z.array(z.string()).default([]),
  privileged: z.boolean().optional(),
  instance: z.string().optional(),
  reEnrol: z.boolean().optional(),
  uses: z.coerce.number().optional(),
});
type CreateFlags = z.infer<typeof CreateFlags>;

function addCreate(parent: Command, context: CommandContext): void {
  const command = parent
    .command('create')
    .description('a token for the API, or for agents to join with; it is shown once')
    .option('--type <TYPE>', 'api or join (default: api)')
    .option('--ttl <SPAN>', 'until it expires: 15m, 1h, 30d (join: 1h; api: never)')
    .option('--name <NAME>', 'api: whose it is')
    .option('--role <ROLE>', 'api: administrator, operator or viewer')
    .option('--project <P>', 'api: good for this project only, may be repeated; join: where instances join', repeated)
    .option('--account <NAME>', 'api: may reset this account only; may be repeated', repeated)
    .option('--privileged', 'api: may reset privileged accounts')
    .option('--instance <NAME>', 'join: bound to this instance')
    .option('--re-enrol', 'join: the bound instance may replace its identity')
    .option('--uses <N>', 'join: how many instances may join with it (default: 1)')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, CreateFlags, async ({ flags, ports, routes }) => {
    const created = await routes.tokens.create(tokenRequest(flags));
    // The token alone on standard output, so that it can be put into a file or a variable.
    print(ports, flags.json, created, () => [created.token]);
    const until = created.expiresAt === null ? 'never expires' : `expires at ${timeText(created.expiresAt)}`;
    ports.terminal.err(`Token ${created.id} ${until}. It is not shown again.`);
    return 0;
  });
}

const API_ONLY = ['name', 'role', 'account', 'privileged'] as const;
const JOIN_ONLY = ['instance', 'reEnrol', 'uses'] as const;

/** The body behind the flags; flags of the other type are refused rather than passed over. */
export function tokenRequest(flags: CreateFlags): CreateToken {
  const foreign = flags.type === 'api' ? JOIN_ONLY : API_ONLY;
  for (const name of foreign) {
    const value = flags[name];
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    throw usageError(`--${name === 'reEnrol' ? 're-enrol' : name}`, `does not go with --type ${flags.type}`);
  }
  if (flags.type === 'join' && flags.project.length > 1) throw usageError('--project', 'a join token has one project');
  if (flags.reEnrol === true && flags.instance === undefined) throw usageError('--re-enrol', 'goes with --instance');
  if (flags.type === 'api' && flags.name === undefined) throw usageError('--name', 'say whose token it is');
  if (flags.type === 'api' && flags.role === undefined) throw usageError('--role', 'administrator, operator or viewer');

  const ttlMs = flags.ttl === undefined ? undefined : parseDuration(flags.ttl);
  if (ttlMs === null) throw usageError('--ttl', 'is not a span such as 15m, 1h or 30d');
  const { name, role, privileged, instance, reEnrol, uses } = flags;
  const raw =
    flags.type === 'api'
      ? { type: 'api', name, role, privileged, projects: someOf(flags.project), accounts: someOf(flags.account), ttlMs }
      : { type: 'join', project: flags.project[0], instance, reEnrol, uses, ttlMs };
  return readArgument(CreateToken, 'token', raw);
}

function someOf(values: readonly string[]): readonly string[] | undefined {
  return values.length === 0 ? undefined : values;
}

function addList(parent: Command, context: CommandContext): void {
  const command = parent
    .command('list')
    .description('tokens, without their secrets')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, CommonFlags, async ({ flags, ports, routes }) => {
    const items = await routes.tokens.list();
    print(ports, flags.json, { items }, () => tokenTable(items, ports.clock.now()));
    return 0;
  });
}

function tokenTable(items: readonly Token[], now: number): string[] {
  const rows = items.map((token) => [
    token.id,
    token.type,
    token.name,
    token.role ?? '-',
    token.projects?.join(',') ?? 'all',
    tokenState(token, now),
    timeText(token.expiresAt),
    timeText(token.lastUsedAt),
    token.createdBy,
  ]);
  return tableLines(['ID', 'TYPE', 'NAME', 'ROLE', 'PROJECTS', 'STATE', 'EXPIRES', 'LAST USED', 'CREATED BY'], rows);
}

function tokenState({ revokedAt, expiresAt, usesLeft }: Token, now: number): string {
  if (revokedAt !== null) return 'revoked';
  if (expiresAt !== null && expiresAt <= now) return 'expired';
  if (usesLeft === 0) return 'used up';
  return usesLeft === null ? 'valid' : `valid, ${usesLeft} left`;
}

function addRevoke(parent: Command, context: CommandContext): void {
  const command = parent
    .command('revoke')
    .description('make tokens worthless at once')
    .argument('<ID...>', 'ids of tokens')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, CommonFlags, async ({ args, flags, ports, routes }) => {
    const ids = args.map((id) => readArgument(TokenId, id, id));
    for (const id of ids) {
      await routes.tokens.revoke(id);
      if (!flags.json) ports.terminal.out(`Revoked ${id}.`);
    }
    if (flags.json) print(ports, true, { revoked: ids }, () => []);
    return 0;
  });
}
