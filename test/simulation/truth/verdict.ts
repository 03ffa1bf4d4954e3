import type { InstanceId, ResultCode, TaskId } from '#protocol';
import type { TaskRecord } from '../../../control-plane/server/store/records.ts';
import type { SqliteStore } from '../../../control-plane/server/store/sqlite-store.ts';
import type { InstanceTruth } from './instance-truth.ts';
import { nameOf, type Known, type KnownTask } from './known.ts';

const ROWS_MAX = 10_000;
const ALL = { limit: ROWS_MAX, after: null } as const;

/** Failures that say that the account was changed all the same. */
const TOUCHING: readonly ResultCode[] = ['password-not-accepted'];

interface Court {
  readonly known: Known;
  readonly instances: InstanceTruth;
  readonly fenced: ReadonlySet<InstanceId>;
}

/** When everything has come to rest: is what the control plane says true, and is nothing missing? */
export async function judge(known: Known, instances: InstanceTruth, disk: SqliteStore): Promise<void> {
  const resets = await disk.read.resets.list({ projects: null }, ALL);
  const rows = new Map<TaskId, TaskRecord>();
  for (const reset of resets.rows) {
    const tasks = await disk.read.tasks.ofReset(reset.id, {}, ALL);
    for (const task of tasks.rows) rows.set(task.id, task);
    if (reset.finishedAt === null) known.violate('every reset ends', `reset ${reset.id} has no end`);
  }
  const inventory = await disk.read.instances.list({}, ALL);
  const fenced = new Set(inventory.rows.filter((row) => row.fencedAt !== null).map((row) => row.id));
  const court = { known, instances, fenced };
  for (const task of known.tasks.values()) {
    const row = rows.get(task.id);
    if (row !== undefined) judgeTask(court, task, row);
    else if (!task.forgotten) known.violate('nothing is lost', `${nameOf(task)} is gone from the store`);
  }
  judgeAccounts(known, instances);
  await judgeAudit(known, rows, disk);
  await judgeErasure(known, rows, disk);
}

/** What may be said about a task, given what truly happened. */
function judgeTask(court: Court, task: KnownTask, row: TaskRecord): void {
  const { known, instances } = court;
  const carriers = instances.carriersOf(task.instanceId);
  const password = known.passwordOf(task);
  const isApplied = carriers.some((machine) => machine.applied.some((one) => one.task.id === task.id));
  const lie = (what: string): void =>
    known.violate('every end is true', `${nameOf(task)} is ${row.state} (${row.code ?? 'no code'}): ${what}`);
  // Two machines speak as one until they are fenced: what one says need not be true of the other.
  const isTwofold = known.cloned.has(task.instanceId);
  known.trace.count(`task ${row.state}`);
  switch (row.state) {
    case 'succeeded':
      if (!isApplied) lie('never applied');
      if (password === null || !carriers.some((machine) => machine.verified.has(password))) lie('never verified');
      return;
    case 'failed':
      if (isApplied && !isTwofold && !TOUCHING.includes(row.code as ResultCode)) lie('applied');
      return;
    case 'outcome-unknown':
      judgeUnknown(court, task, row, lie);
      return;
    case 'cancelled':
    case 'superseded':
    case 'task-expired':
    case 'blocked':
      // The one exception: what was done, and told, in a history that a restore made undone.
      if (isApplied && !(row.code === 'cancelled-by-restore' && task.rewound)) lie('applied');
      return;
    case 'pending':
    case 'dispatched':
    case 'accepted':
    case 'running':
    case 'staged':
    case 'awaiting-boot':
      known.violate('every task ends', `${nameOf(task)} is still ${row.state}`);
      return;
    default:
      row.state satisfies never;
  }
}

/** "Unknown" is for what nobody can know: not for what the instance has long told, or would tell if asked. */
function judgeUnknown(court: Court, task: KnownTask, row: TaskRecord, lie: (what: string) => void): void {
  const carriers = court.instances.carriersOf(task.instanceId);
  const isBegun = carriers.some((machine) => machine.begun.has(task.id));
  if (row.result !== null) {
    if (!isBegun) lie('the instance never began it');
    return;
  }
  // The control plane gave up waiting. A fenced instance is not listened to; an answer may be lost with a history.
  if (task.rewound || court.fenced.has(task.instanceId) || court.known.cloned.has(task.instanceId)) return;
  if (!task.dispatched) lie('it was never sent');
  if (carriers.some((machine) => machine.concluded.has(task.id))) lie('the instance knows the outcome');
}

/** The newest generation that was applied is the one that works. */
function judgeAccounts(known: Known, instances: InstanceTruth): void {
  for (const [name, facts] of instances.machines) {
    const newest = new Map<string, (typeof facts.applied)[number]>();
    for (const one of facts.applied) {
      const other = newest.get(one.account);
      if (other === undefined || one.task.generation >= other.task.generation) newest.set(one.account, one);
    }
    const last = new Map(facts.applied.map((one) => [one.account, one.password]));
    for (const [account, one] of newest)
      if (last.get(account as never) !== one.password)
        known.violate('the newest password works', `${account} of ${name} has an older one`);
  }
}

/** Each task's records are a chain from its first state to its last. */
async function judgeAudit(known: Known, rows: ReadonlyMap<TaskId, TaskRecord>, disk: SqliteStore): Promise<void> {
  const { rows: records } = await disk.read.audit.list({ action: 'task.state' }, ALL);
  const at = new Map<string, string>();
  for (const record of records.toReversed()) {
    const before = at.get(record.resource) ?? 'pending';
    const { from, to } = record.detail;
    if (from !== before)
      known.violate('the audit is a chain', `${record.resource} goes from ${String(from)}, was ${before}`);
    at.set(record.resource, String(to));
  }
  for (const row of rows.values()) {
    const last = at.get(`task:${row.id}`) ?? (row.generation === 0 ? 'blocked' : 'pending');
    if (last !== row.state)
      known.violate('the audit is a chain', `task ${row.id} is ${row.state}, its records say ${last}`);
  }
}

/** No sealed password is left in a row; those of plans that nobody started yet may still wait. */
async function judgeErasure(known: Known, rows: ReadonlyMap<TaskId, TaskRecord>, disk: SqliteStore): Promise<void> {
  for (const row of rows.values())
    if (row.sealed !== null) known.violate('sealed bytes go with the task', `task ${row.id} keeps them in the end`);
  // SQLite overwrites what it deletes, but not what it leaves behind when it moves live rows between pages: counted.
  const bytes = Buffer.from(await disk.snapshot());
  for (const { ciphertext, resetId } of known.wishes.values()) {
    if (!bytes.includes(ciphertext)) continue;
    const reset = await disk.read.resets.get(resetId);
    if (reset?.requestedAt !== null) known.trace.count('ciphertexts left in free space of a page');
  }
}
