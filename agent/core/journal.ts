import { concatBytes, type ComponentStatus } from '#protocol';
import { decodeJournal, encodeJournalLine } from '../domain/journal-codec.ts';
import { applyRecord, compactRecords, EMPTY_LEDGER, type JournalRecord, type Ledger } from '../domain/ledger.ts';
import type { StartedAt } from '../domain/policy.ts';
import type { Log, Storage } from '../ports.ts';
import { parseRecord } from './records.ts';
import { createTurns } from './turns.ts';

const JOURNAL = 'journal';
const SET_ASIDE = 'journal.damaged';
/** What was set aside is kept for people to look at, not for ever. */
const SET_ASIDE_BYTES_MAX = 1024 * 1024;

/** What the agent has promised, on disk. All changes go one after another. */
export interface Journal {
  /** As the records on disk make it. */
  ledger(): Ledger;
  /** Resolves once all are on disk, in one write; rejects with the ledger unchanged. */
  append(...records: JournalRecord[]): Promise<void>;
  /** Rewrites the journal without what is over: sealed bytes are gone from the file. */
  compact(): Promise<void>;
  /** Where the last write failed, tries again: nothing else would, as no order is taken meanwhile. Never rejects. */
  retry(): Promise<void>;
  health(): ComponentStatus;
}

export interface JournalOptions {
  readonly storage: Storage;
  readonly log: Log;
  readonly moment: () => StartedAt;
}

/** Reads the journal, sets aside what is damaged, and compacts it. Rejects where the disk refuses to be read. */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { storage, log } = options;
  const { values, damaged, tornBytes } = decodeJournal((await storage.read(JOURNAL)) ?? new Uint8Array());
  const records = values.map(parseRecord);
  const unreadable = records.filter((record) => record === null).length + damaged.length;
  const good = records.filter((record) => record !== null);
  if (tornBytes > 0)
    log.warn({ tornBytes }, 'the last write of the journal was cut off; it had been promised to nobody');
  const journal = createJournal(options, good.reduce(applyRecord, EMPTY_LEDGER), unreadable);
  // A full disk is no reason to stay away: the agent reports it, and takes no orders meanwhile.
  await setAsideAndCompact(options, journal, unreadable).catch((error: unknown) => {
    log.error({ error: String(error) }, 'the journal cannot be written');
  });
  return journal;
}

async function setAsideAndCompact(
  { storage, log }: JournalOptions,
  journal: Journal,
  unreadable: number,
): Promise<void> {
  if (unreadable > 0) {
    log.error({ records: unreadable }, `part of the journal is damaged and is copied to ${SET_ASIDE}`);
    // A copy of the whole, since a record is understood by its neighbours; before the original is rewritten.
    const whole = (await storage.read(JOURNAL)) ?? new Uint8Array();
    await storage.replace(SET_ASIDE, whole.subarray(0, SET_ASIDE_BYTES_MAX));
  }
  await journal.compact();
}

function createJournal(options: JournalOptions, initial: Ledger, unreadable: number): Journal {
  const { storage, moment } = options;
  let ledger = initial;
  let failure: string | null = null;
  /** What is there was written by this run: nothing bad is at its end, onto which a record would be lost. */
  let isOwn = false;
  const inTurn = createTurns();

  const guarded = async (write: () => Promise<void>) => {
    try {
      await write();
      failure = null;
    } catch (error) {
      failure = errnoOf(error);
      throw error;
    }
  };
  const rewrite = async () => {
    const records = compactRecords(ledger, moment());
    await storage.replace(JOURNAL, concatBytes(...records.map(encodeJournalLine)));
    isOwn = true;
  };

  return {
    ledger: () => ledger,
    append: (...records) =>
      inTurn(async () => {
        // A write that failed may have left half a line, which the next would turn into damage.
        if (failure !== null || !isOwn) await guarded(rewrite);
        try {
          await guarded(() => storage.append(JOURNAL, concatBytes(...records.map(encodeJournalLine))));
        } catch (error) {
          // It may have left all of it, too: what was refused must not be found there by the next run.
          await guarded(rewrite).catch(() => undefined);
          throw error;
        }
        ledger = records.reduce(applyRecord, ledger);
      }),
    compact: () => inTurn(() => guarded(rewrite)),
    retry: () =>
      inTurn(async () => {
        // What it comes to is the health of the journal.
        if (failure !== null) await guarded(rewrite).catch(() => undefined);
      }),
    health: () => {
      if (failure !== null) return { state: 'failing', code: 'journal-unwritable', detail: failure };
      if (unreadable === 0) return { state: 'ok' };
      return { state: 'failing', code: 'journal-damaged', detail: `${String(unreadable)} records, in ${SET_ASIDE}` };
    },
  };
}

/** `ENOSPC` and the like; never a message, which could hold a path or a content that we do not know. */
function errnoOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : null;
  return typeof code === 'string' ? code : 'unknown error';
}
