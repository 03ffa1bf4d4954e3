import { Action, AUDIT_ACTIONS, AuditEvent } from '#protocol';
import { expect, test } from 'vitest';

test('an action of somebody and an event by itself never share a name, and the audit’s list has each once, in order', () => {
  const all = [...Action.options, ...AuditEvent.options];
  expect(AUDIT_ACTIONS).toEqual([...new Set<string>(all)].toSorted());
  expect(AUDIT_ACTIONS).toHaveLength(all.length);
  for (const name of all) expect(name).toMatch(/^[a-z-]+(\.[a-z]+)?$/);
});
