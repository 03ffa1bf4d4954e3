import { explain, InstanceId, verifyEd25519, type Reset, type Task } from '#protocol';
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { csvOf, jsonTextOf } from '../../../control-plane/console/pages/reset/export.ts';
import { rowOf } from '../../../control-plane/console/pages/reset/row.ts';
import { toldTask } from './support/planning.ts';

const task = toldTask({ instanceId: InstanceId.parse(randomUUID()) });

describe('an export', () => {
  test('keeps formulas, quotes and line breaks of others from doing anything', async () => {
    const rows = await Promise.all(
      ['=HYPERLINK("http://x")', '+1', '-1', '@x', 'a "b"\r\nc', ' x'].map((detail) =>
        rowOf({ ...task, state: 'failed', detail }, null, verifyEd25519),
      ),
    );
    const text = csvOf(rows);
    for (const cell of [`"'=HYPERLINK(""http://x"")"`, `"'+1"`, `"'-1"`, `"'@x"`, `"a ""b""\r\nc"`, `," x",`]) {
      expect(text).toContain(cell);
    }
    expect(text.startsWith('"instance","instanceId","os","account","state","proof",')).toBe(true);
  });

  test('says what to do in the words of the console', async () => {
    const code = 'stopped-after-failures';
    const told: Task = { ...task, state: 'cancelled', code, ...explain(code), warnings: ['account-locked'] };
    const text = csvOf([await rowOf(told, null, verifyEd25519)]);
    expect(text).toContain('Retry what failed or was cancelled');
    expect(text).not.toMatch(/(^|[^-])--[a-z]/);
  });

  test('says how each success was proven', async () => {
    const rows = [await rowOf({ ...task, warnings: ['nologin-shell'], verifiedBy: 'hash' }, null, verifyEd25519)];
    expect(csvOf(rows)).toContain(',"succeeded","told","hash","The account has no login shell, ');
    const parsed: unknown = JSON.parse(jsonTextOf({ id: 'r', account: null } as unknown as Reset, rows));
    expect(parsed).toMatchObject({
      id: 'r',
      tasks: [
        { instance: 'web-1', state: 'succeeded', proof: 'told', verifiedBy: 'hash', warnings: ['nologin-shell'] },
      ],
    });
  });
});
