/**
 * Values as text, as console.log of Node.js shows them, for runtimes whose console shows objects and not text. Everyday values look the
 * same to the letter; what is exotic (proxies, typed arrays beyond their numbers, getters) looks alike. After Node's
 * lib/internal/util/inspect.js.
 */

const MAX_DEPTH = 2;
const MAX_ENTRIES = 100;
const BREAK_LENGTH = 80;
/** So many levels, counted from the innermost, may share a line. */
const COMPACT = 3;

/** `args` as console.log writes them: with the placeholders of a format string, or one after the other. */
export function format(...args: unknown[]): string {
  const [first, ...rest] = args;
  if (typeof first !== "string") return args.map(shown).join(" ");
  let text = rest.length === 0 ? first : "";
  if (rest.length > 0) {
    let used = 0;
    text = first.replace(/%[sdifjoOc%]/g, (placeholder) => {
      if (placeholder === "%%") return "%";
      if (used >= rest.length) return placeholder;
      return filled(placeholder, rest[used++]);
    });
    rest.splice(0, used);
  }
  return [text, ...rest.map(shown)].join(" ");
}

function shown(value: unknown): string {
  return typeof value === "string" ? value : inspect(value);
}

function filled(placeholder: string, value: unknown): string {
  switch (placeholder) {
    case "%s":
      return typeof value === "bigint" ? `${value}n` : typeof value === "object" && value !== null ? inspect(value) : String(value);
    case "%d":
      return typeof value === "bigint" ? `${value}n` : typeof value === "object" ? String(Number.NaN) : String(Number(value));
    case "%i":
      return typeof value === "bigint" ? `${value}n` : typeof value === "object" ? "NaN" : String(Number.parseInt(String(value), 10));
    case "%f":
      return typeof value === "symbol" ? "NaN" : String(Number.parseFloat(String(value)));
    case "%j":
      return String(jsonOf(value));
    case "%c":
      return ""; // CSS of a browser's console
    default:
      return inspect(value);
  }
}

function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof TypeError && /circular/i.test(error.message)) return "[Circular]";
    throw error;
  }
}

export function inspect(value: unknown): string {
  return new Inspector().value(value, 0, 0).text;
}

/** A text, and how many levels of objects are in it. */
interface Shown {
  text: string;
  levels: number;
}

class Inspector {
  readonly #within: object[] = [];

  value(value: unknown, depth: number, indentation: number): Shown {
    if (typeof value === "string") return leaf(quoted(value));
    if (typeof value === "bigint") return leaf(`${value}n`);
    if (Object.is(value, -0)) return leaf("-0");
    if (value === null || (typeof value !== "object" && typeof value !== "function")) return leaf(String(value));
    if (this.#within.includes(value)) return leaf("[Circular *1]");
    const special = specialOf(value);
    const body = this.#isBare(value) ? [] : undefined;
    if (special !== undefined && Object.keys(value).length === 0) return leaf(special);
    if (depth > MAX_DEPTH && !isEmpty(value)) return leaf(Array.isArray(value) ? "[Array]" : `[${constructorOf(value) ?? "Object"}]`);
    this.#within.push(value);
    const parts = body ?? this.#entries(value, depth, indentation);
    this.#within.pop();
    const levels = 1 + Math.max(0, ...parts.map((part) => part.levels));
    const prefix = prefixOf(value, special);
    const [open, close] = Array.isArray(value) || ArrayBuffer.isView(value) ? ["[", "]"] : ["{", "}"];
    const items = parts.map((part) => part.text);
    if (items.length === 0) return leaf(`${prefix}${open}${close}`);
    return { text: laidOut(prefix, open, close, items, levels, indentation), levels };
  }

  #isBare(value: object): boolean {
    return value instanceof WeakMap || value instanceof WeakSet || value instanceof Promise;
  }

  #entries(value: object, depth: number, indentation: number): Shown[] {
    const inner = (item: unknown) => this.value(item, depth + 1, indentation + 2);
    const parts: Shown[] = [];
    if (Array.isArray(value) || (ArrayBuffer.isView(value) && !(value instanceof DataView))) {
      const list = Array.from(value as ArrayLike<unknown>);
      for (const item of list.slice(0, MAX_ENTRIES)) parts.push(inner(item));
      if (list.length > MAX_ENTRIES) parts.push(leaf(more(list.length - MAX_ENTRIES)));
    } else if (value instanceof Set) {
      for (const item of value) parts.push(inner(item));
    } else if (value instanceof Map) {
      for (const [key, item] of value) parts.push(joined(inner(key), " => ", inner(item)));
    }
    const isList = Array.isArray(value) || ArrayBuffer.isView(value);
    for (const key of Reflect.ownKeys(value)) {
      const property = Object.getOwnPropertyDescriptor(value, key);
      if (!property?.enumerable || (isList && typeof key === "string" && /^\d+$/.test(key))) continue;
      const name = typeof key === "symbol" ? `[${String(key)}]` : /^[A-Za-z_$][\w$]*$/.test(key) ? key : quoted(key);
      if (property.get) parts.push(leaf(`${name}: [${property.set ? "Getter/Setter" : "Getter"}]`));
      else if (property.set) parts.push(leaf(`${name}: [Setter]`));
      else parts.push(joined(leaf(name), ": ", inner(property.value)));
    }
    return parts;
  }
}

function isEmpty(value: object): boolean {
  return Object.keys(value).length === 0 && !((value instanceof Map || value instanceof Set) && value.size > 0);
}

function leaf(text: string): Shown {
  return { text, levels: 0 };
}

function joined(left: Shown, between: string, right: Shown): Shown {
  return { text: left.text + between + right.text, levels: Math.max(left.levels, right.levels) };
}

/** On one line where it fits, as Node decides it. */
function laidOut(prefix: string, open: string, close: string, items: string[], levels: number, indentation: number): string {
  const start = items.length + indentation + open.length + prefix.length + 10;
  const length = items.reduce((sum, item) => sum + item.length, items.length + start);
  if (levels <= COMPACT && length <= BREAK_LENGTH && !items.some((item) => item.includes("\n"))) {
    return `${prefix}${open} ${items.join(", ")} ${close}`;
  }
  const margin = `\n${" ".repeat(indentation)}`;
  return `${prefix}${open}${margin}  ${items.join(`,${margin}  `)}${margin}${close}`;
}

function more(count: number): string {
  return `... ${count} more item${count > 1 ? "s" : ""}`;
}

/** What stands for a value that is more than its properties. */
function specialOf(value: object): string | undefined {
  if (typeof value === "function") {
    const { name } = value as { name?: unknown };
    const kind = /^class\b/.test(Function.prototype.toString.call(value)) ? "class" : (constructorOf(value) ?? "Function");
    if (kind === "class") return `[class ${String(name) || "(anonymous)"}]`;
    return name ? `[${kind}: ${String(name)}]` : `[${kind} (anonymous)]`;
  }
  if (value instanceof Error) return errorText(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? "Invalid Date" : value.toISOString();
  if (value instanceof RegExp) return String(value);
  return undefined;
}

function errorText(error: Error): string {
  const stack = typeof error.stack === "string" && error.stack !== "" ? error.stack : `[${String(error)}]`;
  if (error.cause === undefined) return stack;
  return `${stack} {\n  [cause]: ${inspect(error.cause).replaceAll("\n", "\n  ")}\n}`;
}

function prefixOf(value: object, special: string | undefined): string {
  if (special !== undefined) return `${special} `;
  const name = constructorOf(value);
  if (name === undefined) return "[Object: null prototype] ";
  if (value instanceof Map || value instanceof Set) return `${name}(${value.size}) `;
  if (Array.isArray(value)) return name === "Array" ? "" : `${name}(${value.length}) `;
  if (ArrayBuffer.isView(value) && "length" in value) return `${name}(${String(value.length)}) `;
  return name === "Object" ? "" : `${name} `;
}

function constructorOf(value: object): string | undefined {
  const prototype = Object.getPrototypeOf(value) as { constructor?: { name?: string } } | null;
  return prototype === null ? undefined : prototype.constructor?.name || "Object";
}

/** In the quotes that need no escaping, single ones first. */
function quoted(text: string): string {
  const quote = !text.includes("'") ? "'" : !text.includes('"') ? '"' : !text.includes("`") && !text.includes("${") ? "`" : "'";
  const escaped = text.replace(/[\\\x00-\x1f\x7f-\x9f']/g, (char) => {
    if (char === "'") return quote === "'" ? "\\'" : "'";
    return ESCAPES[char] ?? `\\x${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`;
  });
  return `${quote}${escaped}${quote}`;
}

const ESCAPES: Record<string, string> = { "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\b": "\\b", "\f": "\\f", "\v": "\\v" };
