/**
 * What a host must bring: the core touches its platform only through these. A host is thin; whatever two hosts would
 * both need belongs in the core.
 */
import type { Cancel } from "./cancel.ts";
import type { WorkerCommand, WorkerMessage } from "./pack/messages.ts";
import type { Runtime } from "./protocol.ts";
import type { PackIdentity } from "./pack/contract.ts";

/** Time. Tests bring their own. */
export interface Clock {
  /** Wall clock, milliseconds since 1970. */
  now(): number;
  /** Milliseconds of a clock that never jumps; only differences mean something. */
  monotonic(): number;
  /** Calls `fire` once after `ms` (which a host clamps to what its timers can do). */
  timer(ms: number, fire: () => void): Timer;
}

export interface Timer {
  /** Does nothing after the timer has fired. */
  cancel(): void;
}

export interface Random {
  /** Uniform in [0, 1). Spreads reconnects; nothing secret is made of it. */
  next(): number;
}

/** Lines of the agent itself. `fields` never hold secrets. */
export interface Logger {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
}

export type Fields = Record<string, string | number | boolean | undefined>;

/** Opens a WebSocket. Never throws: a failure is a `close` with code 1006. Events come after it has returned. */
export type OpenSocket = (url: string, events: SocketEvents) => Socket;

export interface Socket {
  /** Queues a text message. Does nothing once the socket is closing. */
  send(text: string): void;
  /** Starts to close; `close` of the events follows, soon even if the other side is silent. */
  close(code: number, reason: string): void;
  /** Bytes that were sent here but have not left. */
  readonly bufferedBytes: number;
}

export interface SocketEvents {
  open(): void;
  /** A text message; `undefined` stands for a binary one. */
  message(text: string | undefined): void;
  /** Comes exactly once and last. */
  close(code: number, reason: string): void;
}

/** One HTTP exchange. Rejects when there is no answer in time, when it was cancelled, and with ResponseTooLarge. */
export type HttpFetch = (request: HttpRequest) => Promise<HttpResponse>;

export interface HttpRequest {
  method: "GET" | "POST";
  url: string;
  headers: Record<string, string>;
  body?: string;
  timeoutMs: number;
  /** A longer body is not read to its end: the call rejects with ResponseTooLarge. */
  maxBytes: number;
  cancel?: Cancel;
}

export interface HttpResponse {
  status: number;
  bytes: Uint8Array;
  /** The body as UTF-8. */
  text(): string;
}

/** What HttpFetch rejects with when the body has more than `maxBytes`. */
export class ResponseTooLarge extends Error {
  override readonly name = "ResponseTooLarge";
}

/** Lower-case hex SHA-256. */
export type Sha256 = (bytes: Uint8Array) => Promise<string>;

/** Keeps bundles by digest. It need not check them: the core does, on every read. */
export interface BundleCache {
  get(sha256: string): Promise<Uint8Array | undefined>;
  put(sha256: string, bytes: Uint8Array): Promise<void>;
  delete(sha256: string): Promise<void>;
}

/** Keeps what packs store, as text by scope and key. Limits are the core's to check. */
export interface KeyValues {
  get(scope: string, key: string): Promise<string | undefined>;
  set(scope: string, key: string, value: string): Promise<void>;
  delete(scope: string, key: string): Promise<void>;
  /** Every key of a scope, and the bytes of its value. */
  entries(scope: string): Promise<{ key: string; bytes: number }[]>;
}

/** How an agent proves who it is. */
export interface Credentials {
  /** Where Supabase is, as this agent sees it, e.g. http://127.0.0.1:54321, without a slash at the end. */
  supabaseUrl: string;
  anonKey: string;
  accessToken?: string | undefined;
  refreshToken?: string | undefined;
  email?: string | undefined;
  password?: string | undefined;
}

/** Where credentials are kept. Refresh tokens rotate: what `save` is given replaces what `load` gave. */
export interface CredentialsStore {
  load(): Promise<Credentials>;
  save(credentials: Credentials): Promise<void>;
}

/** Starts workers. Rejects when none can be started. */
export interface WorkerLauncher {
  launch(spec: WorkerSpec, events: WorkerEvents): Promise<WorkerHandle>;
}

export interface WorkerSpec {
  identity: PackIdentity;
  bundle: Uint8Array;
  /** Limit for the worker's heap; 0 means the host's default. */
  memoryBytes: number;
}

export interface WorkerEvents {
  /** Messages are whatever the worker posted; the core checks them. */
  message(message: WorkerMessage): void;
  /** Comes exactly once, after all messages. */
  exit(exit: WorkerExit): void;
}

/** How a worker ended. */
export type WorkerExit =
  | { kind: "exit"; code: number } // by itself or by terminate
  | { kind: "error"; error: unknown } // uncaught error
  | { kind: "oom"; message: string }; // ran into its memory limit

export interface WorkerHandle {
  send(command: WorkerCommand): void;
  /** Ends it now, whatever it is doing; `exit` follows. */
  terminate(): void;
}

/** What the host is. */
export interface HostInfo {
  runtimeType: Runtime;
  /** e.g. v20.20.2 */
  runtimeVersion: string;
  /** What this process uses now; undefined where the platform does not say. */
  usage(): { cpuMillis: number; memoryBytes: number } | undefined;
}
