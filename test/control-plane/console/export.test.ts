import { describe, expect, test, vi } from 'vitest';
import { csvLine, exportName, exportRows, jsonLine } from '../../../control-plane/console/parts/export.ts';

describe('a line of CSV', () => {
  test('quotes all text, and nothing else', () => {
    expect(csvLine(['a', 1, true, null, 'b,c', 'd"e', 'f\ng', ' h'])).toBe('"a",1,true,,"b,c","d""e","f\ng"," h"\r\n');
  });

  test.each([
    ['=1+1', "'=1+1"],
    ['+1', "'+1"],
    ['-1', "'-1"],
    ['@SUM(A1)', "'@SUM(A1)"],
    [' =1', " '=1"],
    ['\u00A0=1', "\u00A0'=1"],
    ['\t=1', "'\t'=1"],
    ['\r=1', "'\r'=1"],
    ['\tx', "'\tx"],
    ['＝1', "'＝1"],
    ['＋1', "'＋1"],
    ['－1', "'－1"],
    ['＠x', "'＠x"],
    ["x;=cmd|' /C calc'!A0;y", "x;'=cmd|' /C calc'!A0;y"],
    ['x; =1;-2', "x; '=1;'-2"],
    ['x;\n=1', "x;\n'=1"],
    ['x\t@1', "x\t'@1"],
    ['x\r\n+1', "x\r\n'+1"],
    ['x;"=1', 'x;""\'=1'],
  ])('makes text of the formula %j', (cell, inert) => {
    expect(csvLine([cell])).toBe(`"${inert}"\r\n`);
  });

  test.each(['a-b', 'a = b', 'web-1, db-2', 'x; y', 'me@example.org'])('leaves %j as it is', (cell) => {
    expect(csvLine([cell])).toBe(`"${cell}"\r\n`);
  });

  test('leaves numbers alone, also negative ones', () => {
    expect(csvLine([-1])).toBe('-1\r\n');
  });
});

test('a line of JSON is one line, whatever stands in it', () => {
  expect(jsonLine({ text: 'a\nb' })).toBe('{"text":"a\\nb"}\n');
});

test('the name of a file says what it is and when it was made', () => {
  expect(exportName('audit', 'csv', new Date('2026-01-02T03:04:05.678Z'))).toBe(
    'latchkey-audit-2026-01-02T030405Z.csv',
  );
});

describe('an export', () => {
  const pages: Record<string, { items: number[]; nextCursor: string | null }> = {
    first: { items: [1, 2], nextCursor: 'b' },
    b: { items: [3, 4], nextCursor: 'c' },
    c: { items: [5], nextCursor: null },
  };
  const page = (after: string | null) => {
    const found = pages[after ?? 'first'];
    if (found === undefined) throw new Error('no such page');
    return Promise.resolve(found);
  };
  const row = (item: number) => `${String(item)};`;

  test('has every page, in order, and says how far it is', async () => {
    const progress = vi.fn();
    expect(await exportRows({ page, row, progress })).toEqual({ parts: ['1;2;', '3;4;', '5;'], rows: 5, cut: false });
    expect(progress.mock.calls.flat()).toEqual([2, 4, 5]);
  });

  test.each([
    [3, true, '1;2;3;'],
    [4, true, '1;2;3;4;'],
    [5, false, '1;2;3;4;5;'],
  ])('of at most %i rows says whether there were more: %j', async (rowsMax, cut, text) => {
    const exported = await exportRows({ page, row, progress: () => undefined, rowsMax });
    expect({ text: exported.parts.join(''), cut: exported.cut }).toEqual({ text, cut });
  });

  test('ends where somebody stops it', async () => {
    const stop = () => {
      throw new Error('stopped');
    };
    await expect(exportRows({ page, row, progress: stop })).rejects.toThrow('stopped');
  });
});
