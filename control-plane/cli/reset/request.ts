import * as z from 'zod';
import {
  AccountName,
  InstanceId,
  InstanceName,
  RESET_CONCURRENCY_DEFAULT,
  RESET_CONCURRENCY_MAX,
  ResetMode,
  parseTag,
  TARGETS_MAX,
  type PlanReset,
} from '#protocol';
import { ConnectionFlags } from '../config/config.ts';
import { clientError, usageError, type ErrorDetail } from '../errors.ts';

/** The flags of `latchkey reset`, as commander hands them over. */
export const ResetFlags = ConnectionFlags.extend({
  tag: z.array(z.string()).default([]),
  fromFile: z.string().optional(),
  account: z.string().optional(),
  mode: ResetMode.default('online'),
  passwordStdin: z.boolean().default(false),
  generate: z.boolean().default(false),
  same: z.boolean().default(false),
  unlock: z.boolean().default(false),
  unexpire: z.boolean().default(false),
  mustChange: z.boolean().default(false),
  dryRun: z.boolean().default(false),
  skipBlocked: z.boolean().default(false),
  supersede: z.boolean().default(false),
  concurrency: z.coerce.number().int().min(1).max(RESET_CONCURRENCY_MAX).optional(),
  stopAfter: z.coerce.number().int().min(1).max(TARGETS_MAX).optional(),
  /** commander's name for the absence of `--no-wait`. */
  wait: z.boolean().default(true),
  json: z.boolean().default(false),
  knownInstances: z.string().optional(),
  strictIdentities: z.boolean().default(false),
  trustNew: z.boolean().default(false),
});
export type ResetFlags = z.infer<typeof ResetFlags>;

export type PasswordSource = 'prompt' | 'stdin' | 'generate' | 'generate-same';

/** What the operator asks for, checked as far as the client can. */
export interface ResetRequest {
  readonly plan: z.output<typeof PlanReset>;
  readonly passwordSource: PasswordSource;
  readonly dryRun: boolean;
  readonly skipBlocked: boolean;
  readonly wait: boolean;
  readonly json: boolean;
  /** Refuse identities that are not pinned yet. */
  readonly strictIdentities: boolean;
  /** Not the operator but the control plane named the instances: those of a reset that is retried. */
  readonly chosenElsewhere: boolean;
  /** What the instances of that reset were called in it, since they are asked for by id. */
  readonly names?: ReadonlyMap<InstanceId, string>;
  /** Send a shared password to newcomers without asking. */
  readonly trustNew: boolean;
}

/** Throws `usage-invalid` with everything that is wrong at once. `fileNames` is the content of `--from-file`. */
export function interpretReset(
  names: readonly string[],
  flags: ResetFlags,
  fileNames: readonly string[] = [],
): ResetRequest {
  const wrong: ErrorDetail[] = [];
  const complain = (subject: string, message: string) => wrong.push({ subject, code: 'usage-invalid', message });

  const instances = [...new Set([...names, ...fileNames])];
  for (const name of instances) if (!isInstance(name)) complain(name, 'is neither the name nor the id of an instance');
  if (instances.length === 0 && flags.tag.length === 0) complain('INSTANCE', 'name an instance, --tag or --from-file');
  if (instances.length > TARGETS_MAX) complain('INSTANCE', `one reset takes at most ${TARGETS_MAX} instances`);

  const tags = flags.tag.map((text) => parseTag(text) ?? complain(`--tag ${text}`, 'is not KEY=VALUE'));
  const account = flags.account === undefined ? null : AccountName.safeParse(flags.account);
  if (account?.success === false) complain('--account', 'is not the name of a local account');
  if (flags.same && !flags.generate) complain('--same', 'goes with --generate only; otherwise there is one password');
  if (flags.generate && flags.passwordStdin) complain('--generate', 'excludes --password-stdin');
  if (flags.dryRun && !flags.wait) complain('--no-wait', 'makes no sense with --dry-run, which starts nothing');
  if (flags.trustNew && flags.strictIdentities) complain('--trust-new', 'excludes --strict-identities');
  if (inputReaders(flags) > 1) complain('-', 'standard input can be read for one thing only');
  if (wrong.length > 0) throw clientError('usage-invalid', wrong);

  return {
    plan: {
      targets: {
        instances: instances.map((name) => InstanceId.safeParse(name).data ?? InstanceName.parse(name)),
        tags: tags.filter((tag) => typeof tag === 'object'),
      },
      mode: flags.mode,
      account: account?.data ?? null,
      options: { unlock: flags.unlock, unexpire: flags.unexpire, mustChange: flags.mustChange },
      supersede: flags.supersede,
      concurrency: flags.concurrency ?? RESET_CONCURRENCY_DEFAULT,
      stopAfterFailures: flags.stopAfter ?? null,
      retryOf: null,
    },
    passwordSource: passwordSourceOf(flags),
    dryRun: flags.dryRun,
    skipBlocked: flags.skipBlocked,
    wait: flags.wait,
    json: flags.json,
    strictIdentities: flags.strictIdentities,
    trustNew: flags.trustNew,
    chosenElsewhere: false,
  };
}

function isInstance(text: string): boolean {
  return InstanceId.safeParse(text).success || InstanceName.safeParse(text).success;
}

function inputReaders(flags: ResetFlags): number {
  return [flags.passwordStdin, flags.fromFile === '-', flags.tokenFile === '-'].filter(Boolean).length;
}

function passwordSourceOf(flags: ResetFlags): PasswordSource {
  if (flags.passwordStdin) return 'stdin';
  if (flags.generate) return flags.same ? 'generate-same' : 'generate';
  return 'prompt';
}

/** The file behind `--from-file`: one name or id a line; empty lines and `#` comments are passed over. */
export function parseTargetsFile(path: string, text: string): string[] {
  const lines = text.split(/\r?\n/).map((line) => line.replace(/#.*/, '').trim());
  const bad = lines.flatMap((line, at) => (line === '' || isInstance(line) ? [] : [at + 1]));
  if (bad.length > 0) {
    throw clientError(
      'usage-invalid',
      bad.map((line) => ({
        subject: `${path}:${line}`,
        code: 'usage-invalid',
        message: 'is neither the name nor the id of an instance',
      })),
    );
  }
  const names = lines.filter((line) => line !== '');
  if (names.length === 0) throw usageError('--from-file', 'the file names no instance');
  return names;
}
