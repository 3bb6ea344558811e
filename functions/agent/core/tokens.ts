/** The agent's access token: taken from its credentials, renewed at Supabase Auth before it expires. */
import { messageOf } from "./errors.ts";
import { expiryOf } from "./jwt.ts";
import type { Clock, Credentials, CredentialsStore, HttpFetch, HttpResponse, Logger } from "./ports.ts";
import { isObject } from "./schema.ts";

/** Supabase Auth refuses these credentials: trying again is of no use. */
export class CredentialsRefused extends Error {
  override readonly name = "CredentialsRefused";
}

/** Supabase Auth could not be asked, or did not answer properly: try again later. */
export class AuthUnavailable extends Error {
  override readonly name = "AuthUnavailable";
}

const TIMEOUT_MS = 15_000;
const MAX_RESPONSE_BYTES = 1 << 20;

interface Held {
  token: string;
  /** Wall clock; undefined if the token does not say. */
  expiresAt: number | undefined;
}

export interface TokensDeps {
  http: HttpFetch;
  store: CredentialsStore;
  clock: Clock;
  log: Logger;
}

/** Hands out access tokens. Calls that overlap share one renewal, since a refresh token is good for one. */
export class Tokens {
  readonly #deps: TokensDeps;
  #credentials: Credentials | undefined;
  #held: Held | undefined;
  #renewing: Promise<Held> | undefined;
  #refused: string | undefined;

  constructor(deps: TokensDeps) {
    this.#deps = deps;
  }

  /** The credentials as they are now. Rejects if they cannot be read. */
  async credentials(): Promise<Credentials> {
    this.#credentials ??= await this.#deps.store.load();
    return this.#credentials;
  }

  /**
   * A token that is good for at least `minTtlMs` more, if the credentials can give one; else one that has not expired.
   * Rejects with CredentialsRefused or AuthUnavailable.
   */
  async get(minTtlMs: number): Promise<string> {
    const held = this.#held ?? (await this.#stored());
    if (held && this.#ttl(held) > minTtlMs) return held.token;
    try {
      return (await this.#renew()).token;
    } catch (error) {
      if (held && held === this.#held && this.#ttl(held) > 0) {
        this.#deps.log.warn("could not renew the access token yet", { error: messageOf(error) });
        return held.token;
      }
      throw error;
    }
  }

  /** A new token, even if the held one is still good. Rejects as `get` does. */
  async renewed(): Promise<string> {
    return (await this.#renew()).token;
  }

  /** When the token that `get` last gave expires (wall clock); undefined if it does not say. */
  get expiresAt(): number | undefined {
    return this.#held?.expiresAt;
  }

  /** Someone refused `token`: it is not handed out again. */
  refused(token: string): void {
    this.#refused = token;
    if (this.#held?.token === token) this.#held = undefined;
  }

  #ttl(held: Held): number {
    return held.expiresAt === undefined ? Infinity : held.expiresAt - this.#deps.clock.now();
  }

  async #stored(): Promise<Held | undefined> {
    this.#held ??= this.#unused((await this.credentials()).accessToken);
    return this.#held;
  }

  /** `token` as something to hand out, unless it has been, was refused, or has expired. */
  #unused(token: string | undefined): Held | undefined {
    if (token === undefined || token === this.#refused || token === this.#held?.token) return undefined;
    const held: Held = { token, expiresAt: expiryOf(token) };
    return this.#ttl(held) > 0 ? held : undefined;
  }

  #renew(): Promise<Held> {
    this.#renewing ??= this.#renewOnce().finally(() => {
      this.#renewing = undefined;
    });
    return this.#renewing;
  }

  async #renewOnce(): Promise<Held> {
    const known = await this.credentials();
    try {
      return await this.#grant(known);
    } catch (error) {
      if (!(error instanceof CredentialsRefused)) throw error;
      // Someone else may have written fresh ones meanwhile: a rotated refresh token is refused, the new one is not.
      const fresh = await this.#deps.store.load();
      this.#credentials = fresh;
      const written = this.#unused(fresh.accessToken);
      if (written) {
        this.#held = written;
        return written;
      }
      if (!differs(known, fresh)) throw error;
      return await this.#grant(fresh);
    }
  }

  async #grant(credentials: Credentials): Promise<Held> {
    const { refreshToken, email, password } = credentials;
    const withPassword = email !== undefined && password !== undefined;
    if (refreshToken !== undefined) {
      try {
        return await this.#ask(credentials, "refresh_token", { refresh_token: refreshToken });
      } catch (error) {
        if (!(error instanceof CredentialsRefused) || !withPassword) throw error;
        this.#deps.log.info("the refresh token was refused; logging in with the password", { error: error.message });
      }
    }
    if (withPassword) return this.#ask(credentials, "password", { email, password });
    throw new CredentialsRefused(
      "the access token has expired or was refused, and there is neither a refresh token nor a password to get another",
    );
  }

  async #ask(credentials: Credentials, grant: string, body: Record<string, string>): Promise<Held> {
    const url = `${credentials.supabaseUrl}/auth/v1/token?grant_type=${grant}`;
    const asked = this.#deps.clock.now();
    let response: HttpResponse;
    try {
      response = await this.#deps.http({
        method: "POST",
        url,
        headers: { apikey: credentials.anonKey, "content-type": "application/json" },
        body: JSON.stringify(body),
        timeoutMs: TIMEOUT_MS,
        maxBytes: MAX_RESPONSE_BYTES,
      });
    } catch (error) {
      throw new AuthUnavailable(`Supabase Auth at ${credentials.supabaseUrl} cannot be reached: ${messageOf(error)}`, { cause: error });
    }
    const answer = parseObject(response.text());
    if (response.status !== 200) throw refusal(response.status, grant, answer);
    const { access_token: token, refresh_token: refresh, expires_in: expiresIn } = answer;
    if (typeof token !== "string") throw new AuthUnavailable("Supabase Auth answered without an access token");
    const held: Held = { token, expiresAt: typeof expiresIn === "number" ? asked + expiresIn * 1000 : expiryOf(token) };
    this.#held = held;
    await this.#keep({
      ...credentials,
      accessToken: token,
      refreshToken: typeof refresh === "string" ? refresh : credentials.refreshToken,
    });
    return held;
  }

  // Not being able to write must not cost the session that was just renewed.
  async #keep(credentials: Credentials): Promise<void> {
    this.#credentials = credentials;
    try {
      await this.#deps.store.save(credentials);
    } catch (error) {
      this.#deps.log.warn("the rotated credentials could not be saved: the next start will need new ones", { error: messageOf(error) });
    }
  }
}

function differs(a: Credentials, b: Credentials): boolean {
  return (
    a.refreshToken !== b.refreshToken ||
    a.email !== b.email ||
    a.password !== b.password ||
    a.supabaseUrl !== b.supabaseUrl ||
    a.anonKey !== b.anonKey
  );
}

/** Auth says what is wrong in `msg` (its own errors), `message` (its newer API) or `error_description` (OAuth). */
function refusal(status: number, grant: string, answer: Record<string, unknown>): Error {
  const said = [answer["msg"], answer["message"], answer["error_description"], answer["error"]].find((text) => typeof text === "string");
  const message = `Supabase Auth refused the ${grant} grant: ${status} ${String(said ?? "without a reason")}`;
  // 429 and 409 (two refreshes at one moment) pass, and so do a gateway's 404 and 5xx while the stack starts.
  return [400, 401, 403, 422].includes(status) ? new CredentialsRefused(message) : new AuthUnavailable(message);
}

function parseObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {}; // a proxy's HTML; the status still says what happened
  }
}
