import { printable, type CloseReason, type Code } from '#protocol';
import type { AuditEntry, RecordedAction } from '../store/records.ts';
import type { Store } from '../store/store.ts';
import { createBackground } from './background.ts';
import type { Clock, Log } from './ports.ts';

const MINUTE_MS = 60_000;
/** How many different refusals may wait to be written; what comes on top is counted under one common source. */
const WAITING_KEYS_MAX = 1_000;
const ELSEWHERE = { actor: 'anonymous', subject: 'source:elsewhere' } as const;

/** What anybody can bring about as often as they like. */
export interface Countable {
  /** What was tried or said: `authenticate`, `session.refuse`, `order.refused`, … */
  readonly action: RecordedAction;
  readonly code: Code | CloseReason | null;
  /** By whom, as the audit names an actor. */
  readonly actor: string;
  /** From where: `source:<network address>` or `instance:<id>`. */
  readonly subject: string;
  /** Null where an instance only said something. */
  readonly decision: 'deny' | null;
  /** The rule that decided, where it is not the code. */
  readonly rule?: string | null;
}

/** The one way in which the audit counts instead of listing. */
export interface RefusalCounter {
  /**
   * One record an action, code, actor, subject and minute. Returns at once; a flood shares transactions, so that being refused
   * costs the control plane less than asking does, and fills no disk.
   */
  count(what: Countable): void;
  /** Resolves once everything that was counted is in the store. */
  settled(): Promise<void>;
}

interface Waiting {
  readonly entry: AuditEntry;
  readonly key: { readonly code: string; readonly source: string; readonly minute: number };
  times: number;
}

export function createRefusalCounter(deps: {
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
}): RefusalCounter {
  const { store, clock } = deps;
  const background = createBackground(deps.log);
  let waiting = new Map<string, Waiting>();
  let writing = false;

  const count = (what: Countable): void => {
    const at = clock.now();
    const minute = Math.floor(at / MINUTE_MS);
    const nameOf = ({ action, code, actor, subject }: Countable) =>
      `${action} ${code ?? ''} ${actor} ${subject} ${minute}`;
    const full = !waiting.has(nameOf(what)) && waiting.size >= WAITING_KEYS_MAX;
    const counted = full ? { ...what, ...ELSEWHERE } : { ...what, subject: printable(what.subject) };
    const name = nameOf(full ? counted : what);
    const before = waiting.get(name);
    if (before === undefined) {
      const key = { code: `${what.action} ${what.code ?? ''} ${counted.actor}`, source: counted.subject, minute };
      waiting.set(name, { entry: entryOf(counted, at), key, times: 1 });
    } else {
      before.times += 1;
    }
    if (writing) return;
    writing = true;
    background.run('counting refusals in the audit', write);
  };

  const write = async (): Promise<void> => {
    try {
      while (waiting.size > 0) {
        const batch = [...waiting.values()];
        waiting = new Map();
        await store.transaction(async (tx) => {
          for (const { entry, key, times } of batch) await tx.audit.countRefusal(entry, key, times);
        });
      }
    } finally {
      writing = false;
    }
  };

  return { count, settled: () => background.settled() };
}

function entryOf({ action, code, actor, subject, decision, ...more }: Countable, at: number): AuditEntry {
  const rule = more.rule ?? (decision === null ? null : code);
  return { at, actor, action, resource: subject, decision, rule, code, detail: {} };
}
