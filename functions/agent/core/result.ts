/** The result of a pack: JSON that the server can parse and Postgres can store, or a sentence that says why not. */
import { messageOf } from "./errors.ts";
import { storable, utf8Length } from "./text.ts";

/** At most this many bytes of JSON are kept (docs/protocol.md). */
export const MAX_RESULT_BYTES = 64 * 1024;

/** Deeper JSON trips the parsers on its way: Go refuses 10,000 levels, Postgres less. */
export const MAX_RESULT_DEPTH = 256;

/** What became of a pack's return value. `note` says why a value was left out. */
export interface EncodedResult {
  json?: string;
  note?: string;
}

/** Encodes what a pack returned. `undefined` and values that JSON leaves out give neither json nor note. Never throws. */
export function encodeResult(value: unknown): EncodedResult {
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (error) {
    return { note: `the result was left out: it is not JSON (${messageOf(error)})` };
  }
  if (json === undefined) return {};
  const bytes = utf8Length(json);
  if (bytes > MAX_RESULT_BYTES) {
    return { note: `the result was left out: it has ${bytes} bytes of JSON, at most ${MAX_RESULT_BYTES} are kept` };
  }
  if (depthOf(json) > MAX_RESULT_DEPTH) {
    return { note: `the result was left out: it is nested deeper than ${MAX_RESULT_DEPTH} levels` };
  }
  return { json: /\\u(0000|d[89a-f])/i.test(json) ? JSON.stringify(storableJson(JSON.parse(json))) : json };
}

/** How deep the brackets of a JSON text are nested. */
function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const c = json[i];
    if (inString) {
      if (c === "\\") i++;
      else if (c === '"') inString = false;
    } else if (c === '"') inString = true;
    else if (c === "[" || c === "{") deepest = Math.max(deepest, ++depth);
    else if (c === "]" || c === "}") depth--;
  }
  return deepest;
}

function storableJson(value: unknown): unknown {
  if (typeof value === "string") return storable(value);
  if (Array.isArray(value)) return value.map(storableJson);
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [storable(key), storableJson(inner)]));
  }
  return value;
}
