import { tryLogin, type Verdict } from './login.ts';
import { StepFailure } from './failure.ts';
import type { Instance } from './instance.ts';
import type { Narrator } from './narrator.ts';

/** The password of the account before a reset, and the one it is to have. */
export interface Change {
  readonly instance: Instance;
  readonly old: string;
  readonly new: string;
  /** Whether this reset is for it; what it is not for must stay as it is. */
  readonly reset: boolean;
}

interface Doors {
  readonly old: Verdict;
  readonly new: Verdict;
}

/** Tries both passwords on every instance. */
export async function tryAll(account: string, changes: readonly Change[]): Promise<Doors[]> {
  return Promise.all(
    changes.map(async ({ instance, ...passwords }) => {
      // One after the other, as a person would: some systems count what is refused at the same time as an attack.
      return {
        new: await tryLogin(instance, account, passwords.new),
        old: await tryLogin(instance, account, passwords.old),
      };
    }),
  );
}

/** Shows what each password opened before and after, and throws where that is not what was promised. */
export function show(
  narrator: Narrator,
  changes: readonly Change[],
  before: readonly Doors[],
  after: readonly Doors[],
): void {
  const rows = changes.map(({ instance, reset }, at) => [
    ...[instance.name, before[at]?.old ?? '', before[at]?.new ?? '', after[at]?.old ?? '', after[at]?.new ?? ''],
    reset ? '' : 'not reset',
  ]);
  narrator.table([['', 'before', '', 'after', '', ''], ['', 'old', 'new', 'old', 'new', ''], ...rows]);
  for (const [at, { instance, reset }] of changes.entries()) {
    expect(instance, 'before the reset', before[at], { old: 'accepted', new: 'refused' });
    const promised = reset ? ({ old: 'refused', new: 'accepted' } as const) : before[at];
    expect(instance, 'after it', after[at], promised);
  }
}

function expect(instance: Instance, when: string, found: Doors | undefined, promised: Doors | undefined): void {
  for (const which of ['old', 'new'] as const) {
    if (found?.[which] === promised?.[which]) continue;
    const should = `it should have been ${promised?.[which] ?? 'tried'}`;
    throw new StepFailure(
      `the ${which} password was ${found?.[which] ?? 'not tried'} on ${instance.name} ${when}; ${should}`,
    );
  }
}
