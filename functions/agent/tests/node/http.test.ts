import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { WebSocketServer } from "ws";
import { CancelSource } from "../../core/cancel.ts";
import { ResponseTooLarge, type SocketEvents } from "../../core/ports.ts";
import { httpFetch, sha256 } from "../../node/http.ts";
import { openSocket } from "../../node/socket.ts";
import { bytesOf, deferred } from "../support/fakes.ts";

async function serve(t: TestContext, handler: RequestListener): Promise<string> {
  const server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const get = { method: "GET", headers: {}, timeoutMs: 10_000, maxBytes: 1_000 } as const;

test("an exchange: status, body, what was sent", async (t) => {
  const url = await serve(t, (request, response) => {
    let body = "";
    request
      .on("data", (chunk) => (body += String(chunk)))
      .on("end", () => response.writeHead(418).end(`${request.method} ${request.headers["apikey"]} ${body} é`));
  });
  const response = await httpFetch({ ...get, method: "POST", url, headers: { apikey: "k" }, body: "hello" });
  assert.equal(response.status, 418);
  assert.equal(response.text(), "POST k hello é");
  assert.equal(response.bytes.length, bytesOf("POST k hello é").length);
});

test("a body that is too long is not read to its end", async (t) => {
  const gone = deferred<void>();
  const url = await serve(t, (request, response) => {
    request.socket.on("close", () => gone.resolve());
    const more = () => {
      while (response.write("x".repeat(1_000)));
    };
    response.on("drain", more);
    more();
  });
  await assert.rejects(httpFetch({ ...get, url }), ResponseTooLarge);
  await gone.promise;
});

test("no answer in time, cancelled, not there: each says so", async (t) => {
  const url = await serve(t, () => {});
  await assert.rejects(httpFetch({ ...get, url, timeoutMs: 20 }), { message: "no answer within 0.02 s" });
  const cancel = new CancelSource();
  const cancelled = assert.rejects(httpFetch({ ...get, url, cancel }), /abort/);
  cancel.cancel();
  await cancelled;
  await assert.rejects(httpFetch({ ...get, url: "http://127.0.0.1:1" }), { message: /ECONNREFUSED|bad port/ });
});

test("a redirect takes no token along", async (t) => {
  const stolen: string[] = [];
  const elsewhere = await serve(t, (request, response) => {
    stolen.push(String(request.headers["apikey"]));
    response.end("moved");
  });
  const url = await serve(t, (_, response) => response.writeHead(307, { location: elsewhere }).end());
  await assert.rejects(httpFetch({ ...get, method: "POST", url, headers: { apikey: "k" }, body: "{}" }));
  assert.deepEqual(stolen, []);
  assert.equal((await httpFetch({ ...get, url })).text(), "moved", "a download may move");
});

test("sha256 is hex", async () => {
  assert.equal(await sha256(bytesOf("hello")), "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824");
});

function recorder() {
  const events: unknown[] = [];
  const closed = deferred<void>();
  const opened = deferred<void>();
  const recording: SocketEvents = {
    open: () => {
      events.push("open");
      opened.resolve();
    },
    message: (text) => events.push(["message", text]),
    close: (code, reason) => {
      events.push(["close", code, reason]);
      closed.resolve();
    },
  };
  return { events, recording, opened: opened.promise, closed: closed.promise };
}

test("a socket: open, messages, and one close with the server's code", async (t) => {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  t.after(() => server.close());
  await once(server, "listening");
  server.on("connection", (peer) => {
    peer.send("text");
    peer.send(Buffer.from("binary"));
    peer.on("message", (data: Buffer) => peer.close(4409, `you said ${data.toString()}`));
  });
  const { events, recording, opened, closed } = recorder();
  const socket = openSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`, recording);
  socket.send("too early, and lost");
  await opened;
  socket.send("hello");
  await closed;
  socket.send("too late");
  assert.deepEqual(events, ["open", ["message", "text"], ["message", undefined], ["close", 4409, "you said hello"]]);
});

test("a socket that cannot be opened closes with 1006 and says why", async () => {
  const { events, recording, closed } = recorder();
  openSocket("ws://127.0.0.1:1/ws", recording);
  await closed;
  assert.deepEqual(events, [["close", 1006, "connect ECONNREFUSED 127.0.0.1:1"]]);
});

test("a socket whose peer does not answer its close is cut off", async (t) => {
  const server = createServer().listen(0, "127.0.0.1");
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  await once(server, "listening");
  const upgrades = new WebSocketServer({ noServer: true });
  server.on("upgrade", (request, raw, head) => upgrades.handleUpgrade(request, raw, head, () => raw.pause())); // deaf from now on
  const { recording, opened, closed } = recorder();
  const socket = openSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws`, recording);
  await opened;
  socket.close(4408, "silent");
  await closed;
});
