import type { Prng } from '../../simulation/engine/prng.ts';

/** What a hostile peer makes of a good message: first of its structure, then of its text, then of its bytes. */

const LONE_SURROGATE = '\ud800';
/** Lengths at which the protocol and the server draw lines, each give or take one. */
const LENGTHS = [32, 36, 43, 63, 64, 86, 100, 200, 300, 1_000, 16 * 1024, 64 * 1024].flatMap((n) => [n - 1, n, n + 1]);
const NAMES = ['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'type', 'x', '', '\u0000'];

const STRANGE: readonly ((prng: Prng) => unknown)[] = [
  () => null,
  () => undefined,
  (prng) => prng.chance(0.5),
  (prng) => prng.pick([0, -0, -1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 53), 1e308, 5e-324, 253_402_300_800_000]),
  (prng) =>
    prng.pick(['NaN', 'Infinity', '-1', '0x10', '1e9', 'null', 'true', '[object Object]', '%s%n', "' or 1=1 --"]),
  (prng) =>
    prng.pick([LONE_SURROGATE, `a${LONE_SURROGATE}b`, '\u0000', '\u001b[2J', '\u202e', '\ufeff', '\u2028', 'İ', 'ａ']),
  (prng) => 'A'.repeat(prng.pick(LENGTHS)),
  (prng) => nested(prng.pick([10, 100, 500]), prng.chance(0.5)),
  () => [],
  () => ({}),
  () => [[], {}],
  (prng) => Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`k${String(n)}`, prng.int(0, 9)])),
];

function nested(depth: number, inLists: boolean): unknown {
  let value: unknown = 1;
  for (let n = 0; n < depth; n += 1) value = inLists ? [value] : { a: value };
  return value;
}

interface Place {
  readonly holder: Record<string, unknown> | unknown[];
  readonly name: string;
}

/** Every field and item, however deep. */
function placesOf(value: unknown, found: Place[] = []): Place[] {
  if (typeof value !== 'object' || value === null) return found;
  const holder = value as Record<string, unknown> | unknown[];
  for (const name of Object.keys(holder)) {
    found.push({ holder, name });
    placesOf((holder as Record<string, unknown>)[name], found);
  }
  return found;
}

/** Also for `__proto__`, which a plain assignment would take for the prototype. */
function put({ holder, name }: Place, value: unknown): void {
  Object.defineProperty(holder, name, { value, enumerable: true, configurable: true, writable: true });
}

const get = ({ holder, name }: Place): unknown => (holder as Record<string, unknown>)[name];

function bend(value: unknown, prng: Prng): unknown {
  if (typeof value === 'string') {
    const at = prng.int(0, value.length);
    const bits = [
      value.toUpperCase(),
      value.slice(0, at),
      `${value}${prng.pick(['=', ' ', '\u0000', 'A', LONE_SURROGATE, '/../x', '%2f', '\r\n'])}`,
      `${value.slice(0, at)}${String.fromCharCode(prng.int(0, 0xffff))}${value.slice(at + 1)}`,
      Number(value),
    ];
    return prng.pick(bits);
  }
  if (typeof value === 'number')
    return prng.pick([value + 1, value - 1, -value, value + 0.5, value * 2 ** 20, String(value)]);
  if (typeof value === 'boolean') return prng.pick([!value, Number(value), String(value)]);
  if (Array.isArray(value))
    return prng.pick([
      [],
      [...(value as readonly unknown[]), ...(value as readonly unknown[])],
      value[0],
      { 0: value },
    ]);
  return [value];
}

/** The message with one to three faults in its structure; it may be a good one still. */
export function mutateValue(message: unknown, prng: Prng): unknown {
  if (prng.chance(0.02)) return prng.pick(STRANGE)(prng);
  const copy: unknown = structuredClone(message);
  for (let times = prng.chance(0.8) ? 1 : prng.int(2, 3); times > 0; times -= 1) {
    const places = placesOf(copy);
    if (places.length === 0) return prng.pick(STRANGE)(prng);
    const place = prng.pick(places);
    const what = prng.int(0, 9);
    if (what < 3) put(place, prng.pick(STRANGE)(prng));
    else if (what < 6) put(place, bend(get(place), prng));
    else if (what < 7) Reflect.deleteProperty(place.holder, place.name);
    else if (what < 9) put({ holder: place.holder, name: prng.pick(NAMES) }, prng.pick(STRANGE)(prng));
    else put(place, structuredClone(get(prng.pick(places))));
  }
  return copy;
}

/** JSON of it; the word `undefined` where there is none. */
export function textOf(value: unknown): string {
  return value === undefined ? 'undefined' : JSON.stringify(value);
}

/** The text of a message with a fault that no value can have. */
export function mutateText(text: string, prng: Prng): string {
  const at = prng.int(0, text.length);
  switch (prng.int(0, 8)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.replace('{', `{"${prng.pick(NAMES)}":{"polluted":true},`);
    case 2:
      return text.replace('{', '{"type":"hello",');
    case 3:
      return `\ufeff${text}`;
    case 4:
      return `${text}${prng.pick([text, ',', ' ', '\n', '}', '\u0000'])}`;
    case 5:
      return text.replace(/:[^,{}[\]]*/, prng.pick([':NaN', ':Infinity', ':01', ':1e999', ':-', ':undefined', ":'x'"]));
    case 6:
      return `${'['.repeat(prng.pick([10, 1_000, 20_000]))}${text}`;
    case 7:
      return text.slice(0, at) + String.fromCharCode(prng.int(0, 0x1f)) + text.slice(at);
    default:
      return text.replace(/"([a-z])/, '"\\ud800$1');
  }
}

/** The bytes of a message, of which some are not UTF-8 any more. */
export function mutateBytes(text: string, prng: Prng): Buffer {
  const bytes = Buffer.from(text);
  const wrong = prng.pick([[0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82], [0x80]]);
  const at = prng.int(0, bytes.length);
  return Buffer.concat([bytes.subarray(0, at), Buffer.from(wrong), bytes.subarray(at)]);
}
