/**
 * Bundles straight from Storage: sign with the agent's own token, download, verify. Nothing leaves here that does not have the
 * size and the digest that the assignment names, whether it came over the network or from the cache.
 */
import { Backoff, sleep } from "./backoff.ts";
import { unlessCancelled, type Cancel } from "./cancel.ts";
import { messageOf } from "./errors.ts";
import {
  ResponseTooLarge,
  type BundleCache,
  type Clock,
  type HttpFetch,
  type HttpRequest,
  type HttpResponse,
  type Logger,
  type Random,
  type Sha256,
} from "./ports.ts";
import type { Bundle } from "./protocol.ts";
import { isObject } from "./schema.ts";
import type { Tokens } from "./tokens.ts";

/** Why a pod cannot have its bundle; `reason` is the pod's. */
export class BundleError extends Error {
  override readonly name = "BundleError";
  readonly reason: "digest_mismatch" | "bundle_unavailable";

  constructor(reason: BundleError["reason"], message: string) {
    super(message);
    this.reason = reason;
  }
}

/** One try failed, but another may not. */
class TryAgain extends Error {
  /** Not found: the assignment may have come before Storage can see its row. */
  readonly notFound: boolean;

  constructor(message: string, notFound: boolean) {
    super(message);
    this.notFound = notFound;
  }
}

export interface BundlesDeps {
  http: HttpFetch;
  cache: BundleCache;
  sha256: Sha256;
  tokens: Tokens;
  clock: Clock;
  random: Random;
  log: Logger;
}

const RETRY = { minMs: 200, maxMs: 2_000 };
/** How long "not found" is tried again. */
const NOT_FOUND_MS = 8_000;
/** How long a network or a Storage that fails is tried again. */
const OUTAGE_MS = 60_000;
const SIGN_TIMEOUT_MS = 10_000;
const DOWNLOAD_TIMEOUT_MS = 120_000;
/** A signed URL is used at once; this covers a slow start of a download, not its duration. */
const SIGNED_FOR_SECONDS = 60;
const MAX_SIGN_RESPONSE = 64 * 1024;
const MIN_TOKEN_TTL_MS = 30_000;

export class Bundles {
  readonly #deps: BundlesDeps;
  readonly #fetching = new Map<string, Promise<Uint8Array>>();

  constructor(deps: BundlesDeps) {
    this.#deps = deps;
  }

  /** The verified bytes of a bundle. Rejects with BundleError or Cancelled. Pods of one pack share one download. */
  get(bundle: Bundle, cancel: Cancel): Promise<Uint8Array> {
    const key = `${bundle.sha256}/${bundle.bucket}/${bundle.path}`;
    let fetching = this.#fetching.get(key);
    if (!fetching) {
      fetching = this.#get(bundle).finally(() => this.#fetching.delete(key));
      this.#fetching.set(key, fetching);
    }
    return unlessCancelled(cancel, fetching);
  }

  async #get(bundle: Bundle): Promise<Uint8Array> {
    const { cache, log } = this.#deps;
    const cached = await this.#cached(bundle);
    if (cached) return cached;
    const bytes = await this.#download(bundle);
    await this.#verify(bundle, bytes);
    try {
      await cache.put(bundle.sha256, bytes);
    } catch (error) {
      log.warn("could not keep a bundle in the cache", { sha256: bundle.sha256, error: messageOf(error) });
    }
    return bytes;
  }

  async #cached(bundle: Bundle): Promise<Uint8Array | undefined> {
    const { cache, log } = this.#deps;
    try {
      const bytes = await cache.get(bundle.sha256);
      if (!bytes) return undefined;
      if (await this.#matches(bundle, bytes)) return bytes;
      log.warn("a cached bundle was damaged; fetching it again", { sha256: bundle.sha256 });
      await cache.delete(bundle.sha256);
    } catch (error) {
      log.warn("could not use the bundle cache", { sha256: bundle.sha256, error: messageOf(error) });
    }
    return undefined;
  }

  async #matches(bundle: Bundle, bytes: Uint8Array): Promise<boolean> {
    return bytes.length === bundle.size && (await this.#deps.sha256(bytes)) === bundle.sha256;
  }

  async #verify(bundle: Bundle, bytes: Uint8Array): Promise<void> {
    if (bytes.length !== bundle.size) {
      throw new BundleError("digest_mismatch", `the bundle has ${bytes.length} bytes, but ${bundle.size} were registered`);
    }
    const digest = await this.#deps.sha256(bytes);
    if (digest !== bundle.sha256) {
      throw new BundleError("digest_mismatch", `the bundle's sha256 is ${digest}, but ${bundle.sha256} was registered`);
    }
  }

  async #download(bundle: Bundle): Promise<Uint8Array> {
    const { clock, random, log } = this.#deps;
    const started = clock.monotonic();
    const backoff = new Backoff(random, RETRY);
    for (;;) {
      try {
        return await this.#downloadOnce(bundle);
      } catch (error) {
        if (!(error instanceof TryAgain)) throw error;
        const delay = RETRY.minMs / 2 + backoff.next();
        const spent = clock.monotonic() - started + delay;
        if (spent > (error.notFound ? NOT_FOUND_MS : OUTAGE_MS)) throw new BundleError("bundle_unavailable", error.message);
        log.debug("bundle not available yet", { path: bundle.path, error: error.message, inMs: delay });
        await sleep(clock, delay);
      }
    }
  }

  async #downloadOnce(bundle: Bundle): Promise<Uint8Array> {
    const { tokens } = this.#deps;
    const { supabaseUrl, anonKey } = await tokens.credentials();
    const token = await tokens.get(MIN_TOKEN_TTL_MS).catch((error: unknown) => {
      throw new TryAgain(`no access token to fetch the bundle with: ${messageOf(error)}`, false);
    });
    const storage = `${supabaseUrl}/storage/v1`;
    const object = `${encodeURIComponent(bundle.bucket)}/${bundle.path.split("/").map(encodeURIComponent).join("/")}`;
    const signed = await this.#ask(
      "signing the bundle's URL",
      {
        method: "POST",
        url: `${storage}/object/sign/${object}`,
        headers: { apikey: anonKey, authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ expiresIn: SIGNED_FOR_SECONDS }),
        timeoutMs: SIGN_TIMEOUT_MS,
        maxBytes: MAX_SIGN_RESPONSE,
      },
      token,
    );
    const path = parseObject(signed.text())["signedURL"];
    if (typeof path !== "string") throw new TryAgain("Storage answered without a signed URL", false);
    try {
      const response = await this.#ask("downloading the bundle", {
        method: "GET",
        url: /^https?:\/\//.test(path) ? path : storage + path,
        headers: {},
        timeoutMs: DOWNLOAD_TIMEOUT_MS,
        maxBytes: bundle.size,
      });
      return response.bytes;
    } catch (error) {
      if (!(error instanceof ResponseTooLarge)) throw error;
      throw new BundleError("digest_mismatch", `the bundle has more than the ${bundle.size} bytes that were registered`);
    }
  }

  /** One exchange that succeeded; else rejects with TryAgain, BundleError or ResponseTooLarge. */
  async #ask(what: string, request: HttpRequest, token?: string): Promise<HttpResponse> {
    let response: HttpResponse;
    try {
      response = await this.#deps.http(request);
    } catch (error) {
      if (error instanceof ResponseTooLarge) throw error;
      throw new TryAgain(`${what}: ${messageOf(error)}`, false);
    }
    if (response.status === 200) return response;
    // Storage sends most errors as HTTP 400 and the status that is meant in the body.
    const { statusCode, message, error } = parseObject(response.text());
    const status = response.status === 400 && Number(statusCode) > 0 ? Number(statusCode) : response.status;
    const problem = `${what}: ${status} ${String(message ?? error ?? "")}`.trimEnd();
    if (status === 404) throw new TryAgain(problem, true);
    if (status === 429 || status >= 500) throw new TryAgain(problem, false);
    if (token !== undefined && (status === 401 || status === 403)) {
      // The token may just have expired or been rotated away; a row that is not visible is "not found", not "forbidden".
      this.#deps.tokens.refused(token);
      throw new TryAgain(problem, true);
    }
    throw new BundleError("bundle_unavailable", problem);
  }
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {}; // a proxy's HTML; the status still says what happened
  }
}
