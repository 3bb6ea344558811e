/** The pack contract: what a bundle may export and what it is given. docs/packs.md is for its authors. */

/** Who a pod is. Plain data: it crosses into the worker. */
export interface PackIdentity {
  podId: string;
  podName: string;
  packId: string;
  packName: string;
  packVersion: string;
  runtimeTag: "node" | "browser" | "universal";
  namespace: string;
  incarnation: number;
  env: Record<string, string>;
  args: unknown[];
  metadata: Record<string, unknown>;
}

/** What a pack's entry is called with. Signal and Fetch are the platform's AbortSignal and fetch. */
export interface PackContext<Signal = unknown, Fetch = unknown> extends PackIdentity {
  /** Aborted when the pod is to stop. A pack that looked at it is waited for until its promise settles or the grace period ends. */
  readonly signal: Signal;
  /** Adds something to do when the pod is to stop. The last added runs first; promises are awaited. */
  onShutdown(handler: () => unknown): void;
  /** Lines of the pod's log: debug and info go to stdout, warn and error to stderr. */
  readonly log: PackLog;
  readonly fetch: Fetch;
  /** JSON by key that outlives the pod: on this node, for this namespace and pack. */
  readonly storage: PackStorage;
  /** Says how far it is, from 0 to 1, and perhaps with what. At most one a second is told to others. */
  progress(fraction: number, text?: string): void;
}

export interface PackStorage {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown): Promise<void>;
  /** Whether there was one. */
  delete(key: string): Promise<boolean>;
  /** Sorted keys, those that begin with `prefix`. */
  list(prefix?: string): Promise<string[]>;
}

export interface PackLog {
  debug(...args: unknown[]): void;
  info(...args: unknown[]): void;
  warn(...args: unknown[]): void;
  error(...args: unknown[]): void;
}

/** `export default` of a bundle: a function, or an object with `start`. */
export type Pack = PackFunction | PackObject;
export type PackFunction = (context: PackContext) => unknown;
export interface PackObject {
  start(context: PackContext): unknown;
  stop?(): unknown;
  /** Asked now and then. Throws, or gives false, when the pod should be replaced. */
  health?(): unknown;
}

/** A bundle after it was evaluated: the namespace of an ES module, or `module.exports`. */
export type LoadedBundle = { kind: "esm"; namespace: Record<string, unknown> } | { kind: "commonjs"; exports: unknown };

/** How to call a pack. */
export interface Entry {
  start(context: PackContext): unknown;
  /** Present if the pack is an object with `stop`. */
  stop?: () => unknown;
  /** Present if it is one with `health`. */
  health?: () => unknown;
}

/**
 * The entry of a bundle: `export default f`, `module.exports = f`, `module.exports.default = f`, `exports.default = f`,
 * and the same with an object that has `start`. Undefined if there is none.
 */
export function entryOf(loaded: LoadedBundle): Entry | undefined {
  for (const candidate of candidates(loaded)) {
    const entry = asEntry(candidate);
    if (entry) return entry;
  }
  return undefined;
}

function candidates(loaded: LoadedBundle): unknown[] {
  if (loaded.kind === "esm") {
    // A CommonJS module that was bundled into an ES module shows up as `default.default`.
    const first = loaded.namespace["default"];
    return [first, defaultOf(first)];
  }
  const fallback = defaultOf(loaded.exports);
  return isEsModuleInterop(loaded.exports) ? [fallback, defaultOf(fallback)] : [loaded.exports, fallback];
}

function asEntry(candidate: unknown): Entry | undefined {
  if (typeof candidate === "function") return { start: (context) => (candidate as PackFunction)(context) };
  if (typeof candidate !== "object" || candidate === null) return undefined;
  const { start, stop, health } = candidate as Partial<PackObject>;
  if (typeof start !== "function") return undefined;
  const entry: Entry = { start: (context) => start.call(candidate, context) };
  if (typeof stop === "function") entry.stop = () => stop.call(candidate);
  if (typeof health === "function") entry.health = () => health.call(candidate);
  return entry;
}

function defaultOf(value: unknown): unknown {
  return (typeof value === "object" && value !== null) || typeof value === "function"
    ? (value as { default?: unknown }).default
    : undefined;
}

function isEsModuleInterop(value: unknown): boolean {
  return typeof value === "object" && value !== null && (value as { __esModule?: unknown }).__esModule === true;
}
