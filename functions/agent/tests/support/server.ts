/** A Stark server, Supabase Auth and Storage in one real HTTP server, as far as an agent can tell. */
import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { WebSocketServer, type WebSocket } from "ws";
import { decodeAgentFrame, encodeServerFrame } from "../../core/frame.ts";
import type {
  AgentPayload,
  AgentType,
  Assignment,
  LogLine,
  PodStatus,
  Registered,
  ServerPayload,
  ServerType,
  StatusReport,
} from "../../core/protocol.ts";
import { tokenUntil } from "./fakes.ts";

type AgentFrame = ReturnType<typeof decodeAgentFrame>;

/** One agent's connection. Frames are kept; whoever waits for one is woken. */
export class AgentConnection {
  readonly frames: AgentFrame[] = [];
  closed = false;
  closeCode: number | undefined;
  readonly #socket: WebSocket;
  #changed: (() => void)[] = [];

  constructor(socket: WebSocket, received: (connection: AgentConnection, frame: AgentFrame) => void) {
    this.#socket = socket;
    socket.on("message", (data: Buffer) => {
      const frame = decodeAgentFrame(data.toString());
      this.frames.push(frame);
      received(this, frame);
      this.#wake();
    });
    socket.on("close", (code) => {
      this.closed = true;
      this.closeCode = code;
      this.#wake();
    });
  }

  say<T extends ServerType>(type: T, payload: ServerPayload<T>, correlationId?: string): void {
    this.#socket.send(encodeServerFrame(type, payload, Date.now(), correlationId));
  }

  close(code: number, reason: string): void {
    this.#socket.close(code, reason);
  }

  /** Breaks it, without a word. */
  cut(): void {
    this.#socket.terminate();
  }

  /** Resolves with the first thing that `look` finds, now or after another frame. */
  async until<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      assert.equal(this.closed, false, "the connection is closed");
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  async untilClosed(): Promise<void> {
    while (!this.closed) await new Promise<void>((resolve) => this.#changed.push(resolve));
  }

  payloads<T extends AgentType>(type: T): AgentPayload<T>[] {
    return this.frames.filter((frame) => frame.type === type).map(({ payload }) => payload as AgentPayload<T>);
  }

  first<T extends AgentType>(type: T): Promise<AgentPayload<T>> {
    return this.until(() => this.payloads(type)[0]);
  }

  /** Resolves when the pod has this status. */
  status(podId: string, ...statuses: PodStatus[]): Promise<StatusReport> {
    return this.until(() => this.payloads("pod:status").find((report) => report.podId === podId && statuses.includes(report.status)));
  }

  /** Resolves when the pod has come to its end. */
  ended(podId: string): Promise<StatusReport> {
    return this.status(podId, "stopped", "failed");
  }

  lines(podId: string): LogLine[] {
    return this.payloads("pod:logs").flatMap((logs) => (logs.podId === podId ? logs.lines : []));
  }

  /** The pod's lines of the streams that packs write to. */
  said(podId: string): string[] {
    return this.lines(podId)
      .filter(({ stream }) => stream !== "system")
      .map(({ stream, text }) => `${stream}: ${text}`);
  }

  line(podId: string, text: string): Promise<LogLine> {
    return this.until(() => this.lines(podId).find((line) => line.text.includes(text)));
  }

  #wake(): void {
    const waiting = this.#changed;
    this.#changed = [];
    for (const resolve of waiting) resolve();
  }
}

export class FakeServer {
  readonly connections: AgentConnection[] = [];
  readonly refreshed: string[] = [];
  /** Answers to claims and other statuses; what is left out is accepted. */
  verdict: (report: StatusReport) => string | undefined = () => undefined;
  /** What `auth:authenticate` is answered with; a close code refuses. */
  onAuthenticate: (token: string) => number | undefined = () => undefined;
  accessTokenMs = 3_600_000;
  /** Files that it serves besides, by path. */
  readonly files = new Map<string, { headers: Record<string, string>; body: string | Uint8Array }>();
  #down = false;
  readonly #objects = new Map<string, Uint8Array>();
  readonly #http = createServer((request, response) => this.#answer(request, response));
  readonly #sockets = new WebSocketServer({ server: this.#http, path: "/ws" });
  #waiting: ((connection: AgentConnection) => void)[] = [];

  constructor() {
    this.#http.on("connection", (socket) => {
      if (this.#down) socket.destroy();
    });
    this.#sockets.on("connection", (socket) => {
      const connection = new AgentConnection(socket, (from, frame) => this.#received(from, frame));
      this.connections.push(connection);
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const resolve of waiting) resolve(connection);
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#http.listen(0, "127.0.0.1", resolve));
    return this;
  }

  /** Nobody reaches it, and who was connected is cut off; until it is up again. */
  set down(is: boolean) {
    this.#down = is;
    if (!is) return;
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#http.closeAllConnections();
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
    this.#http.closeAllConnections();
    await new Promise<void>((resolve) => this.#http.close(() => resolve()));
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  /** The connection with this number, from 0, when it has registered. */
  async agent(number = 0): Promise<AgentConnection> {
    while (this.connections.length <= number) await new Promise<AgentConnection>((resolve) => this.#waiting.push(resolve));
    const connection = this.connections[number];
    assert.ok(connection);
    await connection.first("node:register");
    return connection;
  }

  /** Stores a bundle and makes an assignment of it. */
  pod(code: string, changes: Partial<Assignment> & { object?: Uint8Array } = {}): Assignment {
    const { object, ...rest } = changes;
    const bytes = Buffer.from(code);
    const path = `${randomUUID()}/1.0.0.js`;
    this.#objects.set(path, object ?? bytes);
    return {
      podId: randomUUID(),
      incarnation: 1,
      name: "hello-1",
      namespace: "default",
      pack: {
        id: randomUUID(),
        name: "hello",
        version: "1.0.0",
        runtimeTag: "node",
        bundle: { bucket: "packs", path, sha256: createHash("sha256").update(bytes).digest("hex"), size: bytes.length },
      },
      env: {},
      args: [],
      metadata: {},
      resources: { cpuMillis: 100, memoryBytes: 64 << 20 },
      gracePeriodMs: 10_000,
      ...rest,
    };
  }

  /** Takes a bundle out of Storage. */
  remove({ pack }: Assignment): void {
    this.#objects.delete(pack.bundle.path);
  }

  #received(connection: AgentConnection, frame: AgentFrame): void {
    switch (frame.type) {
      case "auth:authenticate": {
        const code = this.onAuthenticate(frame.payload.token);
        if (code !== undefined) connection.close(code, "refused by the test");
        else
          connection.say("auth:authenticated", {
            userId: randomUUID(),
            role: "node",
            expiresAt: new Date(Date.now() + this.accessTokenMs).toISOString(),
            protocol: 1,
          });
        break;
      }
      case "node:register":
        connection.say("node:registered", this.#registered(frame.payload.name));
        break;
      case "node:heartbeat":
        connection.say("node:heartbeat:ack", {});
        break;
      case "node:disconnect":
        connection.close(1000, "goodbye");
        break;
      case "pod:status": {
        const { podId, incarnation, status } = frame.payload;
        const code = this.verdict(frame.payload);
        connection.say("pod:status:ack", {
          podId,
          incarnation,
          status,
          accepted: code === undefined,
          ...(code === undefined ? {} : { code }),
        });
      }
    }
  }

  #registered(name: string): Registered {
    return { nodeId: randomUUID(), name, access: "shared", heartbeatIntervalMs: 1_000, supabase: { url: this.url, anonKey: "anon-key" } };
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "/", this.url);
    const signed = "/storage/v1/object/sign/packs/";
    if (url.pathname === "/hangs") return;
    if (url.pathname === "/auth/v1/token") void this.#grant(request, response);
    else if (request.method === "POST" && url.pathname.startsWith(signed)) {
      const path = url.pathname.slice(signed.length);
      if (this.#objects.has(path)) json(response, 200, { signedURL: `/object/sign/packs/${path}?token=t` });
      else json(response, 400, { statusCode: "404", error: "not_found", message: "Object not found" });
    } else if (url.pathname.startsWith(signed)) response.end(this.#objects.get(url.pathname.slice(signed.length)));
    else {
      const file = this.files.get(url.pathname);
      if (file) response.writeHead(200, file.headers).end(file.body);
      else json(response, 404, {});
    }
  }

  async #grant(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { refresh_token: refresh, password } = JSON.parse(body) as { refresh_token?: string; password?: string };
    if (password !== undefined && password !== "right") json(response, 400, { code: 400, msg: "Invalid login credentials" });
    else {
      this.refreshed.push(refresh ?? "password");
      const number = this.refreshed.length;
      json(response, 200, {
        access_token: tokenUntil(Date.now() + this.accessTokenMs, `access-${number}`),
        expires_in: this.accessTokenMs / 1000,
        refresh_token: `refresh-${number}`,
      });
    }
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
}
