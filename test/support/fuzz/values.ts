import { GENERATION_MAX, toBase64Url } from '#protocol';
import * as z from 'zod';
import type { Prng } from '../../simulation/engine/prng.ts';

export interface Values {
  readonly texts: () => readonly string[];
  make(schema: z.core.$ZodType, prng: Prng): unknown;
}

/**
 * Values that a schema of the protocol takes, made by walking it: a field that is added there is fuzzed from then on.
 * `texts` are ids and names that mean something to the server; what a refinement wants of text cannot be read off the
 * schema, so it is found by trying.
 */
export function createValues(texts: () => readonly string[]): Values {
  const fitting = new WeakMap<z.core.$ZodType, readonly Maker[]>();

  const makers = (): readonly Maker[] => [...MAKERS, (prng) => prng.pick(texts())];

  const textFor = (schema: z.core.$ZodType, prng: Prng): string => {
    let known = fitting.get(schema);
    if (known === undefined) {
      const trial = (make: Maker): boolean => z.safeParse(schema, make(prng.fork('trial'))).success;
      known = makers().filter(trial);
      fitting.set(schema, known);
    }
    for (let attempt = 0; attempt < 4 && known.length > 0; attempt += 1) {
      const text = prng.pick(known)(prng);
      if (z.safeParse(schema, text).success) return text;
    }
    return prng.pick(makers())(prng);
  };

  const listFor = (schema: z.core.$ZodArray, prng: Prng): unknown[] => {
    const length = prng.chance(0.9) ? prng.int(0, 3) : prng.int(4, 40);
    return Array.from({ length: Math.max(1, length) }, () => make(schema._zod.def.element, prng));
  };

  const objectFor = (schema: z.core.$ZodObject, prng: Prng): Record<string, unknown> => {
    const made: Record<string, unknown> = {};
    for (const [name, field] of Object.entries(schema._zod.def.shape)) {
      if (field._zod.optin === 'optional' && prng.chance(0.5)) continue;
      made[name] = make(field, prng);
    }
    return made;
  };

  const recordFor = (schema: z.core.$ZodRecord, prng: Prng): Record<string, unknown> => {
    const { keyType, valueType } = schema._zod.def;
    const names = Array.from({ length: prng.int(0, 4) }, () => String(make(keyType, prng)));
    return Object.fromEntries(names.map((name) => [name, make(valueType, prng)]));
  };

  function make(schema: z.core.$ZodType, prng: Prng): unknown {
    if (schema instanceof z.core.$ZodObject) return objectFor(schema, prng);
    if (schema instanceof z.core.$ZodArray) return listFor(schema, prng);
    if (schema instanceof z.core.$ZodRecord) return recordFor(schema, prng);
    if (schema instanceof z.core.$ZodString) return textFor(schema, prng);
    if (schema instanceof z.core.$ZodNumber) return numberFor(schema._zod.bag, prng);
    if (schema instanceof z.core.$ZodBoolean) return prng.chance(0.5);
    if (schema instanceof z.core.$ZodLiteral) return prng.pick(schema._zod.def.values);
    if (schema instanceof z.core.$ZodEnum) return prng.pick(Object.values(schema._zod.def.entries));
    if (schema instanceof z.core.$ZodUnion) return make(prng.pick(schema._zod.def.options), prng);
    if (schema instanceof z.core.$ZodNullable) return prng.chance(0.3) ? null : make(schema._zod.def.innerType, prng);
    if (schema instanceof z.core.$ZodPipe) return make(schema._zod.def.in, prng);
    if (schema instanceof z.core.$ZodUndefined) return undefined;
    for (const Wrapper of [z.core.$ZodOptional, z.core.$ZodDefault, z.core.$ZodPrefault])
      if (schema instanceof Wrapper) return make(schema._zod.def.innerType, prng);
    // A kind of schema that the protocol did not have when this was written: say so, rather than fuzz less.
    throw new Error(`no values are made for schemas of type ${schema._zod.def.type}`);
  }
  return { texts, make };
}

type Maker = (prng: Prng) => string;

const bytesAsText = (count: number): Maker => {
  return (prng) => toBase64Url(prng.bytes(count));
};

const MAKERS: readonly Maker[] = [
  (prng) => prng.uuid(),
  bytesAsText(12),
  bytesAsText(32),
  bytesAsText(64),
  bytesAsText(80),
  bytesAsText(200),
  (prng) => toBase64Url(Buffer.from(JSON.stringify({ v: 1, taskId: prng.uuid(), notAfter: prng.int(0, 9) }))),
  (prng) => `n-${String(prng.int(0, 99))}`,
  (prng) => prng.pick(['root', 'alice', '@rid-500', '1.0.0', 'default', 'a', 'é', 'x'.repeat(63), 'x'.repeat(200)]),
  (prng) => String(prng.int(0, 2_000)),
];

function numberFor(bag: Readonly<Record<string, unknown>>, prng: Prng): number {
  const bound = (name: string, otherwise: number): number => {
    const value = bag[name];
    return typeof value === 'number' && Math.abs(value) < Number.MAX_SAFE_INTEGER ? value : otherwise;
  };
  const min = bound('minimum', 0);
  const max = bound('maximum', GENERATION_MAX);
  return prng.pick([min, max, Math.min(min + 1, max), Math.min(max, prng.int(min, min + 50))]);
}
