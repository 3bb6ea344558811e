/** Stand-ins for the core's ports. Time stands still until a test moves it. */
import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type {
  BundleCache,
  Clock,
  Credentials,
  CredentialsStore,
  Fields,
  HttpFetch,
  HttpRequest,
  HttpResponse,
  KeyValues,
  Logger,
  Random,
  Sha256,
  Timer,
} from "../../core/ports.ts";

/** What the goldens under tests/contract/frames say. */
export const START = Date.parse("2026-11-24T08:34:00.123Z");

/** Lets everything happen that does not wait for time. */
export async function settle(): Promise<void> {
  await setImmediate();
}

interface Waiting {
  at: number;
  fire: () => void;
}

export class FakeClock implements Clock {
  #elapsed = 0;
  readonly #timers = new Set<Waiting>();

  now(): number {
    return START + this.#elapsed;
  }

  monotonic(): number {
    return this.#elapsed;
  }

  timer(ms: number, fire: () => void): Timer {
    const timer = { at: this.#elapsed + Math.max(0, ms), fire };
    this.#timers.add(timer);
    return { cancel: () => this.#timers.delete(timer) };
  }

  /** Moves time on, timer by timer, letting everything happen in between. */
  async advance(ms: number): Promise<void> {
    const until = this.#elapsed + ms;
    await settle();
    for (let next = this.#next(until); next; next = this.#next(until)) {
      this.#timers.delete(next);
      this.#elapsed = Math.max(this.#elapsed, next.at);
      next.fire();
      await settle();
    }
    this.#elapsed = until;
  }

  /** Time passes without a timer being able to fire: a machine that slept. */
  sleepThrough(ms: number): void {
    this.#elapsed += ms;
  }

  /** How long until the next timer; undefined if there is none. */
  get nextIn(): number | undefined {
    const next = this.#next(Infinity);
    return next && next.at - this.#elapsed;
  }

  #next(until: number): Waiting | undefined {
    let next: Waiting | undefined;
    for (const timer of this.#timers) if (timer.at <= until && (!next || timer.at < next.at)) next = timer;
    return next;
  }
}

/** Gives the same number again and again, until another is set. */
export class FakeRandom implements Random {
  value = 0.5;

  next(): number {
    return this.value;
  }
}

export class FakeLogger implements Logger {
  readonly lines: { level: string; message: string; fields: Fields | undefined }[] = [];

  debug = this.#at("debug");
  info = this.#at("info");
  warn = this.#at("warn");
  error = this.#at("error");

  has(message: string): boolean {
    return this.lines.some((line) => line.message === message);
  }

  #at(level: string) {
    return (message: string, fields?: Fields) => void this.lines.push({ level, message, fields });
  }
}

export const sha256: Sha256 = (bytes) => Promise.resolve(createHash("sha256").update(bytes).digest("hex"));

export class FakeCache implements BundleCache {
  readonly files = new Map<string, Uint8Array>();
  broken = false;

  get(key: string): Promise<Uint8Array | undefined> {
    return this.broken ? Promise.reject(new Error("the disk is gone")) : Promise.resolve(this.files.get(key));
  }

  put(key: string, bytes: Uint8Array): Promise<void> {
    if (this.broken) return Promise.reject(new Error("the disk is full"));
    this.files.set(key, bytes);
    return Promise.resolve();
  }

  delete(key: string): Promise<void> {
    this.files.delete(key);
    return Promise.resolve();
  }
}

export class FakeKeyValues implements KeyValues {
  readonly values = new Map<string, string>();
  broken = false;

  get(scope: string, key: string): Promise<string | undefined> {
    return this.broken ? Promise.reject(new Error("the disk is gone")) : Promise.resolve(this.values.get(`${scope} ${key}`));
  }

  set(scope: string, key: string, value: string): Promise<void> {
    this.values.set(`${scope} ${key}`, value);
    return Promise.resolve();
  }

  delete(scope: string, key: string): Promise<void> {
    this.values.delete(`${scope} ${key}`);
    return Promise.resolve();
  }

  entries(scope: string): Promise<{ key: string; bytes: number }[]> {
    const own = [...this.values].filter(([key]) => key.startsWith(`${scope} `));
    return Promise.resolve(own.map(([key, value]) => ({ key: key.slice(scope.length + 1), bytes: value.length })));
  }
}

export class FakeCredentials implements CredentialsStore {
  readonly saved: Credentials[] = [];
  failsToSave = false;
  loads = 0;
  current: Credentials;

  constructor(credentials: Credentials) {
    this.current = credentials;
  }

  load(): Promise<Credentials> {
    this.loads++;
    return Promise.resolve(this.current);
  }

  save(credentials: Credentials): Promise<void> {
    if (this.failsToSave) return Promise.reject(new Error("read-only"));
    this.saved.push(credentials);
    this.current = credentials;
    return Promise.resolve();
  }
}

/** Answers requests with what the test says, in order of the asking, and keeps what was asked. */
export class FakeHttp {
  readonly requests: HttpRequest[] = [];
  handler: (request: HttpRequest) => HttpResponse | Promise<HttpResponse> = () => answer(404, {});

  readonly fetch: HttpFetch = async (request) => {
    this.requests.push(request);
    return await this.handler(request);
  };
}

export function answer(status: number, body: unknown): HttpResponse {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return { status, bytes: new TextEncoder().encode(text), text: () => text };
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A JWT with this expiry; nobody here looks at its signature. */
export function tokenUntil(expiresAt: number, id = "token"): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "ES256" })}.${part({ exp: Math.floor(expiresAt / 1000), jti: id })}.signature`;
}

export function deferred<T>(): { promise: Promise<T>; resolve: (value: T) => void; reject: (error: unknown) => void } {
  let resolve: (value: T) => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
