import { LIVENESS_DEADLINE_MS, type CloseReason, type InstanceId, type SessionRole } from '#protocol';
import { judgeContention, type Contention } from '../domain/sessions.ts';
import type { Clock } from '../service/ports.ts';
import type { Session } from './session.ts';

/** Which session speaks for which instance. */
export interface SessionDirectory {
  /** The one session in that role; null while there is none, or while two contend. */
  find(instanceId: InstanceId, role: SessionRole): Session | null;
  /** Takes in a proven session. Resolves to whether it is the one that stays. */
  add(session: Session): Promise<boolean>;
  /** The socket is gone. True when that leaves the instance without a session in that role. */
  remove(session: Session): boolean;
  /** Ends every session of an instance: it was removed, re-enrolled or fenced. */
  closeAll(instanceId: InstanceId, reason: CloseReason): void;
  all(): readonly Session[];
  readonly size: number;
}

type Slot =
  | { readonly state: 'one'; readonly session: Session }
  | { readonly state: 'contended'; readonly older: Session; readonly newer: Session };

export function createSessionDirectory(deps: {
  readonly clock: Clock;
  /** Two machines answered as one identity. */
  readonly onClone: (instanceId: InstanceId) => Promise<void>;
  /** Both of two contending sessions went away before it was settled which of them stays. */
  readonly onVacant: (session: Session) => Promise<void>;
}): SessionDirectory {
  const slots = new Map<string, Slot>();
  const slotKey = (session: Pick<Session, 'instanceId' | 'role'>) => `${session.role} ${session.instanceId}`;

  async function add(session: Session): Promise<boolean> {
    const key = slotKey(session);
    const slot = slots.get(key);
    const older = slot?.state === 'one' ? slot.session : null;
    if (slot?.state === 'contended') {
      // A third one while two are being told apart: it comes back when that is settled.
      session.close('session-replaced');
      return false;
    }
    if (!older?.isOpen()) {
      slots.set(key, { state: 'one', session });
      return true;
    }
    slots.set(key, { state: 'contended', older, newer: session });
    return settle(key, older, session);
  }

  async function settle(key: string, older: Session, newer: Session): Promise<boolean> {
    const verdict = await contend(deps.clock, older, newer);
    if (verdict === 'fence') {
      slots.delete(key);
      await deps.onClone(newer.instanceId);
      older.close('fenced');
      newer.close('fenced');
      return false;
    }
    const [kept, dropped] = verdict === 'keep-newer' ? [newer, older] : [older, newer];
    dropped.close('session-replaced');
    if (kept.isOpen()) {
      slots.set(key, { state: 'one', session: kept });
    } else {
      slots.delete(key);
      await deps.onVacant(kept);
    }
    return kept === newer && newer.isOpen();
  }

  function remove(session: Session): boolean {
    const key = slotKey(session);
    const slot = slots.get(key);
    if (slot?.state !== 'one' || slot.session !== session) return false;
    slots.delete(key);
    return true;
  }

  const sessionsIn = (slot: Slot) => (slot.state === 'one' ? [slot.session] : [slot.older, slot.newer]);

  return {
    find(instanceId, role) {
      const slot = slots.get(slotKey({ instanceId, role }));
      return slot?.state === 'one' && slot.session.isOpen() ? slot.session : null;
    },
    add,
    remove,
    closeAll(instanceId, reason) {
      for (const slot of [...slots.values()]) {
        for (const session of sessionsIn(slot)) if (session.instanceId === instanceId) session.close(reason);
      }
    },
    all: () => [...slots.values()].flatMap(sessionsIn),
    get size() {
      return slots.size;
    },
  };
}

/** Challenges both, now that both have proven themselves, and waits for what they say, at most the liveness deadline. */
function contend(clock: Clock, older: Session, newer: Session): Promise<'fence' | 'keep-newer' | 'keep-older'> {
  return new Promise((resolve) => {
    let contention: Contention = { older: 'waiting', newer: 'waiting' };
    let done = false;
    const review = (deadlinePassed: boolean): void => {
      const verdict = judgeContention(contention, deadlinePassed);
      if (verdict === 'wait' || done) return;
      done = true;
      forget();
      resolve(verdict);
    };
    const forget = clock.after(LIVENESS_DEADLINE_MS, () => {
      review(true);
    });
    const hear = (which: 'older' | 'newer', session: Session): void => {
      const heard = (answered: boolean): void => {
        contention = { ...contention, [which]: answered ? 'answered' : 'gone' };
        review(false);
      };
      session.liveness.askAnew().then(heard, () => {
        heard(false);
      });
    };
    hear('older', older);
    hear('newer', newer);
  });
}
