import { explain, InstanceId, verifyEd25519, type Reset, type Task } from '#protocol';
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { csvOf, jsonTextOf } from '../../../control-plane/console/pages/reset/export.ts';
import { paceOf, withSample, type Sample } from '../../../control-plane/console/pages/reset/pace.ts';
import { rowOf } from '../../../control-plane/console/pages/reset/row.ts';
import { queryOf, viewOf } from '../../../control-plane/console/pages/reset/view.ts';
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

describe('the pace of a reset', () => {
  test('is that of the last minute', () => {
    let samples: readonly Sample[] = [];
    for (let second = 0; second <= 120; second += 1) {
      samples = withSample(samples, { at: second * 1_000, done: second < 60 ? 0 : (second - 60) * 2 });
    }
    expect(paceOf(samples, 100)).toEqual({ perSecond: 2, leftMs: 50_000 });
  });

  test('is not known from one moment, nor while nothing happens', () => {
    expect(paceOf([], 10)).toBeNull();
    expect(paceOf([{ at: 0, done: 5 }], 10)).toBeNull();
    expect(
      paceOf(
        [
          { at: 0, done: 5 },
          { at: 500, done: 9 },
        ],
        10,
      ),
    ).toBeNull();
    expect(
      paceOf(
        [
          { at: 0, done: 5 },
          { at: 9_000, done: 5 },
        ],
        10,
      ),
    ).toBeNull();
  });
});

describe('what one sees of the tasks', () => {
  test('stands in the URL', () => {
    const view = { state: 'failed', cursor: 'abc' } as const;
    expect(viewOf(queryOf(view))).toEqual(view);
    expect(queryOf({ state: null, cursor: null }).toString()).toBe('');
  });

  test.each(['state=nonsense', 'cursor=', `cursor=${'x'.repeat(501)}`])('is everything for %s', (text) => {
    expect(viewOf(new URLSearchParams(text))).toEqual({ state: null, cursor: null });
  });
});
