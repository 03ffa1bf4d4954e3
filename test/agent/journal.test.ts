import { beforeEach, describe, expect, test } from 'vitest';
import type { ResetId, TaskId } from '#protocol';
import { openJournal } from '../../agent/core/journal.ts';
import { encodeJournalLine } from '../../agent/domain/journal-codec.ts';
import type { ResultRecord } from '../../agent/domain/ledger.ts';
import { QUIET } from '../support/core-world.ts';
import { newNonce } from './support/control-plane.ts';
import { MemoryStorage, type WriteFate } from './support/memory-storage.ts';

const moment = () => ({ bootId: 'boot', monotonicMs: 0, wallMs: 1_800_000_000_000 });
const id = (n: number) => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
function result(n: number): ResultRecord {
  const signed = { bytes: 'e30', key: newNonce() as never, signature: 'A'.repeat(86) };
  const ids = { taskId: id(n) as TaskId, resetId: id(n) as ResetId };
  const notAfter = 1_900_000_000_000;
  return { kind: 'result', ...ids, notAfter, sealedDigest: newNonce() as never, result: signed, applied: null };
}

let storage: MemoryStorage;
beforeEach(() => {
  storage = new MemoryStorage();
});
const open = () => openJournal({ storage, log: QUIET, moment });
const tasks = async () => [...(await open()).ledger().tasks.keys()];

describe('an append', () => {
  test('is one write, however many records, and found again', async () => {
    const journal = await open();
    const before = storage.writes.length;
    await journal.append(result(1), result(2));
    expect(storage.writes.slice(before).map(({ kind }) => kind)).toEqual(['append']);
    expect(await tasks()).toEqual([id(1), id(2)]);
  });

  test.each<WriteFate>(['fail', 'fail-written'])(
    'that is refused (%s) changes nothing, now or at the next start',
    async (fate) => {
      const journal = await open();
      await journal.append(result(1));
      storage.fate = ({ kind }) => (kind === 'append' ? fate : 'pass');
      await expect(journal.append(result(2))).rejects.toThrow('no space');
      expect([...journal.ledger().tasks.keys()]).toEqual([id(1)]);
      expect(await tasks()).toEqual([id(1)]);
    },
  );

  test('after one that left half a line is not damaged by it', async () => {
    const journal = await open();
    let failures = 2; // The append, and the rewrite that should undo it.
    storage.fate = () => (failures-- > 0 ? 'fail-written' : 'pass');
    await expect(journal.append(result(1))).rejects.toThrow('no space');
    expect(journal.health()).toEqual({ state: 'failing', code: 'journal-unwritable', detail: 'ENOSPC' });
    await journal.append(result(2));
    expect(journal.health()).toEqual({ state: 'ok' });
    expect(await tasks()).toEqual([id(2)]);
  });

  test('that failed is made good once the disk takes it, without another order', async () => {
    const journal = await open();
    storage.fate = () => 'fail';
    await expect(journal.append(result(1))).rejects.toThrow('no space');
    await journal.retry();
    expect(journal.health()).toMatchObject({ code: 'journal-unwritable' });
    storage.fate = () => 'pass';
    await journal.retry();
    expect(journal.health()).toEqual({ state: 'ok' });
    const writes = storage.writes.length;
    await journal.retry();
    expect(storage.writes).toHaveLength(writes);
  });

  test('waits for the one before it', async () => {
    const journal = await open();
    await Promise.all([
      journal.append(result(1)),
      journal.append(result(2)),
      journal.compact(),
      journal.append(result(3)),
    ]);
    expect(await tasks()).toEqual([id(1), id(2), id(3)]);
  });
});

describe('a journal that is damaged', () => {
  test('keeps what can be read, sets a copy aside, and says so', async () => {
    const damaged = Buffer.from('deadbeef {"kind":"result"}\n');
    storage.files.set('journal', Buffer.concat([encodeJournalLine(result(1)), damaged, encodeJournalLine(result(2))]));
    const whole = storage.text('journal');
    const journal = await open();
    expect([...journal.ledger().tasks.keys()]).toEqual([id(1), id(2)]);
    expect(storage.text('journal.damaged')).toBe(whole);
    expect(journal.health()).toMatchObject({ code: 'journal-damaged', detail: '1 records, in journal.damaged' });
    expect((await open()).health()).toEqual({ state: 'ok' });
  });

  test('by a write that was cut off is none: that was promised to nobody', async () => {
    const half = encodeJournalLine(result(2)).subarray(0, 40);
    storage.files.set('journal', Buffer.concat([encodeJournalLine(result(1)), half]));
    const journal = await open();
    expect([...journal.ledger().tasks.keys()]).toEqual([id(1)]);
    expect([journal.health().state, storage.files.has('journal.damaged')]).toEqual(['ok', false]);
  });

  test('by a write of which the disk took one part before another is none either', async () => {
    const line = (n: number) => encodeJournalLine(result(n));
    storage.files.set('journal', Buffer.concat([line(1), line(2).fill(0, 20, 90), line(3)]));
    const journal = await open();
    expect([...journal.ledger().tasks.keys()]).toEqual([id(1), id(3)]);
    expect([journal.health().state, storage.files.has('journal.damaged')]).toEqual(['ok', false]);
  });

  test('is what the disk gives back as zeros, with more behind it than an append has', async () => {
    const line = (n: number) => encodeJournalLine(result(n));
    storage.files.set('journal', Buffer.concat([line(1).fill(0, 20, 90), line(2), line(3)]));
    const journal = await open();
    expect(journal.health()).toMatchObject({ code: 'journal-damaged' });
    expect(storage.files.has('journal.damaged')).toBe(true);
  });

  test('has nothing appended to its bad end where it could not be rewritten', async () => {
    const half = encodeJournalLine(result(9)).subarray(0, 40);
    storage.files.set('journal', Buffer.concat([encodeJournalLine(result(1)), half]));
    storage.fate = ({ kind }) => (kind === 'replace' ? 'fail' : 'pass');
    const journal = await open();
    await expect(journal.append(result(2))).rejects.toThrow('no space');
    storage.fate = () => 'pass';
    await journal.append(result(3));
    expect(await tasks()).toEqual([id(1), id(3)]);
  });

  test('is not what has room behind it', async () => {
    storage.files.set('journal', Buffer.concat([encodeJournalLine(result(1)), Buffer.alloc(5_000)]));
    const warned: string[] = [];
    const log = { ...QUIET, warn: (_: unknown, message: string) => warned.push(message) };
    const journal = await openJournal({ storage, log, moment });
    expect([[...journal.ledger().tasks.keys()], journal.health().state, warned]).toEqual([[id(1)], 'ok', []]);
  });

  test('on a full disk: the agent comes up all the same, and reports it', async () => {
    storage.files.set('journal', Buffer.from(encodeJournalLine(result(1))));
    storage.fate = () => 'fail';
    const journal = await open();
    expect([...journal.ledger().tasks.keys()]).toEqual([id(1)]);
    expect(journal.health()).toMatchObject({ code: 'journal-unwritable' });
  });
});
