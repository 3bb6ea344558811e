/**
 * A small vocabulary for describing JSON: one description gives both the TypeScript type and the check at run time,
 * so that the two cannot disagree. Unknown fields are left out, not refused: either side of a protocol may be newer.
 */

/** Thrown by `parse`: `message` names the field and what it must be, and never quotes the value (it may be a secret). */
export class SchemaError extends Error {
  override readonly name = "SchemaError";
}

/** Describes values of type T. `parse` returns the value or throws SchemaError. */
export interface Schema<T> {
  parse(value: unknown, path: string): T;
}

/** A field that may be missing. `null` counts as missing. */
export interface Optional<T> extends Schema<T | undefined> {
  readonly optional: true;
}

export type Infer<S> = S extends Schema<infer T> ? T : never;

type Fields = Record<string, Schema<unknown>>;
type OptionalKeys<F extends Fields> = { [K in keyof F]: F[K] extends Optional<unknown> ? K : never }[keyof F];
type ObjectOf<F extends Fields> = { [K in Exclude<keyof F, OptionalKeys<F>>]: Infer<F[K]> } & {
  [K in OptionalKeys<F>]?: Exclude<Infer<F[K]>, undefined>;
};
type Flat<T> = { [K in keyof T]: T[K] };

function fail(path: string, what: string): never {
  throw new SchemaError(`${path || "payload"} must be ${what}`);
}

export function string(options: { min?: number; max?: number } = {}): Schema<string> {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = options;
  return {
    parse(value, path) {
      if (typeof value !== "string") fail(path, "a string");
      if (value.length < min) fail(path, `at least ${min} characters long`);
      if (value.length > max) fail(path, `at most ${max} characters long`);
      return value;
    },
  };
}

export function matching(pattern: RegExp, what: string): Schema<string> {
  return {
    parse(value, path) {
      if (typeof value !== "string" || !pattern.test(value)) fail(path, what);
      return value;
    },
  };
}

export function integer(options: { min?: number } = {}): Schema<number> {
  const { min = Number.MIN_SAFE_INTEGER } = options;
  return {
    parse(value, path) {
      if (typeof value !== "number" || !Number.isSafeInteger(value)) fail(path, "an integer");
      if (value < min) fail(path, `at least ${min}`);
      return value;
    },
  };
}

export const boolean: Schema<boolean> = {
  parse(value, path) {
    if (typeof value !== "boolean") fail(path, "true or false");
    return value;
  },
};

export function oneOf<const T extends readonly (string | number)[]>(...allowed: T): Schema<T[number]> {
  return {
    parse(value, path) {
      if (!allowed.includes(value as T[number])) fail(path, `one of ${allowed.join(", ")}`);
      return value as T[number];
    },
  };
}

/** Any JSON value. */
export const json: Schema<unknown> = {
  parse: (value) => value,
};

/** Any JSON value in a field that may be missing; null is a value here. */
export const optionalJson: Optional<unknown> = { ...json, optional: true };

export function array<T>(item: Schema<T>, options: { max?: number } = {}): Schema<T[]> {
  const { max = Number.MAX_SAFE_INTEGER } = options;
  return {
    parse(value, path) {
      if (!Array.isArray(value)) fail(path, "an array");
      if (value.length > max) fail(path, `at most ${max} long`);
      return value.map((entry, index) => item.parse(entry, `${path}[${index}]`));
    },
  };
}

/** An object with any keys. */
export function record<T>(item: Schema<T>): Schema<Record<string, T>> {
  return {
    parse(value, path) {
      if (!isObject(value)) fail(path, "an object");
      // fromEntries defines own properties, so a key like __proto__ is data
      return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, item.parse(entry, `${path}.${key}`)]));
    },
  };
}

export function object<F extends Fields>(fields: F): Schema<Flat<ObjectOf<F>>> {
  return {
    parse(value, path) {
      if (!isObject(value)) fail(path, "an object");
      const out: Record<string, unknown> = {};
      for (const [key, field] of Object.entries(fields)) {
        const parsed = field.parse(Object.hasOwn(value, key) ? value[key] : undefined, path ? `${path}.${key}` : key);
        if (parsed !== undefined) out[key] = parsed;
      }
      return out as Flat<ObjectOf<F>>;
    },
  };
}

export function optional<T>(inner: Schema<T>): Optional<T> {
  return {
    optional: true,
    parse: (value, path) => (value === undefined || value === null ? undefined : inner.parse(value, path)),
  };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
