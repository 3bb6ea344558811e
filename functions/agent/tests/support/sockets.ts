/** A server's side of sockets that exist in memory only. */
import assert from "node:assert/strict";
import { decodeAgentFrame, encodeServerFrame } from "../../core/frame.ts";
import type { OpenSocket, Socket, SocketEvents } from "../../core/ports.ts";
import type { AgentPayload, AgentType, ServerPayload, ServerType } from "../../core/protocol.ts";
import { settle, START } from "./fakes.ts";
import { golden } from "./goldens.ts";

export class FakeSocket implements Socket {
  readonly url: string;
  readonly sent: string[] = [];
  bufferedBytes = 0;
  /** How the agent closed it. */
  closed: { code: number; reason: string } | undefined;
  readonly #events: SocketEvents;
  #open = false;
  #looked = 0;

  constructor(url: string, events: SocketEvents) {
    this.url = url;
    this.#events = events;
  }

  send(text: string): void {
    assert.ok(this.#open, "sent before the socket was open");
    if (!this.closed) this.sent.push(text);
  }

  close(code: number, reason: string): void {
    this.closed ??= { code, reason };
  }

  async open(): Promise<void> {
    this.#open = true;
    this.#events.open();
    await settle();
  }

  /** Delivers a message as it is. */
  async deliver(text: string | undefined): Promise<void> {
    this.#events.message(text);
    await settle();
  }

  async say<T extends ServerType>(type: T, payload: ServerPayload<T>): Promise<void> {
    await this.deliver(encodeServerFrame(type, payload, START));
  }

  /** Says a golden frame, with changes to its payload. */
  async sayGolden(name: string, changes: Record<string, unknown> = {}): Promise<void> {
    const frame = golden(`server/${name}`);
    await this.deliver(JSON.stringify({ ...frame, payload: { ...frame.payload, ...changes } }));
  }

  /** The connection ends from the other side, or breaks. */
  async end(code: number, reason = ""): Promise<void> {
    this.#events.close(code, reason);
    await settle();
  }

  /** What came since the last look, without heartbeats. */
  news(): { type: AgentType; payload: unknown }[] {
    const news = this.sent.slice(this.#looked).map((text) => decodeAgentFrame(text));
    this.#looked = this.sent.length;
    return news.filter(({ type }) => type !== "node:heartbeat").map(({ type, payload }) => ({ type, payload }));
  }

  /** The payload of the last frame of a type. */
  last<T extends AgentType>(type: T): AgentPayload<T> {
    const frame = this.sent
      .map((text) => decodeAgentFrame(text))
      .filter((one) => one.type === type)
      .at(-1);
    assert.ok(frame, `no ${type} was sent`);
    return frame.payload as AgentPayload<T>;
  }

  count(type: AgentType): number {
    return this.sent.filter((text) => (JSON.parse(text) as { type: string }).type === type).length;
  }
}

/** All sockets that were opened, and the one that counts. */
export class FakeNetwork {
  readonly sockets: FakeSocket[] = [];

  readonly openSocket: OpenSocket = (url, events) => {
    const socket = new FakeSocket(url, events);
    this.sockets.push(socket);
    return socket;
  };

  get current(): FakeSocket {
    const socket = this.sockets.at(-1);
    assert.ok(socket, "no socket was opened");
    return socket;
  }
}
