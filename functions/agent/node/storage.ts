/** What packs keep, as files: a directory for each namespace and pack, a file for each key. */
import { mkdir, readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { KeyValues } from "../core/ports.ts";
import { isMissing, writeAtomically } from "./files.ts";

export class DiskStorage implements KeyValues {
  readonly #dir: string;

  constructor(dir: string) {
    this.#dir = dir;
  }

  async get(scope: string, key: string): Promise<string | undefined> {
    try {
      return await readFile(this.#file(scope, key), "utf8");
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async set(scope: string, key: string, value: string): Promise<void> {
    await mkdir(this.#space(scope), { recursive: true, mode: 0o700 });
    await writeAtomically(this.#file(scope, key), value, 0o600);
  }

  async delete(scope: string, key: string): Promise<void> {
    await rm(this.#file(scope, key), { force: true });
  }

  async entries(scope: string): Promise<{ key: string; bytes: number }[]> {
    const space = this.#space(scope);
    const names = await readdir(space).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
    const entries = [];
    for (const name of names) {
      if (!/^([0-9a-f]{2})+$/.test(name)) continue; // being written
      entries.push({ key: Buffer.from(name, "hex").toString("utf8"), bytes: (await stat(join(space, name))).size });
    }
    return entries;
  }

  // Hexadecimal, since file names may not tell upper from lower case, and since a name must not lead out of here.
  #space(scope: string): string {
    return join(this.#dir, Buffer.from(scope, "utf8").toString("hex"));
  }

  #file(scope: string, key: string): string {
    return join(this.#space(scope), Buffer.from(key, "utf8").toString("hex"));
  }
}
