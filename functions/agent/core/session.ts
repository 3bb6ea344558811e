/**
 * The agent's session with a server: connects, authenticates in-band, registers, beats, and does so again for ever.
 * Knows nothing of pods: the agent is told when it is registered and which frames came.
 */
import { Backoff } from "./backoff.ts";
import { Connection, type ConnectionEnd, type ConnectionEvents } from "./connection.ts";
import { messageOf } from "./errors.ts";
import type { Moment } from "./fence.ts";
import {
  Close,
  PROTOCOL,
  type AgentPayload,
  type AgentType,
  type Heartbeat,
  type NodeRegister,
  type Registered,
  type ServerFrame,
} from "./protocol.ts";
import type { Clock, Logger, OpenSocket, Random, Timer } from "./ports.ts";
import { CredentialsRefused, type Tokens } from "./tokens.ts";

/** Why a session ended for good. */
export interface SessionEnd {
  /** failed: the agent itself did. */
  kind: "goodbye" | "credentials" | "forbidden" | "superseded" | "protocol" | "failed";
  message: string;
}

export interface SessionDeps {
  /** ws: or wss: */
  url: string;
  clock: Clock;
  random: Random;
  openSocket: OpenSocket;
  tokens: Tokens;
  log: Logger;
  agent: { name: string; version: string };
}

/** What the session asks of and tells the agent. */
export interface SessionEvents {
  /** The registration as it is now; asked for at every connection. */
  registration(): NodeRegister;
  heartbeat(): Heartbeat;
  /** Registered (again): everything that waits may be sent. */
  ready(registered: Registered): void;
  /** The connection is gone; another will be made. */
  lost(): void;
  /** The node's lease of so many milliseconds was extended by what was sent at `since`. */
  leased(since: Moment, leaseMs: number): void;
  frame(frame: ServerFrame): void;
  /** It is over. Comes at most once; nothing follows. */
  end(end: SessionEnd): void;
}

const RECONNECT = { minMs: 250, maxMs: 15_000 };
/** A server that restarts sends everyone away at one moment. */
const RESTART_SPREAD_MS = 1_000;
/** A connection that lived this long was good: the next failure is a new one. */
const STABLE_MS = 5_000;
/** A token that is about to expire is not worth connecting with. */
const MIN_TOKEN_TTL_MS = 30_000;

export class Session {
  readonly #deps: SessionDeps;
  readonly #events: SessionEvents;
  readonly #backoff: Backoff;
  #connection: Connection | undefined;
  #retry: Timer | undefined;
  /** Between two attempts. */
  #waiting = false;
  #readySince: number | undefined;
  #state: "idle" | "active" | "leaving" | "ended" = "idle";

  constructor(deps: SessionDeps, events: SessionEvents) {
    this.#deps = deps;
    this.#events = events;
    this.#backoff = new Backoff(deps.random, RECONNECT);
  }

  /** Starts to connect. Once. */
  start(): void {
    if (this.#state !== "idle") return;
    this.#state = "active";
    void this.#connect();
  }

  /** Whether frames can be sent now. */
  get ready(): boolean {
    return this.#connection?.ready ?? false;
  }

  /** Bytes that wait to leave. */
  get bufferedBytes(): number {
    return this.#connection?.bufferedBytes ?? 0;
  }

  /** Sends a frame; false if there is no registered connection, and then nothing was sent. */
  send<T extends AgentType>(type: T, payload: AgentPayload<T>): boolean {
    return this.#connection?.ready === true && this.#connection.send(type, payload);
  }

  /** Does not wait for the next attempt. Does nothing while one is made, or while there is a connection. */
  retryNow(): void {
    if (this.#state !== "active" || !this.#waiting) return;
    this.#waiting = false;
    this.#retry?.cancel();
    this.#backoff.reset();
    void this.#connect();
  }

  /** Says goodbye and ends, at the latest after `timeoutMs`. The pods must have stopped. */
  leave(reason: string, timeoutMs: number): void {
    if (this.#state === "ended" || this.#state === "leaving") return;
    this.#state = "leaving";
    this.#retry?.cancel();
    if (!this.send("node:disconnect", { reason })) {
      this.#finish({ kind: "goodbye", message: "left without a connection" });
      return;
    }
    this.#retry = this.#deps.clock.timer(timeoutMs, () => this.#finish({ kind: "goodbye", message: "left; the server did not answer" }));
  }

  /** Ends at once, without a goodbye. */
  stop(): void {
    if (this.#state !== "ended") this.#finish({ kind: "goodbye", message: "stopped" });
  }

  async #connect(): Promise<void> {
    const { tokens, log } = this.#deps;
    let token: string;
    try {
      token = await tokens.get(MIN_TOKEN_TTL_MS);
    } catch (error) {
      if (this.#state !== "active") return;
      if (error instanceof CredentialsRefused) this.#finish({ kind: "credentials", message: error.message });
      else {
        log.warn("no access token yet", { error: messageOf(error) });
        this.#reconnect();
      }
      return;
    }
    if (this.#state !== "active") return;
    const events: ConnectionEvents = {
      registration: () => this.#events.registration(),
      heartbeat: () => this.#events.heartbeat(),
      ready: (registered) => {
        this.#readySince = this.#deps.clock.monotonic();
        this.#events.ready(registered);
      },
      leased: (since, leaseMs) => this.#events.leased(since, leaseMs),
      frame: (frame) => this.#events.frame(frame),
      closed: (end) => this.#closed(end),
    };
    this.#connection = new Connection(this.#deps, events, token);
  }

  #closed(end: ConnectionEnd): void {
    const { clock, log, tokens } = this.#deps;
    const stable = this.#readySince !== undefined && clock.monotonic() - this.#readySince >= STABLE_MS;
    this.#connection = undefined;
    this.#readySince = undefined;
    if (this.#state === "ended") return;
    if (this.#state === "leaving") {
      this.#finish({ kind: "goodbye", message: "left" });
      return;
    }
    this.#events.lost();
    const over = finality(end.code, end.reason);
    if (over) {
      this.#finish(over);
      return;
    }
    if (end.code === Close.unauthenticated) tokens.refused(end.token);
    if (stable) this.#backoff.reset();
    if (end.code === Close.restart) this.#backoff.spread(RESTART_SPREAD_MS);
    log.warn("the connection is gone; connecting again", { code: end.code, reason: end.reason });
    this.#reconnect();
  }

  #reconnect(): void {
    const delay = this.#backoff.next();
    this.#deps.log.debug("next attempt", { inMs: delay });
    this.#waiting = true;
    this.#retry = this.#deps.clock.timer(delay, () => {
      this.#waiting = false;
      void this.#connect();
    });
  }

  #finish(end: SessionEnd): void {
    this.#state = "ended";
    this.#retry?.cancel();
    this.#connection?.close(Close.goodbye, end.kind);
    this.#connection = undefined;
    this.#events.end(end);
  }
}

/** Closes that no new connection can mend. */
function finality(code: number, reason: string): SessionEnd | undefined {
  const said = reason === "" ? "" : `: ${reason}`;
  switch (code) {
    case Close.forbidden:
      return { kind: "forbidden", message: `the server does not let this user run a node${said}` };
    case Close.superseded:
      // This process closes its old socket before it opens a new one, so it was not this process.
      return { kind: "superseded", message: `another agent has registered under this node's name${said}` };
    case Close.protocol:
      return { kind: "protocol", message: `the server does not speak version ${PROTOCOL} of the agent protocol${said}` };
    default:
      return undefined;
  }
}
