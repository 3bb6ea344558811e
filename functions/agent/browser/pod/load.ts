/** Evaluates a bundle as what it is: an ES module or a CommonJS one. Nothing here needs eval, so that a page's CSP need not allow it. */
import type { LoadedBundle } from "../../core/pack/contract.ts";
import type { BundleSource } from "../../core/pack/sourcemap.ts";

const SLOT = "__stark_commonjs__";

const WRAPPER = `self.${SLOT} = function (exports, require, module, __filename, __dirname) {`;

type Wrapped = (exports: unknown, require: unknown, module: unknown, filename: string, dirname: string) => void;

/**
 * Whether a source is CommonJS: it is if it compiles as such, inside of a function, because what only modules may say (import, export,
 * import.meta, await outside of a function) is a syntax error there. The same rule as on Node.js; the browser compiles it as a script that
 * does nothing but make that function.
 */
function compiledAsCommonJs(source: string): Wrapped | undefined {
  const slots = globalThis as unknown as Record<string, Wrapped | undefined>;
  const script = `${WRAPPER}${source.replace(/^#!.*/, "")}\n}`;
  const url = blobUrl(script);
  try {
    importScripts(url);
    return slots[SLOT];
  } catch {
    return undefined; // tried as a module, which says what is wrong with it
  } finally {
    URL.revokeObjectURL(url);
    delete slots[SLOT];
  }
}

/** The bundle as stacks show it: it is the one blob that is run. */
export function sourceOf(bundle: Uint8Array): BundleSource {
  return {
    text: () => new TextDecoder().decode(bundle),
    decodeBase64: (text) => new TextDecoder().decode(Uint8Array.from(atob(text), (char) => char.charCodeAt(0))),
    places: /blob:[^\s()]+?:(\d+):(\d+)/g,
    get firstLineOffset() {
      return wrapped ? WRAPPER.length : 0;
    },
  };
}

/** Whether the bundle runs inside of a function that was put around it. */
let wrapped = false;

/** Loads the bundle. Rejects with whatever it throws. */
export async function load(bundle: Uint8Array): Promise<LoadedBundle> {
  const source = new TextDecoder().decode(bundle);
  const commonJs = compiledAsCommonJs(source);
  wrapped = commonJs !== undefined;
  if (commonJs) {
    const module = { exports: {} as unknown };
    commonJs.call(module.exports, module.exports, require, module, "/pack.cjs", "/");
    return { kind: "commonjs", exports: module.exports };
  }
  const url = blobUrl(source);
  try {
    return { kind: "esm", namespace: (await import(/* @vite-ignore */ url)) as Record<string, unknown> };
  } finally {
    URL.revokeObjectURL(url);
  }
}

function require(name: unknown): never {
  throw new Error(
    `Cannot find module '${String(name)}': a browser has no modules to require; bundle what the pack needs, or tag it "node"`,
  );
}

function blobUrl(source: string): string {
  return URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
}
