import {
  chunksOf,
  InstanceId,
  outcomeOfBlocked,
  outcomeOfReady,
  type Outcome,
  type PlannedTarget,
  type SealedPassword,
} from '#protocol';
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createSseParser, EventTooLarge, type ServerSentEvent } from '../../../control-plane/cli/api/sse.ts';
import { changedTags } from '../../../control-plane/cli/commands/instances.ts';
import { tokenRequest } from '../../../control-plane/cli/commands/tokens.ts';
import { durationText, parseDuration } from '../../../control-plane/cli/output/format.ts';
import { tableLines } from '../../../control-plane/cli/output/table.ts';
import { exitCodeOf } from '../../../control-plane/cli/reset/outcome.ts';
import { createProgress, progressLine } from '../../../control-plane/cli/reset/progress.ts';
import type { Terminal } from '../../../control-plane/cli/ports.ts';

const instanceId = InstanceId.parse(randomUUID());

describe('sealed passwords', () => {
  test('go in chunks below the limits, the last one final', () => {
    const password = { keyId: 'k'.repeat(43), enc: 'e'.repeat(43), ciphertext: 'c'.repeat(107) } as SealedPassword;
    const sealed = Array.from({ length: 4_500 }, () => ({ instanceId, password }));
    const chunks = chunksOf(sealed, { resetId: randomUUID() as never, notAfter: Date.now(), skipBlocked: false });
    expect(chunks.flatMap((chunk) => chunk.sealed)).toHaveLength(4_500);
    expect(chunks.map(({ final }) => final)).toEqual([...chunks.slice(1).map(() => false), true]);
    for (const chunk of chunks) {
      expect(chunk.sealed.length).toBeLessThanOrEqual(2_000);
      expect(JSON.stringify(chunk).length).toBeLessThanOrEqual(1024 * 1024);
    }
  });
});

describe('server-sent events', () => {
  const parse = (pieces: Uint8Array[]): ServerSentEvent[] => {
    const parser = createSseParser();
    return pieces.flatMap((piece) => [...parser.feed(piece)]);
  };
  const STREAM = 'retry: 2000\n\n: hi\n\nevent: progress\ndata: {"a":"ü"}\r\n\r\ndata:one\rdata: two\r\rdata\n\n';
  const EVENTS = [
    { event: 'progress', data: '{"a":"ü"}' },
    { event: 'message', data: 'one\ntwo' },
    { event: 'message', data: '' },
  ];

  test('are the same wherever the stream is cut', () => {
    const bytes = Buffer.from(STREAM);
    expect(parse([bytes])).toEqual(EVENTS);
    expect(parse([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(EVENTS);
    for (let at = 0; at <= bytes.length; at += 1) {
      expect(parse([bytes.subarray(0, at), bytes.subarray(at)])).toEqual(EVENTS);
    }
  });

  test('are refused when they grow without end, with line breaks or without', () => {
    for (const piece of ['data: x\n', 'x', ': x\n']) {
      const parser = createSseParser(1_000);
      const endless = () => {
        for (let i = 0; i < 2_000; i += 1) for (const _ of parser.feed(Buffer.from(piece)));
      };
      expect(endless).toThrow(EventTooLarge);
    }
  });
});

describe('progress', () => {
  const tally = { total: 40, succeeded: 12, failed: 1, blocked: 2, pending: 25 };

  test.each([
    [0, 200, '12 of 40 done, 1 failed, 2 blocked, 25 pending'],
    [4_000, 200, '12 of 40 done, 1 failed, 2 blocked, 25 pending, 3.3/s, 7.7 s left'],
    [4_000, 20, '12 of 40 done, 1 f'.padEnd(19, 'ailed')],
  ])('after %d ms in %d columns', (elapsedMs, columns, line) => {
    expect(progressLine(tally, elapsedMs, columns)).toBe(line.slice(0, columns - 1));
  });

  test('is redrawn at most ten times a second on a terminal, with failures above it', () => {
    const { terminal, statuses, lines } = recorder(true);
    let now = 0;
    const progress = createProgress(terminal, { now: () => 0, monotonic: () => now, sleep: () => Promise.resolve() });
    const failed: Outcome = { ...outcomeOfReady({ instanceId, name: 'web-1' }, 'failed'), code: 'disk-full' };
    for (; now < 1_000; now += 1) progress.update(new Map([['x', failed]]), now === 500 ? [failed] : []);
    expect(statuses).toHaveLength(10);
    expect(lines).toEqual(['web-1: failed [disk-full]']);
    progress.end();
    expect(statuses.at(-1)).toBeNull();
  });

  test('is plain lines, few of them, where there is no terminal', () => {
    const { terminal, statuses, lines } = recorder(false);
    let now = 0;
    const progress = createProgress(terminal, { now: () => 0, monotonic: () => now, sleep: () => Promise.resolve() });
    const outcomes = new Map([['x', outcomeOfReady({ instanceId, name: 'web-1' }, 'pending')]]);
    for (; now < 25_000; now += 100) progress.update(outcomes, []);
    outcomes.set('x', outcomeOfReady({ instanceId, name: 'web-1' }, 'succeeded'));
    progress.update(outcomes, []);
    progress.end();
    expect(statuses).toEqual([]);
    expect(lines).toHaveLength(4);
    expect(lines.at(-1)).toContain('1 of 1 done');
  });

  function recorder(isTerminal: boolean) {
    const statuses: (string | null)[] = [];
    const lines: string[] = [];
    const terminal = {
      errIsTerminal: isTerminal,
      columns: 80,
      err: (line: string) => lines.push(line),
      status: (line: string | null) => statuses.push(line),
    } as unknown as Terminal;
    return { terminal, statuses, lines };
  }
});

describe('outcomes', () => {
  const tally = (more: object) => ({ total: 2, succeeded: 0, failed: 0, blocked: 0, pending: 0, ...more });

  test.each([
    ['watched', { succeeded: 2 }, 0],
    ['watched', { succeeded: 1, failed: 1 }, 1],
    ['watched', { succeeded: 1, blocked: 1 }, 1],
    ['watched', { succeeded: 1, pending: 1 }, 1],
    ['accepted', { pending: 2 }, 0],
    ['accepted', { pending: 1, blocked: 1 }, 1],
    ['dry-run', { pending: 2 }, 0],
    ['dry-run', { pending: 1, blocked: 1 }, 1],
    ['detached', { pending: 2 }, 1],
    ['detached', { succeeded: 2 }, 1],
  ] as const)('%s with %j exits with %d', (ending, counts, code) => {
    expect(exitCodeOf(ending, tally(counts))).toBe(code);
  });

  test.each(['pending', 'staged', 'running', 'failed', 'cancelled', 'superseded', 'task-expired', 'blocked'] as const)(
    'what was handed over may be in force, whatever the control plane says of it: %s',
    (state) => {
      expect(outcomeOfReady({ instanceId, name: 'web-1' }, state).inForce).toBe('possible');
    },
  );

  test('what was not handed over is not in force', () => {
    expect(outcomeOfReady({ instanceId, name: 'web-1' }, null).inForce).toBe('no');
  });

  test('of a blocked target hold its reason', () => {
    const blocked = { code: 'agent-offline', message: 'm', remedy: 'r' };
    const target = { instanceId, name: 'web-1', blocked } as PlannedTarget;
    expect(outcomeOfBlocked(target)).toMatchObject({
      ...{ state: 'blocked', code: 'agent-offline', message: 'm', inForce: 'no' },
    });
  });
});

describe('small things', () => {
  test.each([
    [840, '840 ms'],
    [4_240, '4.2 s'],
    [190_000, '3 min 10 s'],
    [7_500_000, '2 h 5 min'],
    [273_600_000, '3 d 4 h'],
  ])('%d ms is %s', (spanMs, text) => expect(durationText(spanMs)).toBe(text));

  test.each([
    ['90s', 90_000],
    ['1h', 3_600_000],
    ['30d', 2_592_000_000],
    ['1', null],
    ['1w', null],
    ['-1h', null],
    ['', null],
  ])('%j is %s ms', (text, spanMs) => expect(parseDuration(text)).toBe(spanMs));

  test('tags are set and taken away in order', () => {
    expect(changedTags({ a: '1', b: '2' }, ['a=9', 'b-', 'c=x=y', 'd-'])).toEqual({ a: '9', c: 'x=y' });
    expect(() => changedTags({}, ['nonsense'])).toThrow();
  });

  test('a table keeps a hostile cell within its column', () => {
    expect(
      tableLines(
        ['A', 'B'],
        [
          ['x\ny\u001b[2J', '1'],
          ['zz', '2'],
        ],
      ),
    ).toEqual(['A        B', 'x\ufffdy\ufffd[2J  1', 'zz       2']);
  });

  const none = { type: 'api', project: [], account: [], json: false } as const;
  test.each([
    [{ ...none, name: 'ci', role: 'operator', ttl: '30d', account: ['alice'] }, { ttlMs: 2_592_000_000 }],
    [
      { ...none, type: 'join', ttl: '1h', uses: 5, project: ['shop'] },
      { project: 'shop', uses: 5, ttlMs: 3_600_000 },
    ],
    [
      { ...none, type: 'join', instance: 'web-1', reEnrol: true },
      { instance: 'web-1', reEnrol: true },
    ],
  ] as const)('a token request of %j', (flags, expected) => {
    expect(tokenRequest({ ...flags, project: [...flags.project], account: [...flags.account] })).toMatchObject(
      expected,
    );
  });

  test.each([
    [{ ...none, role: 'operator' }, '--name', /whose/],
    [{ ...none, name: 'ci' }, '--role', /operator/],
    [{ ...none, name: 'ci', role: 'king' }, '--role', /operator/],
    [{ ...none, name: 'ci', role: 'viewer', uses: 3 }, '--uses', /--type api/],
    [{ ...none, name: 'ci', role: 'viewer', ttl: '401d' }, '--ttl', /between 1m and 400d for an API token/],
    [{ ...none, name: 'ci', role: 'viewer', project: ['A b'] }, '--project', /./],
    [{ ...none, type: 'join', role: 'viewer' }, '--role', /--type join/],
    [{ ...none, type: 'join', reEnrol: true }, '--re-enrol', /--instance/],
    [{ ...none, type: 'join', project: ['a', 'b'] }, '--project', /one project/],
    [{ ...none, type: 'join', uses: 0 }, '--uses', /./],
    [{ ...none, type: 'join', ttl: 'soon' }, '--ttl', /span/],
    [{ ...none, type: 'join', ttl: '30d' }, '--ttl', /between 1m and 7d for a join token/],
  ] as const)('no token request of %j: %s is named', (flags, subject, message) => {
    const open = { ...flags, project: [...flags.project], account: [...flags.account] };
    const detail = { subject, code: 'usage-invalid', message: expect.stringMatching(message) as string };
    expect(() => tokenRequest(open)).toThrow(expect.objectContaining({ details: [detail] }));
  });
});
