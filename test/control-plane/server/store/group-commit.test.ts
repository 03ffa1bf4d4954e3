import { expect, test } from 'vitest';

import { createGroupCommit, type TransactionControl } from '../../../../control-plane/server/store/group-commit.ts';

/** A database that records its commands and fails those it is told to. */
function fakeControl(fail: Partial<Record<keyof TransactionControl, Error>> = {}) {
  const log: string[] = [];
  let open = false;
  const command = (name: keyof TransactionControl, after?: boolean) => () => {
    log.push(name);
    const error = fail[name];
    if (error !== undefined) throw error;
    if (after !== undefined) open = after;
  };
  const control: TransactionControl = {
    begin: command('begin', true),
    commit: command('commit', false),
    rollback: command('rollback', false),
    savepoint: command('savepoint'),
    releaseSavepoint: command('releaseSavepoint'),
    rollbackToSavepoint: command('rollbackToSavepoint'),
    isOpen: () => open,
  };
  return { control, log, fail, giveUp: () => (open = false) };
}

const at = (control: TransactionControl, onCommit?: (transactions: number) => void) =>
  createGroupCommit({ control, gather: () => Promise.resolve(), onCommit });

test('gives each transaction of a group a savepoint and all one commit', async () => {
  const { control, log } = fakeControl();
  const sizes: number[] = [];
  const group = at(control, (size) => sizes.push(size));
  await Promise.all([1, 2].map((n) => group.transaction(() => Promise.resolve(n))));
  expect(log).toEqual(['begin', 'savepoint', 'releaseSavepoint', 'savepoint', 'releaseSavepoint', 'commit']);
  expect(sizes).toEqual([2]);
});

test('tells nobody an outcome before the commit, not even an error of their own', async () => {
  const { control, log } = fakeControl();
  const group = at(control);
  const told: string[] = [];
  const work = (outcome: Promise<void>) =>
    group
      .transaction(() => outcome)
      .then(
        () => told.push(log.at(-1) ?? ''),
        () => told.push(log.at(-1) ?? ''),
      );
  const failure = Promise.reject(new Error('own'));
  await Promise.all([work(Promise.resolve()), work(failure), work(Promise.resolve())]);
  expect(told).toEqual(['commit', 'commit', 'commit']);
  expect(log).toContain('rollbackToSavepoint');
});

test('rejects all of a group whose commit fails, rolls back, and goes on with the next', async () => {
  const { control, log, fail } = fakeControl({ commit: new Error('disk full') });
  const group = at(control);
  const outcomes = await Promise.allSettled([
    group.transaction(() => Promise.resolve(1)),
    group.transaction(() => Promise.reject(new Error('own'))),
  ]);
  for (const outcome of outcomes) {
    expect(outcome).toMatchObject({ reason: { code: 'commit-failed', cause: { message: 'disk full' } } });
  }
  expect(log.at(-1)).toBe('rollback');
  delete fail.commit;
  expect(await group.transaction(() => Promise.resolve(2))).toBe(2);
});

test('rejects whoever waits when no transaction can be begun, instead of trying for each', async () => {
  const { control, log } = fakeControl({ begin: new Error('busy') });
  const group = at(control);
  const outcomes = await Promise.allSettled([1, 2, 3].map((n) => group.transaction(() => Promise.resolve(n))));
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
  expect(log).toEqual(['begin']);
});

test('rejects all of a group when the database gives the transaction up by itself', async () => {
  const { control, log, giveUp } = fakeControl();
  const group = at(control);
  const outcomes = await Promise.allSettled([
    group.transaction(() => Promise.resolve(1)),
    group.transaction(() => {
      giveUp();
      return Promise.reject(new Error('disk full'));
    }),
  ]);
  expect(outcomes).toMatchObject([{ reason: { code: 'commit-failed' } }, { reason: { code: 'commit-failed' } }]);
  expect(log).not.toContain('commit');
});

test('runs exclusive work between groups, in the order of the queue', async () => {
  const { control, log } = fakeControl();
  const group = at(control);
  await Promise.all([
    group.transaction(() => Promise.resolve()),
    group.exclusive(() => Promise.resolve(log.push('exclusive'))),
    group.transaction(() => Promise.resolve()),
  ]);
  const marks = log.filter((entry) => ['begin', 'commit', 'exclusive'].includes(entry));
  expect(marks).toEqual(['begin', 'commit', 'exclusive', 'begin', 'commit']);
});

test('starts again for whatever comes right after the queue ran dry', async () => {
  const { control } = fakeControl();
  const group = at(control);
  for (let turn = 0; turn < 50; turn += 1) {
    for (let wait = 0; wait < turn % 7; wait += 1) await Promise.resolve();
    expect(await group.transaction(() => Promise.resolve(turn))).toBe(turn);
  }
});

test('bounds how many transactions share a commit', async () => {
  const { control } = fakeControl();
  const sizes: number[] = [];
  const group = at(control, (size) => sizes.push(size));
  await Promise.all(Array.from({ length: 600 }, () => group.transaction(() => Promise.resolve())));
  expect(Math.max(...sizes)).toBe(256);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBe(600);
});
