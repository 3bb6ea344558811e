/** Evaluates a bundle as what it is: an ES module or a CommonJS one. */
import { existsSync, readFileSync } from "node:fs";
import { readFile, rename } from "node:fs/promises";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { compileFunction } from "node:vm";
import type { LoadedBundle } from "../../core/pack/contract.ts";
import type { BundleSource } from "../../core/pack/sourcemap.ts";

/**
 * Whether a source is CommonJS: it is if it compiles as such, because what only modules may say (import, export, import.meta, await
 * outside of a function) is a syntax error there. A source that is neither is tried as a module, which says what is wrong with it.
 * The idea is that of Node's own --experimental-detect-module.
 */
export function isCommonJs(source: string): boolean {
  try {
    compileFunction(source.replace(/^#!.*/, ""), ["exports", "require", "module", "__filename", "__dirname"]);
    return true;
  } catch {
    return false;
  }
}

/** The bundle in `file`, as stacks show it once it is loaded. */
export function sourceOf(file: string): BundleSource {
  return {
    text: () => readFileSync([`${file}.mjs`, `${file}.cjs`].find((named) => existsSync(named)) ?? file, "utf8"),
    decodeBase64: (text) => Buffer.from(text, "base64").toString("utf8"),
    places: /(?:file:\/\/)?[^\s()]*\/pack\.[mc]js:(\d+):(\d+)/g,
    firstLineOffset: 0,
  };
}

/** Loads the bundle in `file`, which is renamed to what says its format. Rejects with whatever the bundle throws. */
export async function load(file: string): Promise<LoadedBundle> {
  const commonJs = isCommonJs(await readFile(file, "utf8"));
  const named = `${file}.${commonJs ? "cjs" : "mjs"}`;
  await rename(file, named);
  if (commonJs) return { kind: "commonjs", exports: createRequire(named)(named) as unknown };
  return { kind: "esm", namespace: (await import(pathToFileURL(named).href)) as Record<string, unknown> };
}
