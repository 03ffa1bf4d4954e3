import type { Command } from 'commander';
import * as z from 'zod';
import {
  API_TOKEN_LIFETIME_MS_MAX,
  CreateToken,
  JOIN_TOKEN_LIFETIME_MS_MAX,
  TOKEN_LIFETIME_MS_MIN,
  TokenId,
  type CreatedToken,
  type Token,
} from '#protocol';
import { fileError } from '../config/load.ts';
import { clientError, systemCodeOf, usageError } from '../errors.ts';
import { checkJoinToken, SCRIPT_KEY_FLAG } from '../identities/script-key.ts';
import { parseDuration, timeText } from '../output/format.ts';
import { tableLines } from '../output/table.ts';
import type { Ports } from '../ports.ts';
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
  out: z.string().optional(),
  scriptKey: z.string().optional(),
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
    .option(SCRIPT_KEY_FLAG[0], `join: ${SCRIPT_KEY_FLAG[1]}`)
    .option('--out <FILE>', 'put the token into this new file, which nobody else can read')
    .option('--json', 'print one JSON object')
    .addHelpText('after', OUT_NOTES);
  handleConnected(command, context, CreateFlags, async ({ flags, ports, routes, server }) => {
    const request = tokenRequest(flags);
    const create = async () => {
      const made = await routes.tokens.create(request);
      if (flags.type === 'join') await checkJoinToken(made.token, { ports, server, named: flags.scriptKey });
      return made;
    };
    const created = flags.out === undefined ? await create() : await createInto(flags.out, create, ports);
    const { token, ...about } = created;
    if (flags.out !== undefined) print(ports, flags.json, { ...about, file: flags.out }, () => []);
    // The token alone on standard output, so that it can be put into a variable.
    else print(ports, flags.json, created, () => [token]);
    const until = created.expiresAt === null ? 'never expires' : `expires at ${timeText(created.expiresAt)}`;
    const where = flags.out === undefined ? 'It is not shown again.' : `It is in ${flags.out}, and nowhere else.`;
    ports.terminal.err(`Token ${created.id} ${until}. ${where}`);
    return 0;
  });
}

const OUT_NOTES = `
Prefer --out FILE to "> FILE": a shell makes a file that, with the usual umask, other users of this machine can read, and
it writes into one that is there already, whoever may read that. --out makes a new one for you alone, or refuses.`;

/** The file first: a token that can then not be written down would be good, and lost. */
async function createInto(path: string, create: () => Promise<CreatedToken>, ports: Ports): Promise<CreatedToken> {
  const file = await ports.files.createPrivate(path).catch((error: unknown) => {
    const code = systemCodeOf(error);
    throw fileError(path, code === 'EEXIST' ? 'it is there already' : (code ?? 'it cannot be made'), error);
  });
  const created = await create().catch(async (error: unknown) => {
    await file.discard();
    throw error;
  });
  await file.write(`${created.token}\n`).catch(async (error: unknown) => {
    await file.discard();
    const why = systemCodeOf(error) ?? 'it cannot be written';
    throw fileError(path, `${why}. The token is lost: latchkey tokens revoke ${created.id}`, error);
  });
  return created;
}

const API_ONLY = ['name', 'role', 'account', 'privileged'] as const;
const JOIN_ONLY = ['instance', 'reEnrol', 'uses', 'scriptKey'] as const;
const FLAGS: Partial<Record<string, string>> = { reEnrol: '--re-enrol', scriptKey: '--script-key' };

/** The body behind the flags; flags of the other type are refused rather than passed over. */
export function tokenRequest(flags: CreateFlags): CreateToken {
  const foreign = flags.type === 'api' ? JOIN_ONLY : API_ONLY;
  for (const name of foreign) {
    const value = flags[name];
    if (value === undefined || (Array.isArray(value) && value.length === 0)) continue;
    throw usageError(FLAGS[name] ?? `--${name}`, `does not go with --type ${flags.type}`);
  }
  if (flags.type === 'join' && flags.project.length > 1) throw usageError('--project', 'a join token has one project');
  if (flags.reEnrol === true && flags.instance === undefined) throw usageError('--re-enrol', 'goes with --instance');
  if (flags.type === 'api' && flags.name === undefined) throw usageError('--name', 'say whose token it is');
  if (flags.type === 'api' && flags.role === undefined) throw usageError('--role', 'administrator, operator or viewer');

  const ttlMs = flags.ttl === undefined ? undefined : parseDuration(flags.ttl);
  if (ttlMs === null) throw usageError('--ttl', 'is not a span such as 15m, 1h or 30d');
  if (ttlMs !== undefined) checkLifetime(flags.type, ttlMs);
  const { name, role, privileged, instance, reEnrol, uses } = flags;
  const raw =
    flags.type === 'api'
      ? { type: 'api', name, role, privileged, projects: someOf(flags.project), accounts: someOf(flags.account), ttlMs }
      : { type: 'join', project: flags.project[0], instance, reEnrol, uses, ttlMs };
  const parsed = CreateToken.safeParse(raw);
  if (parsed.success) return parsed.data;
  const details = parsed.error.issues.map(({ path, message }) => {
    const field = String(path[0] ?? '');
    return { subject: FLAG_OF[field] ?? `--${field}`, code: 'usage-invalid', message };
  });
  throw clientError('usage-invalid', details);
}

/** The flags behind the fields of the body that are not called alike. */
const FLAG_OF: Partial<Record<string, string>> = { projects: '--project', accounts: '--account', ttlMs: '--ttl' };

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;

function checkLifetime(type: CreateFlags['type'], ttlMs: number): void {
  const mostMs = type === 'api' ? API_TOKEN_LIFETIME_MS_MAX : JOIN_TOKEN_LIFETIME_MS_MAX;
  if (ttlMs >= TOKEN_LIFETIME_MS_MIN && ttlMs <= mostMs) return;
  const [least, most] = [`${TOKEN_LIFETIME_MS_MIN / MINUTE_MS}m`, `${mostMs / DAY_MS}d`];
  throw usageError('--ttl', `must be between ${least} and ${most} for ${type === 'api' ? 'an API' : 'a join'} token`);
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

const RevokeFlags = CommonFlags.extend({ descendants: z.boolean().default(false) });

function addRevoke(parent: Command, context: CommandContext): void {
  const command = parent
    .command('revoke')
    .description('make tokens worthless at once')
    .argument('<ID...>', 'ids of tokens')
    .option('--descendants', 'and whatever was made with them, and with that; "tokens list" shows who made what')
    .option('--json', 'print one JSON object');
  handleConnected(command, context, RevokeFlags, async ({ args, flags, ports, routes }) => {
    const ids = args.map((id) => readArgument(TokenId, id, id));
    const revoked: TokenId[] = [];
    for (const id of ids) {
      const line = flags.descendants ? (await routes.tokens.revokeLine(id)).revoked : [];
      if (!flags.descendants) await routes.tokens.revoke(id);
      // The named one comes first: that it is worthless now holds for one that was so before, too.
      for (const each of new Set([id, ...line])) {
        revoked.push(each);
        if (!flags.json) ports.terminal.out(`Revoked ${each}.`);
      }
    }
    if (flags.json) print(ports, true, { revoked }, () => []);
    return 0;
  });
}
