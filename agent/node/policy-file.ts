import { closeSync, constants, existsSync, fstatSync, openSync, readFileSync, type Stats } from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';
import { AccountName } from '#protocol';
import { OPEN_POLICY, type LocalPolicy } from '../domain/policy.ts';
import { whyUnsafeDirectory } from './state-directory.ts';

export const DEFAULT_POLICY_FILE = '/etc/latchkey-agent/policy.json';
const POLICY_BYTES_MAX = 64 * 1024;
const WRITABLE_BY_OTHERS = 0o022;

const PolicyFile = z.strictObject({
  accounts: z.array(AccountName).max(1_000).nullable().default(null),
  resetsPerHour: z.int().min(0).max(100_000).nullable().default(null),
  terminal: z.boolean().default(true),
});

export type PolicyReading = { ok: true; policy: LocalPolicy } | { ok: false; problem: string };

/**
 * The policy of the instance, read anew each time. No file means no narrowing; a file that others than root may have
 * written, or taken away, or that cannot be understood, means that nothing can be allowed.
 */
export function readPolicyFile(path: string): PolicyReading {
  let descriptor: number;
  try {
    descriptor = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  } catch (error) {
    const missing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return missing ? readMissing(path) : { ok: false, problem: `${path} cannot be read` };
  }
  try {
    // The opened file, not the name: what is judged is what is read.
    const problem = whyUnsafe(path, fstatSync(descriptor)) ?? whyUnsafeDirectory(dirname(path))?.what ?? null;
    if (problem !== null) return { ok: false, problem };
    return parsePolicy(path, readFileSync(descriptor, 'utf8'));
  } catch {
    return { ok: false, problem: `${path} cannot be read` };
  } finally {
    closeSync(descriptor);
  }
}

/** No policy, as far as it is certain that nobody but root can have taken it away. */
function readMissing(path: string): PolicyReading {
  const directory = dirname(path);
  const problem = existsSync(directory) ? whyUnsafeDirectory(directory) : null;
  return problem === null ? { ok: true, policy: OPEN_POLICY } : { ok: false, problem: problem.what };
}

function whyUnsafe(path: string, stats: Stats): string | null {
  const owners = [0, process.geteuid?.() ?? 0];
  if (!owners.includes(stats.uid)) return `${path} does not belong to root`;
  if ((stats.mode & WRITABLE_BY_OTHERS) !== 0) return `${path} can be written by others than its owner (chmod go-w)`;
  if (stats.isFile() && stats.size > POLICY_BYTES_MAX) return `${path} is larger than 64 KiB`;
  return null;
}

function parsePolicy(path: string, text: string): PolicyReading {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return { ok: false, problem: `${path} is not JSON` };
  }
  const parsed = PolicyFile.safeParse(json);
  if (parsed.success) return { ok: true, policy: parsed.data };
  const where = parsed.error.issues[0];
  return { ok: false, problem: `${path}: ${where?.path.join('.') ?? ''} ${where?.message ?? 'is not valid'}` };
}
