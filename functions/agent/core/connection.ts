/** One WebSocket, from opening to its end: handshake, heartbeats, renewal of the token, and noticing a dead server. */
import { Backoff } from "./backoff.ts";
import { messageOf } from "./errors.ts";
import { decodeServerFrame, encodeFrame, FrameError } from "./frame.ts";
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
import { momentOf, type Moment } from "./fence.ts";
import type { Socket, Timer } from "./ports.ts";
import type { SessionDeps } from "./session.ts";
import { headUtf8 } from "./text.ts";

export interface ConnectionEvents {
  registration(): NodeRegister;
  heartbeat(): Heartbeat;
  ready(registered: Registered): void;
  /** The node's lease of so many milliseconds was extended by what was sent at `since`. */
  leased(since: Moment, leaseMs: number): void;
  /** Frames that are not the connection's own; only after `ready`. */
  frame(frame: ServerFrame): void;
  /** Comes exactly once and last, unless `close` was called. */
  closed(end: ConnectionEnd): void;
}

export interface ConnectionEnd {
  code: number;
  reason: string;
  /** The token that was last sent. */
  token: string;
}

/** From the start of connecting to node:registered. */
const HANDSHAKE_MS = 20_000;
/** Heartbeat intervals without a word from the server until it counts as dead. */
const SILENT_INTERVALS = 3;
/** A token is renewed this long before it expires, or after two thirds of a short life. */
const RENEW_MARGIN_MS = 90_000;
const RENEW_RETRY = { minMs: 500, maxMs: 10_000 };
/** Clocks that disagree must not make renewals a loop. */
const MIN_RENEWAL_MS = 1_000;
/** RFC 6455: 125 bytes of control frame, less two for the code. */
const MAX_CLOSE_REASON = 123;

export class Connection {
  readonly #deps: SessionDeps;
  readonly #events: ConnectionEvents;
  readonly #socket: Socket;
  readonly #renewals: Backoff;
  #token: string;
  #phase: "connecting" | "authenticating" | "registering" | "ready" | "closed" = "connecting";
  #handshake: Timer;
  #beat: Timer | undefined;
  #renewal: Timer | undefined;
  #lastHeard = 0;
  #lastBeat = 0;
  #frames = 0;
  /** When the registration was sent, and the beats that are not answered, by their correlationId. */
  #registeredAt: Moment | undefined;
  readonly #beats = new Map<string, Moment>();

  constructor(deps: SessionDeps, events: ConnectionEvents, token: string) {
    this.#deps = deps;
    this.#events = events;
    this.#token = token;
    this.#renewals = new Backoff(deps.random, RENEW_RETRY);
    this.#handshake = deps.clock.timer(HANDSHAKE_MS, () =>
      this.#abandon("the server did not complete the handshake in time", Close.noHeartbeat),
    );
    this.#socket = deps.openSocket(deps.url, {
      open: () => this.#opened(),
      message: (text) => this.#received(text),
      close: (code, reason) => this.#closed(code, reason),
    });
  }

  get ready(): boolean {
    return this.#phase === "ready";
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedBytes;
  }

  send<T extends AgentType>(type: T, payload: AgentPayload<T>): boolean {
    if (this.#phase === "closed") return false;
    this.#socket.send(encodeFrame(type, payload, this.#deps.clock.now(), `${type}-${++this.#frames}`));
    return true;
  }

  /** Closes without `closed` being called. */
  close(code: number, reason: string): void {
    if (this.#phase === "closed") return;
    this.#release();
    this.#socket.close(code, reason);
  }

  #opened(): void {
    if (this.#phase !== "connecting") return;
    this.#phase = "authenticating";
    this.#authenticate();
  }

  #authenticate(): void {
    this.send("auth:authenticate", { token: this.#token, protocol: PROTOCOL, agent: this.#deps.agent });
  }

  #received(text: string | undefined): void {
    if (this.#phase === "closed") return;
    this.#lastHeard = this.#deps.clock.monotonic();
    let frame: ServerFrame;
    try {
      frame = decodeServerFrame(text);
    } catch (error) {
      if (!(error instanceof FrameError)) throw error;
      this.#malformed(error);
      return;
    }
    switch (frame.type) {
      case "auth:authenticated":
        this.#authenticated();
        break;
      case "node:registered":
        if (this.#phase === "registering") this.#registered(frame.payload);
        break;
      case "node:heartbeat:ack":
        this.#answered(frame.correlationId, frame.payload.leaseMs);
        break;
      case "error":
        this.#deps.log.warn("the server reports an error", {
          code: frame.payload.code,
          message: frame.payload.message,
          about: frame.correlationId,
        });
        break;
      default:
        if (this.#phase === "ready") this.#events.frame(frame);
        else this.#deps.log.warn("ignored a frame that came before the registration", { type: frame.type });
    }
  }

  #malformed(error: FrameError): void {
    this.#deps.log.error("the server sent a frame that cannot be used", { problem: error.problem, error: error.message });
    const code = error.problem === "type" ? "UNKNOWN_TYPE" : "BAD_FRAME";
    this.#socket.send(encodeFrame("error", { code, message: error.message }, this.#deps.clock.now(), error.correlationId));
    if (error.problem === "envelope") this.#abandon(error.message, Close.badFrame);
  }

  #authenticated(): void {
    this.#renewals.reset();
    this.#planRenewal();
    if (this.#phase !== "authenticating") return;
    this.#phase = "registering";
    this.#registeredAt = momentOf(this.#deps.clock);
    this.send("node:register", this.#events.registration());
  }

  #answered(beat: string | undefined, leaseMs: number | undefined): void {
    const since = beat === undefined ? undefined : this.#beats.get(beat);
    if (beat === undefined || since === undefined) return;
    this.#beats.delete(beat);
    if (leaseMs !== undefined) this.#events.leased(since, leaseMs);
  }

  #registered(registered: Registered): void {
    this.#phase = "ready";
    this.#handshake.cancel();
    this.#lastBeat = this.#deps.clock.monotonic();
    this.#planBeat(registered.heartbeatIntervalMs);
    if (registered.leaseMs !== undefined && this.#registeredAt) this.#events.leased(this.#registeredAt, registered.leaseMs);
    this.#events.ready(registered);
  }

  #planBeat(intervalMs: number): void {
    this.#beat = this.#deps.clock.timer(intervalMs, () => {
      const now = this.#deps.clock.monotonic();
      // An agent that was itself away (a busy machine, a closed lid) has not looked: what the server said may still be
      // on its way in, so it gets one more interval.
      if (now - this.#lastBeat > 2 * intervalMs) this.#lastHeard = Math.max(this.#lastHeard, now - (SILENT_INTERVALS - 1) * intervalMs);
      this.#lastBeat = now;
      if (now - this.#lastHeard >= SILENT_INTERVALS * intervalMs) {
        this.#abandon(`nothing heard for ${SILENT_INTERVALS} heartbeat intervals`, Close.noHeartbeat);
        return;
      }
      const sent = momentOf(this.#deps.clock);
      this.send("node:heartbeat", this.#events.heartbeat());
      this.#beats.set(`node:heartbeat-${this.#frames}`, sent);
      this.#planBeat(intervalMs);
    });
  }

  #planRenewal(): void {
    this.#renewal?.cancel();
    const { clock, tokens } = this.#deps;
    if (tokens.expiresAt === undefined) return;
    const ttl = tokens.expiresAt - clock.now();
    this.#renewal = clock.timer(Math.max(MIN_RENEWAL_MS, ttl - Math.min(RENEW_MARGIN_MS, ttl / 3)), () => void this.#renew());
  }

  // A failure is tried again until the server closes with 4401 because the old token has expired: then the session decides.
  async #renew(): Promise<void> {
    const { clock, log, tokens } = this.#deps;
    try {
      const token = await tokens.renewed();
      if (this.#phase === "closed") return;
      this.#token = token;
      this.#authenticate();
      log.debug("access token renewed");
    } catch (error) {
      if (this.#phase === "closed") return;
      const delay = this.#renewals.next() + RENEW_RETRY.minMs;
      log.warn("could not renew the access token; trying again", { error: messageOf(error), inMs: delay });
      this.#renewal = clock.timer(delay, () => void this.#renew());
    }
  }

  /** Gives the connection up from this side, without waiting for a socket that may be dead. */
  #abandon(reason: string, code: number): void {
    if (this.#phase === "closed") return;
    this.#release();
    this.#socket.close(code, headUtf8(reason, MAX_CLOSE_REASON));
    this.#events.closed({ code, reason, token: this.#token });
  }

  #closed(code: number, reason: string): void {
    if (this.#phase === "closed") return;
    this.#release();
    this.#events.closed({ code, reason, token: this.#token });
  }

  #release(): void {
    this.#phase = "closed";
    this.#handshake.cancel();
    this.#beat?.cancel();
    this.#renewal?.cancel();
  }
}
