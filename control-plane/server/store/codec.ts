import type * as z from 'zod';
import { StoreError } from './errors.ts';

/**
 * How a record stands in its row: columns have the names of the record's fields, `J` are JSON text (SQL null for null),
 * `F` are flags, 0 or 1. Everything else is text or a number already.
 */
export type RowOf<R, J extends keyof R, F extends keyof R> = {
  -readonly [K in keyof R]: K extends J ? (null extends R[K] ? string | null : string) : K extends F ? number : R[K];
};

export interface RowCodec<R, J extends keyof R, F extends keyof R> {
  readonly encode: (record: R) => RowOf<R, J, F>;
  /** Only what is present, for updates. */
  readonly encodeChange: (change: Partial<R>) => Partial<RowOf<R, J, F>>;
  /** Throws `StoreError` `row-malformed` for what this version would not write. Columns beyond the record are left out. */
  readonly decode: (row: object) => R;
  /** The same for a row of which only some columns were read: the others are neither parsed nor checked. */
  readonly decodePart: <K extends keyof R>(row: object, fields: readonly K[]) => Pick<R, K>;
}

interface RowOptions<R, J, F> {
  readonly table: string;
  /** The record; rows are checked against it when they are read. */
  readonly schema: z.ZodType<R> & { readonly shape: Readonly<Record<keyof R, z.ZodType>> };
  readonly json: readonly J[];
  readonly flags?: readonly F[];
}

/** The codec of one table. In two calls, so that the record's type is given and the rest is inferred. */
export function defineRow<R extends object>() {
  return <J extends keyof R & string, F extends keyof R & string = never>(
    options: RowOptions<R, J, F>,
  ): RowCodec<R, J, F> => createCodec(options);
}

function createCodec<R extends object, J extends keyof R & string, F extends keyof R & string>(
  options: RowOptions<R, J, F>,
): RowCodec<R, J, F> {
  const json = new Set<string>(options.json);
  const flags = new Set<string>(options.flags);

  const encodeField = ([name, value]: readonly [string, unknown]): [string, unknown] => {
    if (json.has(name) && value !== null) return [name, JSON.stringify(value)];
    if (flags.has(name)) return [name, value === true ? 1 : 0];
    return [name, value];
  };
  // `undefined` in a change means that nothing changes, as everywhere in this code.
  const encodeFields = (record: object): object =>
    Object.fromEntries(
      Object.entries(record)
        .filter(([, value]) => value !== undefined)
        .map(encodeField),
    );
  const decodeField = ([name, value]: readonly [string, unknown]): [string, unknown] => {
    if (json.has(name) && typeof value === 'string') return [name, JSON.parse(value)];
    if (flags.has(name)) return [name, value === 1];
    return [name, value];
  };

  const malformed = (cause: unknown) =>
    new StoreError('row-malformed', `A row of "${options.table}" is damaged or not from this version.`, { cause });
  const { shape } = options.schema;

  return {
    // The compiler cannot follow a mapping by name; the pair of `encode` and `decode` is what the contract tests try.
    encode: (record) => encodeFields(record) as RowOf<R, J, F>,
    encodeChange: (change) => encodeFields(change),
    decode: (row) => {
      try {
        return options.schema.parse(Object.fromEntries(Object.entries(row).map(decodeField)));
      } catch (error) {
        throw malformed(error);
      }
    },
    decodePart: <K extends keyof R>(row: object, fields: readonly K[]) => {
      const columns = row as Record<K, unknown>;
      try {
        const parts = fields.map((name) => {
          const [, value] = decodeField([String(name), columns[name]]);
          return [name, shape[name].parse(value)] as const;
        });
        // Each by the schema that the whole record has for it.
        return Object.fromEntries(parts) as Pick<R, K>;
      } catch (error) {
        throw malformed(error);
      }
    },
  };
}
