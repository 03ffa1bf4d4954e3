import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeAgentFrame, decodeServerFrame, FRAME_BYTES_MAX, GENERATIONS_MAX, utf8 } from '#protocol';
import { AGENT_FRAMES, SERVER_FRAMES, type Wire } from './support/frames.ts';

const agent = (text: string, max = FRAME_BYTES_MAX) => decodeAgentFrame(text, max);
const server = (text: string, max = FRAME_BYTES_MAX) => decodeServerFrame(text, max);
const decoderOf = (type: string) => (type in AGENT_FRAMES ? agent : server);
/** Generous: a parser that is not linear takes minutes. */
const REFUSAL_MS_MAX = 3_000;
const MALFORMED = { ok: false, reason: 'frame-malformed' };
const TOO_LARGE = { ok: false, reason: 'frame-too-large' };

const all = Object.values({ ...AGENT_FRAMES, ...SERVER_FRAMES }).map(({ smallest }) => smallest);
const byType = all.map((frame) => [frame.type, frame] as const);
const fieldsOf = (frame: Wire) => Object.keys(frame).filter((field) => field !== 'type');
const fields = all.flatMap((frame) => fieldsOf(frame).map((field) => [frame.type, field, frame] as const));

describe('a frame is refused', () => {
  test.each([
    ['nothing', ''],
    ['white space', ' \n'],
    ['not JSON', 'hello'],
    ['a byte order mark', '\ufeff{"type":"health-request"}'],
    ['two frames', '{"type":"health-request"}{"type":"health-request"}'],
    ['a trailing comma', '{"type":"health-request",}'],
    ['a comment', '{"type":"health-request"}//'],
    ['NaN', '{"type":"health","sequence":NaN}'],
    ['null', 'null'],
    ['true', 'true'],
    ['a number', '1'],
    ['text', '"hello"'],
    ['a list', '[{"type":"health-request"}]'],
    ['no type', '{}'],
    ['a type that is no text', '{"type":["health-request"]}'],
    ['a type that is not known', '{"type":"shell"}'],
    ['a type of every object', '{"type":"toString"}'],
    ['a type that names the prototype', '{"type":"__proto__"}'],
    ['a type in other letters', '{"type":"Health-Request"}'],
    ['a type with NUL', '{"type":"health-request\\u0000"}'],
  ])('that is %s', (_, text) => {
    expect(agent(text)).toEqual(MALFORMED);
    expect(server(text)).toEqual(MALFORMED);
  });

  test.each(byType)('with a field that is not known: %s', (type, frame) => {
    for (const name of ['x', 'constructor', 'toString', 'hasOwnProperty', '']) {
      expect(decoderOf(type)(JSON.stringify({ ...frame, [name]: 1 }))).toEqual(MALFORMED);
    }
  });

  test.each(byType)('that reaches for the prototype: %s', (type, frame) => {
    const text = JSON.stringify(frame).replace('{', '{"__proto__":{"polluted":true},');
    expect(decoderOf(type)(text)).toEqual(MALFORMED);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });

  test.each(fields)('%s without %s', (type, field, frame) => {
    expect(decoderOf(type)(JSON.stringify({ ...frame, [field]: undefined }))).toEqual(MALFORMED);
  });

  test.each(fields)('%s with a wrong %s', (type, field, frame) => {
    const right = frame[field];
    const wrong = [undefined, 'no such value', {}, [{}], [[]], -1, 1.5, 2 ** 53, '\u001b[2J', [null], { a: 1 }];
    for (const value of [...wrong, ...(typeof right === 'boolean' ? [0, 'true'] : [true, false])]) {
      // A claim may be any short text that can be shown.
      const isClaim = field === 'agentVersion' && value === 'no such value';
      const isEmptyMap = field === 'components' && JSON.stringify(value) === '{}';
      if (isClaim || isEmptyMap) continue;
      expect(decoderOf(type)(JSON.stringify({ ...frame, [field]: value }))).toEqual(MALFORMED);
    }
  });

  test.each(byType)('that was cut anywhere: %s', (type, frame) => {
    const text = JSON.stringify(frame);
    for (let end = 0; end < text.length; end += 1) expect(decoderOf(type)(text.slice(0, end))).toEqual(MALFORMED);
  });
});

describe('numbers', () => {
  const health = (sequence: string) => `{"type":"health","sequence":${sequence},"full":false,"components":{}}`;
  test.each(['0', '-1', '1.5', '1e999', '-1e999', '9007199254740992', '1e300', '"1"', 'null', '[1]'])(
    'are refused outside of their range: %s',
    (sequence) => {
      expect(agent(health(sequence))).toEqual(MALFORMED);
    },
  );
  test.each(['1', '1.0', '1e0', '9007199254740991'])('are taken inside of it: %s', (sequence) => {
    expect(agent(health(sequence))).toMatchObject({ ok: true, frame: { sequence: Number(sequence) } });
  });
  test('of a span that ends before it starts are refused', () => {
    const drain = (min: number, max: number) =>
      server(JSON.stringify({ type: 'drain', reconnectAfterMsMin: min, reconnectAfterMsMax: max }));
    expect(drain(5, 5).ok).toBe(true);
    expect(drain(6, 5)).toEqual(MALFORMED);
    expect(drain(0, 600_001)).toEqual(MALFORMED);
  });
});

describe('the limit of a frame', () => {
  const request = '{"type":"health-request"}';
  test('counts bytes, not characters', () => {
    const claim = (text: string) => JSON.stringify({ ...AGENT_FRAMES['agent-proof'].smallest, agentVersion: text });
    const text = claim('東'.repeat(200));
    const bytes = utf8(text).length;
    expect(bytes).toBe(text.length + 400);
    expect(agent(text, bytes).ok).toBe(true);
    expect(agent(text, bytes - 1)).toEqual(TOO_LARGE);
    expect(agent(text, text.length)).toEqual(TOO_LARGE);
  });
  test('holds to the byte', () => {
    const padded = request.padEnd(FRAME_BYTES_MAX, ' ');
    expect(server(padded).ok).toBe(true);
    expect(server(`${padded} `)).toEqual(TOO_LARGE);
    expect(server(request, request.length - 1)).toEqual(TOO_LARGE);
  });
  test('is told before anything is read', () => {
    expect(agent('{'.repeat(FRAME_BYTES_MAX + 1))).toEqual(TOO_LARGE);
  });
});

describe('a frame that is built to hurt', () => {
  const deep = (open: string, close: string) => {
    const depth = Math.floor(FRAME_BYTES_MAX / (open.length + close.length)) - 100;
    return open.repeat(depth) + close.repeat(depth);
  };
  const inComponents = (value: string) => `{"type":"health","sequence":1,"full":true,"components":${value}}`;

  test.each([
    ['nested lists', deep('[', ']')],
    ['nested objects', deep('{"a":', '}').replace('}', '1}')],
    ['nested lists in a field', inComponents(deep('[', ']'))],
    ['nested objects in a field', inComponents(deep('{"disk":', '}').replace('}', '1}'))],
    ['a list without an end', '['.repeat(FRAME_BYTES_MAX)],
    ['a list of a hundred thousand', `{"type":"hello","protocols":[${'1,'.repeat(100_000)}1]}`],
    ['ten thousand fields', inComponents(`{${Array.from({ length: 10_000 }, (_, i) => `"k${i}":0`).join()}}`)],
    ['a number of a hundred thousand digits', inComponents('1'.repeat(100_000))],
    ['escapes', `{"type":"${'\\u0000'.repeat(40_000)}"}`],
  ])('is refused at once: %s', (_, text) => {
    const started = performance.now();
    expect(agent(text)).toEqual(MALFORMED);
    expect(server(text)).toEqual(MALFORMED);
    expect(performance.now() - started).toBeLessThan(REFUSAL_MS_MAX);
  });

  test('with one item more than a list may hold is refused', () => {
    const { largest } = AGENT_FRAMES['agent-proof'];
    const generations = [...(largest['generations'] as unknown[]), { account: 'one', generation: 1 }];
    expect(generations).toHaveLength(GENERATIONS_MAX + 1);
    expect(agent(JSON.stringify({ ...largest, generations }))).toEqual(MALFORMED);
    const protocols = Array.from({ length: 17 }, () => 1);
    expect(agent(JSON.stringify({ ...AGENT_FRAMES.hello.smallest, protocols }))).toEqual(MALFORMED);
  });

  test('with a component that names the prototype leaves everything as it was', () => {
    const decoded = agent(inComponents('{"__proto__":{"state":"ok"},"disk":{"state":"ok"}}'));
    expect(({} as { state?: string }).state).toBeUndefined();
    if (!decoded.ok || decoded.frame.type !== 'health') throw new Error('a map without that name is what is left');
    expect(Object.keys(decoded.frame.components)).toEqual(['disk']);
    expect((decoded.frame.components as { state?: string }).state).toBeUndefined();
    for (const name of ['constructor', 'toString', 'no-such-component']) {
      expect(agent(inComponents(`{"${name}":{"state":"ok"}}`))).toEqual(MALFORMED);
    }
  });

  test('with a field twice means its last, on both sides alike', () => {
    expect(agent('{"type":"shell","type":"goodbye","reason":"x","reason":"agent-stopping"}')).toEqual({
      ok: true,
      frame: { type: 'goodbye', reason: 'agent-stopping' },
    });
    expect(agent('{"type":"goodbye","reason":"agent-stopping","reason":"x"}')).toEqual(MALFORMED);
  });
});

describe('whatever arrives, decoding answers and never throws:', () => {
  const answers = (text: string) => {
    for (const decode of [agent, server]) {
      const decoded = decode(text);
      expect(typeof decoded.ok).toBe('boolean');
    }
  };
  test('any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), answers));
  });
  test('any JSON', () => {
    fc.assert(fc.property(fc.json(), answers));
  });
  test('any JSON as a field of any frame', () => {
    fc.assert(
      fc.property(fc.constantFrom(...fields), fc.jsonValue(), ([, field, frame], value) => {
        answers(JSON.stringify({ ...frame, [field]: value }));
      }),
      { numRuns: 1000 },
    );
  });
  test('any frame with one character changed', () => {
    fc.assert(
      fc.property(fc.constantFrom(...all), fc.nat(), fc.string({ minLength: 1, maxLength: 1 }), (frame, at, char) => {
        const text = JSON.stringify(frame);
        const place = at % text.length;
        answers(text.slice(0, place) + char + text.slice(place + 1));
      }),
      { numRuns: 1000 },
    );
  });
});
