import { expect } from 'vitest';

import { InvalidCursorError, type Page, type PageRequest } from '../../control-plane/server/store/store.ts';

/** All rows by pages of `limit`. */
export async function allPages<T>(list: (page: PageRequest) => Promise<Page<T>>, limit: number): Promise<T[]> {
  const rows: T[] = [];
  let after: string | null = null;
  do {
    const page: Page<T> = await list({ limit, after });
    expect(page.rows.length).toBeLessThanOrEqual(limit);
    rows.push(...page.rows);
    after = page.next;
  } while (after !== null);
  return rows;
}

/** Text that is no cursor, and the cursor of another listing. */
export async function expectAlienCursorsRefused<T>(list: (page: PageRequest) => Promise<Page<T>>): Promise<void> {
  const other = Buffer.from(JSON.stringify(['elsewhere', [1]])).toString('base64url');
  for (const after of [
    '',
    'x',
    'not base64url!',
    '💥',
    other,
    Buffer.from('{}').toString('base64url'),
    'A'.repeat(9e3),
  ]) {
    await expect(list({ limit: 1, after }), after).rejects.toBeInstanceOf(InvalidCursorError);
  }
}
