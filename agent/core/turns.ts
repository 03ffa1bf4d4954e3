/**
 * Does one work after another, whatever became of the one before; resolves, or rejects, as its own work does. Where none
 * is under way it starts at once, before the call returns.
 */
export type InTurn = <T>(work: () => Promise<T>) => Promise<T>;

export function createTurns(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  let unfinished = 0;
  return (work) => {
    const isIdle = unfinished === 0;
    unfinished += 1;
    const mine = isIdle ? start(work) : last.then(work);
    const finish = () => {
      unfinished -= 1;
    };
    last = mine.then(finish, finish);
    return mine;
  };
}

async function start<T>(work: () => Promise<T>): Promise<T> {
  return work();
}
