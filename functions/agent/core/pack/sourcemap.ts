/**
 * Stacks in terms of the sources that a bundle was made of, when it carries an inline source map (ECMA-426: base64 VLQ mappings). Used
 * when an error is reported and not before; a map that makes no sense leaves the stack as it is.
 */
import { isObject } from "../schema.ts";

/** A bundle as its runtime shows it in stacks. */
export interface BundleSource {
  /** Its text, read when it is needed. */
  text(): string;
  /** base64 of UTF-8. */
  decodeBase64(text: string): string;
  /** Finds the bundle's places in a stack; its groups are line and column, from 1. */
  places: RegExp;
  /** Characters that the runtime has put before its first line. */
  firstLineOffset: number;
}

const COMMENT = /\/\/[#@] sourceMappingURL=data:application\/json;(?:charset=utf-8;)?base64,([A-Za-z0-9+/=]+)\s*$/;
const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** One mapping: from a column of the bundle's line to a place in a source; all from 0. */
interface Mapping {
  column: number;
  source: number;
  line: number;
  sourceColumn: number;
}

interface SourceMap {
  sources: string[];
  /** By line of the bundle, in order of columns. */
  lines: Mapping[][];
}

/** `stack` with the bundle's places replaced by those in its sources, where they are known. Never throws. */
export function mapStack(stack: string, bundle: BundleSource): string {
  if (stack.search(bundle.places) < 0) return stack;
  try {
    const map = readMap(bundle);
    return map ? stack.replace(bundle.places, (place, line, column) => placeIn(map, bundle, Number(line), Number(column)) ?? place) : stack;
  } catch {
    return stack;
  }
}

function placeIn({ sources, lines }: SourceMap, bundle: BundleSource, line: number, column: number): string | undefined {
  const at = column - 1 - (line === 1 ? bundle.firstLineOffset : 0);
  const mapping = lines[line - 1]?.filter((one) => one.column <= at).at(-1);
  const source = sources[mapping?.source ?? -1];
  return mapping === undefined || source === undefined ? undefined : `${source}:${mapping.line + 1}:${mapping.sourceColumn + 1}`;
}

function readMap(bundle: BundleSource): SourceMap | undefined {
  const text = bundle.text();
  const encoded = COMMENT.exec(text.slice(text.lastIndexOf("\n//") + 1))?.[1];
  if (encoded === undefined) return undefined;
  const map: unknown = JSON.parse(bundle.decodeBase64(encoded));
  if (!isObject(map) || !Array.isArray(map["sources"]) || typeof map["mappings"] !== "string") return undefined;
  const root = typeof map["sourceRoot"] === "string" && map["sourceRoot"] !== "" ? `${map["sourceRoot"].replace(/\/$/, "")}/` : "";
  return { sources: map["sources"].map((source) => root + String(source)), lines: decodeMappings(map["mappings"]) };
}

/** Lines are parted by `;`, mappings by `,`; each has the differences to the one before, the column from its line's start. */
export function decodeMappings(text: string): Mapping[][] {
  let [source, line, sourceColumn] = [0, 0, 0];
  return text.split(";").map((group) => {
    let column = 0;
    const mappings: Mapping[] = [];
    for (const segment of group === "" ? [] : group.split(",")) {
      const [columns = 0, sources, lines = 0, sourceColumns = 0] = decodeVlq(segment);
      column += columns;
      if (sources === undefined) continue; // stands for nothing in any source
      source += sources;
      line += lines;
      sourceColumn += sourceColumns;
      mappings.push({ column, source, line, sourceColumn });
    }
    return mappings;
  });
}

/** Numbers of five bits a digit, the lowest first; the lowest bit of a number is its sign, the highest of a digit says that more follow. */
function decodeVlq(segment: string): number[] {
  const numbers: number[] = [];
  let [value, shift] = [0, 0];
  for (const char of segment) {
    const digit = DIGITS.indexOf(char);
    if (digit < 0) throw new Error(`a source map with the digit ${JSON.stringify(char)}`);
    value += (digit & 31) << shift;
    shift += 5;
    if (digit & 32) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    [value, shift] = [0, 0];
  }
  return numbers;
}
