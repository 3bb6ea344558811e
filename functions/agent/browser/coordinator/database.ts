/** What the agent keeps in IndexedDB: bundles by digest, and what packs store. One database for all tabs of the page's origin. */
import type { BundleCache, KeyValues } from "../../core/ports.ts";

const NAME = "stark-agent";
const BUNDLES = "bundles";
const STORAGE = "storage";
/** The cache keeps at most so many bytes; what was not used for longest goes first. */
export const CACHE_BYTES = 256 << 20;

interface CachedBundle {
  sha256: string;
  bytes: Uint8Array;
  size: number;
  usedAt: number;
}

interface StoredValue {
  scope: string;
  key: string;
  value: string;
  bytes: number;
}

/** The connection, opened when it is first needed and again after the browser has closed it. */
export class Database {
  #opening: Promise<IDBDatabase> | undefined;

  /** Runs `work` in one transaction and resolves with its request's result when that is committed. */
  async run<T>(
    store: typeof BUNDLES | typeof STORAGE,
    mode: IDBTransactionMode,
    work: (store: IDBObjectStore) => IDBRequest<T>,
  ): Promise<T> {
    const database = await this.#open();
    return new Promise<T>((resolve, reject) => {
      const transaction = database.transaction(store, mode);
      const request = work(transaction.objectStore(store));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(new Error(`IndexedDB: ${transaction.error?.message ?? "the transaction was aborted"}`));
    });
  }

  #open(): Promise<IDBDatabase> {
    this.#opening ??= new Promise<IDBDatabase>((resolve, reject) => {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => {
        request.result.createObjectStore(BUNDLES, { keyPath: "sha256" });
        request.result.createObjectStore(STORAGE, { keyPath: ["scope", "key"] });
      };
      request.onerror = () => reject(new Error(`IndexedDB cannot be opened: ${request.error?.message ?? "no reason given"}`));
      request.onsuccess = () => {
        const database = request.result;
        database.onclose = () => this.#forget();
        // A newer version of this page, in another tab, waits for us.
        database.onversionchange = () => {
          database.close();
          this.#forget();
        };
        resolve(database);
      };
    });
    this.#opening.catch(() => this.#forget());
    return this.#opening;
  }

  #forget(): void {
    this.#opening = undefined;
  }
}

export class DatabaseCache implements BundleCache {
  readonly #database: Database;
  readonly #maxBytes: number;

  constructor(database: Database, maxBytes = CACHE_BYTES) {
    this.#database = database;
    this.#maxBytes = maxBytes;
  }

  async get(sha256: string): Promise<Uint8Array | undefined> {
    const found = (await this.#database.run(BUNDLES, "readonly", (store) => store.get(sha256))) as CachedBundle | undefined;
    if (!found) return undefined;
    await this.#database.run(BUNDLES, "readwrite", (store) => store.put({ ...found, usedAt: Date.now() }));
    return found.bytes;
  }

  async put(sha256: string, bytes: Uint8Array): Promise<void> {
    const bundle: CachedBundle = { sha256, bytes, size: bytes.length, usedAt: Date.now() };
    await this.#database.run(BUNDLES, "readwrite", (store) => store.put(bundle));
    await this.#prune(sha256);
  }

  async delete(sha256: string): Promise<void> {
    await this.#database.run(BUNDLES, "readwrite", (store) => store.delete(sha256));
  }

  async #prune(keep: string): Promise<void> {
    const bundles = (await this.#database.run(BUNDLES, "readonly", (store) => store.getAll())) as CachedBundle[];
    let total = bundles.reduce((sum, { size }) => sum + size, 0);
    for (const { sha256, size } of bundles.sort((a, b) => a.usedAt - b.usedAt)) {
      if (total <= this.#maxBytes) return;
      if (sha256 === keep) continue;
      await this.delete(sha256);
      total -= size;
    }
  }
}

export class DatabaseStorage implements KeyValues {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  async get(scope: string, key: string): Promise<string | undefined> {
    const found = (await this.#database.run(STORAGE, "readonly", (store) => store.get([scope, key]))) as StoredValue | undefined;
    return found?.value;
  }

  async set(scope: string, key: string, value: string): Promise<void> {
    const row: StoredValue = { scope, key, value, bytes: new TextEncoder().encode(value).length };
    await this.#database.run(STORAGE, "readwrite", (store) => store.put(row));
  }

  async delete(scope: string, key: string): Promise<void> {
    await this.#database.run(STORAGE, "readwrite", (store) => store.delete([scope, key]));
  }

  async entries(scope: string): Promise<{ key: string; bytes: number }[]> {
    // Arrays come after all strings in IndexedDB's order: this is every key of the scope.
    const range = IDBKeyRange.bound([scope], [scope, []]);
    const rows = (await this.#database.run(STORAGE, "readonly", (store) => store.getAll(range))) as StoredValue[];
    return rows.map(({ key, bytes }) => ({ key, bytes }));
  }
}
