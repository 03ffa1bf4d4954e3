import { indexPins, InstanceId, judgeIdentity, pinOf, withPins, type Thumbprint } from '#protocol';
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { formatKnownInstances, parseKnownInstances } from '../../../control-plane/cli/identities/known-instances.ts';

const HERE = 'https://one.test:8443';
const ELSEWHERE = 'https://two.test';
const [A, B] = [InstanceId.parse(randomUUID()), InstanceId.parse(randomUUID())];
const [KEY_A, KEY_B] = ['a'.repeat(43) as Thumbprint, 'b'.repeat(43) as Thumbprint];
const web = pinOf(HERE, { instanceId: A, name: 'web-1', identity: KEY_A });
const db = pinOf(HERE, { instanceId: B, name: 'db-1', identity: KEY_B });

describe('an identity', () => {
  test.each([
    ['the pinned one', [web], A, 'web-1', KEY_A, 'known'],
    ['never seen', [], A, 'web-1', KEY_A, 'new'],
    ['pinned on another control plane only', [{ ...web, server: ELSEWHERE }], A, 'web-1', KEY_A, 'new'],
    ['with another key', [web], A, 'web-1', KEY_B, 'changed'],
    ['renamed', [web], A, 'web-2', KEY_A, 'renamed'],
    ['renamed, with another key', [web], A, 'web-2', KEY_B, 'changed'],
    ['another instance under a pinned name', [web], B, 'web-1', KEY_B, 'changed'],
    ['two pinned instances that changed their names', [web, db], B, 'web-1', KEY_B, 'changed'],
    ["another instance with a pinned instance's key and name", [web], B, 'web-1', KEY_A, 'changed'],
  ] as const)('%s', (_, pins, instanceId, name, identity, kind) => {
    expect(judgeIdentity(indexPins(pins, HERE), { instanceId, name, identity }).kind).toBe(kind);
  });
});

describe('the file of pins', () => {
  test('comes back as it was written, and passes over comments', () => {
    const text = formatKnownInstances([web, db]);
    expect(text.startsWith('# ')).toBe(true);
    expect(parseKnownInstances(`${text}\n# more\n`)).toEqual({ pins: [web, db], badLines: [] });
  });

  test.each([
    [`${HERE} ${A} web-1`],
    [`${HERE} ${A} web-1 SHA256:short`],
    [`${HERE} nonsense web-1 SHA256:${KEY_A}`],
    [`${HERE} ${A} web-1 SHA256:${KEY_A} more`],
    [`${HERE} ${A} web\u001b[2J SHA256:${KEY_A}`],
  ])('says which line is bad: %j', (line) => {
    expect(parseKnownInstances(`# heading\n${line}\n`).badLines).toEqual([2]);
  });

  test('lets a new pin take the place of what was pinned for that instance or that name', () => {
    const other = pinOf(HERE, { instanceId: B, name: 'web-1', identity: KEY_B });
    expect(withPins([web, db, { ...web, server: ELSEWHERE }], [other])).toEqual([{ ...web, server: ELSEWHERE }, other]);
    const renamed = { ...web, name: 'web-9' };
    expect(withPins([web, db], [renamed])).toEqual([db, renamed]);
  });
});
