/** What the agent keeps on disk: bundles by digest, its credentials, and the files of pods that run. */
import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BundleCache, Credentials, CredentialsStore } from "../core/ports.ts";
import { isObject } from "../core/schema.ts";

/** The cache keeps at most so many bytes; what was not used for longest goes first. */
export const CACHE_BYTES = 1 << 30;

/** Writes a file so that a reader, or a crash, sees all of it or nothing. */
export async function writeAtomically(path: string, data: Uint8Array | string, mode: number): Promise<void> {
  const temporary = join(dirname(path), `.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, "wx", mode);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/** Bundles by digest in a directory of their own. The core checks what it reads. */
export class DiskCache implements BundleCache {
  readonly #dir: string;
  readonly #maxBytes: number;

  constructor(dir: string, maxBytes = CACHE_BYTES) {
    this.#dir = dir;
    this.#maxBytes = maxBytes;
  }

  async get(sha256: string): Promise<Uint8Array | undefined> {
    const path = this.#path(sha256);
    try {
      const bytes = await readFile(path);
      const now = new Date();
      await utimes(path, now, now);
      return bytes;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async put(sha256: string, bytes: Uint8Array): Promise<void> {
    await mkdir(this.#dir, { recursive: true, mode: 0o700 });
    await writeAtomically(this.#path(sha256), bytes, 0o600);
    await this.#prune(sha256);
  }

  async delete(sha256: string): Promise<void> {
    await rm(this.#path(sha256), { force: true });
  }

  async #prune(keep: string): Promise<void> {
    const files = await this.#files();
    let total = files.reduce((sum, file) => sum + file.size, 0);
    for (const { name, size } of files.sort((a, b) => a.usedAt - b.usedAt)) {
      if (total <= this.#maxBytes) return;
      if (name === keep) continue;
      await this.delete(name);
      total -= size;
    }
  }

  async #files(): Promise<{ name: string; size: number; usedAt: number }[]> {
    const files = [];
    for (const name of await readdir(this.#dir)) {
      if (!/^[0-9a-f]{64}$/.test(name)) continue; // being written
      const { size, mtimeMs } = await stat(join(this.#dir, name)).catch(() => ({ size: 0, mtimeMs: 0 })); // gone meanwhile
      files.push({ name, size, usedAt: mtimeMs });
    }
    return files;
  }

  #path(sha256: string): string {
    return join(this.#dir, sha256);
  }
}

/** Credentials in a JSON file that is for its owner alone. Fields that the agent does not know are kept. */
export class CredentialsFile implements CredentialsStore {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async load(): Promise<Credentials> {
    const { supabaseUrl, anonKey, email, password, accessToken, refreshToken } = await this.#read();
    if (typeof supabaseUrl !== "string" || !/^https?:\/\//.test(supabaseUrl))
      throw this.#wrong("supabaseUrl must be a URL, e.g. http://127.0.0.1:54321");
    if (typeof anonKey !== "string" || anonKey === "") throw this.#wrong("anonKey is missing: the project's anon or publishable key");
    const credentials = {
      supabaseUrl: supabaseUrl.replace(/\/+$/, ""),
      anonKey,
      ...strings({ email, password, accessToken, refreshToken }),
    };
    if (!credentials.accessToken && !credentials.refreshToken && !(credentials.email && credentials.password)) {
      throw this.#wrong("it holds no accessToken, no refreshToken, and no email with password: one of these is needed");
    }
    return credentials;
  }

  async save(credentials: Credentials): Promise<void> {
    const kept = await this.#read().catch(() => ({})); // whatever it holds now, it is written whole
    await writeAtomically(this.#path, `${JSON.stringify({ ...kept, ...credentials }, null, 2)}\n`, 0o600);
  }

  async #read(): Promise<Record<string, unknown>> {
    let text: string;
    try {
      text = await readFile(this.#path, "utf8");
    } catch (error) {
      throw new Error(`the credentials file ${this.#path} cannot be read: ${(error as Error).message}`, { cause: error });
    }
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch {
      throw this.#wrong("it is not JSON"); // without the parser's message, which quotes the text
    }
    if (!isObject(value)) throw this.#wrong("it is not a JSON object");
    return value;
  }

  #wrong(what: string): Error {
    return new Error(`the credentials file ${this.#path} cannot be used: ${what}`);
  }
}

/**
 * A directory for the files of this process's pods, below `dir`. Those that processes left there which are no more are removed:
 * one that was killed cannot do it itself.
 */
export async function scratchDirectory(dir: string): Promise<string> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
  for (const name of await readdir(dir)) {
    const pid = Number(/^(\d+)-/.exec(name)?.[1]);
    if (pid > 0 && (pid === process.pid || !isAlive(pid))) await rm(join(dir, name), { recursive: true, force: true });
  }
  const own = join(dir, `${process.pid}-${randomUUID()}`);
  await mkdir(own, { mode: 0o700 });
  return own;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // somebody else's
  }
}

export function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOENT";
}

function strings<K extends string>(values: Record<K, unknown>): Partial<Record<K, string>> {
  const entries = Object.entries(values).filter(([, value]) => typeof value === "string" && value !== "");
  return Object.fromEntries(entries) as Partial<Record<K, string>>;
}
