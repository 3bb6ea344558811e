import assert from "node:assert/strict";
import { test } from "node:test";
import type { Credentials } from "../../core/ports.ts";
import { Close, type Heartbeat, type NodeRegister, type ServerFrame } from "../../core/protocol.ts";
import { Session, type SessionEnd } from "../../core/session.ts";
import { Tokens } from "../../core/tokens.ts";
import { answer, FakeClock, FakeCredentials, FakeHttp, FakeLogger, FakeRandom, settle, START, tokenUntil } from "../support/fakes.ts";
import { golden } from "../support/goldens.ts";
import { FakeNetwork, type FakeSocket } from "../support/sockets.ts";

const HOUR = 3_600_000;
const BEAT = 10_000;

function world(credentials: Partial<Credentials> = { accessToken: tokenUntil(START + 48 * HOUR) }) {
  const clock = new FakeClock();
  const random = new FakeRandom();
  const http = new FakeHttp();
  const log = new FakeLogger();
  const network = new FakeNetwork();
  const tokens = new Tokens({
    http: http.fetch,
    store: new FakeCredentials({ supabaseUrl: "http://supabase.test", anonKey: "k", ...credentials }),
    clock,
    log,
  });
  const seen = { ready: 0, lost: 0, frames: [] as ServerFrame[], ends: [] as SessionEnd[] };
  const session = new Session(
    {
      url: "ws://server.test/ws",
      clock,
      random,
      openSocket: network.openSocket,
      tokens,
      log,
      agent: { name: "stark-agent-node", version: "0.1.0" },
    },
    {
      registration: () => golden("agent/node-register").payload as unknown as NodeRegister,
      heartbeat: (): Heartbeat => ({ pods: 0 }),
      ready: () => seen.ready++,
      leased: () => {},
      lost: () => seen.lost++,
      frame: (frame) => seen.frames.push(frame),
      end: (end) => seen.ends.push(end),
    },
  );
  return { clock, random, http, log, network, seen, session, tokens };
}

type World = ReturnType<typeof world>;

async function shake(socket: FakeSocket): Promise<void> {
  await socket.open();
  await socket.sayGolden("auth-authenticated");
  await socket.sayGolden("node-registered");
}

async function connected(w: World = world()): Promise<World> {
  w.session.start();
  await settle();
  await shake(w.network.current);
  return w;
}

test("the handshake: token in-band, registration, and only then ready", async () => {
  const w = world();
  w.session.start();
  await settle();
  const socket = w.network.current;
  assert.equal(socket.url, "ws://server.test/ws", "no token in the URL");
  await socket.open();
  assert.deepEqual(socket.news(), [
    {
      type: "auth:authenticate",
      payload: { token: await w.tokens.get(0), protocol: 1, agent: { name: "stark-agent-node", version: "0.1.0" } },
    },
  ]);
  assert.equal(w.session.send("node:heartbeat", { pods: 0 }), false, "not registered yet");
  await socket.sayGolden("auth-authenticated");
  assert.deepEqual(socket.news(), [{ type: "node:register", payload: golden("agent/node-register").payload }]);
  assert.equal(w.seen.ready, 0);
  await socket.sayGolden("node-registered");
  assert.equal(w.seen.ready, 1);
  assert.equal(w.session.ready, true);
});

test("it beats at the interval that the server names", async () => {
  const w = await connected();
  for (let beat = 1; beat <= 3; beat++) {
    await w.clock.advance(BEAT);
    assert.equal(w.network.current.count("node:heartbeat"), beat);
    await w.network.current.sayGolden("node-heartbeat-ack");
  }
});

test("a server that says nothing for three intervals is left, without waiting for its socket", async () => {
  const w = await connected();
  await w.clock.advance(3 * BEAT - 1);
  assert.equal(w.seen.lost, 0);
  await w.clock.advance(1);
  assert.equal(w.seen.lost, 1);
  assert.equal(w.network.current.closed?.code, Close.noHeartbeat);
  await w.clock.advance(250);
  assert.equal(w.network.sockets.length, 2);
  await w.network.sockets[0]?.end(1006); // its end, much later, changes nothing
  await shake(w.network.current);
  assert.deepEqual([w.seen.ready, w.seen.lost], [2, 1]);
});

test("an agent that slept gives the server one more interval before it judges", async () => {
  const w = await connected();
  w.clock.sleepThrough(10 * 60_000);
  await w.clock.advance(1); // the late timer fires
  assert.equal(w.seen.lost, 0);
  await w.network.current.sayGolden("node-heartbeat-ack");
  await w.clock.advance(BEAT);
  assert.equal(w.seen.lost, 0);
});

test("a handshake that does not get on is given up", async () => {
  const w = world();
  w.session.start();
  await settle();
  await w.network.current.open();
  await w.clock.advance(20_000);
  assert.equal(w.network.current.closed?.code, Close.noHeartbeat);
  await w.clock.advance(250);
  assert.equal(w.network.sockets.length, 2);
});

for (const [code, what] of [
  [1006, "broken"],
  [Close.restart, "restart"],
  [Close.badFrame, "bad frame"],
  [Close.noHeartbeat, "no heartbeat"],
  [Close.slow, "slow"],
  [1001, "going away"],
  [Close.goodbye, "goodbye unasked"],
] as const) {
  test(`closed with ${code} (${what}): it connects again`, async () => {
    const w = await connected();
    await w.network.current.end(code);
    assert.equal(w.seen.lost, 1);
    await w.clock.advance(1_000);
    assert.equal(w.network.sockets.length, 2);
    assert.deepEqual(w.seen.ends, []);
  });
}

for (const [code, kind, says] of [
  [Close.forbidden, "forbidden", /does not let this user run a node: not you/],
  [Close.superseded, "superseded", /another agent has registered/],
  [Close.protocol, "protocol", /does not speak version 1/],
] as const) {
  test(`closed with ${code}: it ends and says why`, async () => {
    const w = await connected();
    await w.network.current.end(code, "not you");
    assert.deepEqual(
      w.seen.ends.map((end) => end.kind),
      [kind],
    );
    assert.match(w.seen.ends[0]?.message ?? "", says);
    await w.clock.advance(60_000);
    assert.equal(w.network.sockets.length, 1);
  });
}

test("delays grow with the failures, start anew after a good connection, and spread after a restart", async () => {
  const w = await connected();
  w.random.value = 1;
  const delays: (number | undefined)[] = [];
  for (const code of [1006, 1006, 1006]) {
    await w.network.current.end(code);
    delays.push(w.clock.nextIn);
    await w.clock.advance(w.clock.nextIn ?? 0);
  }
  await shake(w.network.current);
  await w.clock.advance(5_000);
  await w.network.current.end(1006);
  delays.push(w.clock.nextIn);
  await w.clock.advance(w.clock.nextIn ?? 0);
  await shake(w.network.current);
  await w.clock.advance(5_000);
  await w.network.current.end(Close.restart);
  delays.push(w.clock.nextIn);
  assert.deepEqual(delays, [250, 500, 1_000, 250, 1_000]);
});

test("4401: the token is not used again", async () => {
  const w = await connected(world({ accessToken: tokenUntil(START + HOUR, "old"), refreshToken: "r" }));
  const fresh = tokenUntil(START + HOUR, "fresh");
  w.http.handler = () => answer(200, { access_token: fresh, expires_in: 3600, refresh_token: "r2" });
  await w.network.current.end(Close.unauthenticated, "the token has expired");
  await w.clock.advance(250);
  await w.network.current.open();
  assert.equal(w.network.current.last("auth:authenticate").token, fresh);
});

test("4401 with nothing to get another token with: it ends", async () => {
  const w = await connected();
  await w.network.current.end(Close.unauthenticated, "revoked");
  await w.clock.advance(250);
  assert.deepEqual(
    w.seen.ends.map(({ kind }) => kind),
    ["credentials"],
  );
});

test("Auth is away: it keeps trying", async () => {
  const w = world({ refreshToken: "r" });
  w.http.handler = () => answer(503, "");
  w.session.start();
  await w.clock.advance(60_000);
  assert.equal(w.network.sockets.length, 0);
  w.http.handler = () => answer(200, { access_token: tokenUntil(w.clock.now() + HOUR), expires_in: 3600, refresh_token: "r2" });
  await w.clock.advance(15_000);
  assert.equal(w.network.sockets.length, 1);
});

test("the token is renewed on the same connection before it expires, and again if that fails", async () => {
  const w = await connected(world({ accessToken: tokenUntil(START + HOUR, "one"), refreshToken: "r" }));
  const beats = setAckEveryBeat(w);
  let tries = 0;
  w.http.handler = () =>
    ++tries < 3
      ? answer(503, "")
      : answer(200, { access_token: tokenUntil(START + 2 * HOUR, "two"), expires_in: 3600, refresh_token: "r2" });
  await beats(HOUR - 92_000);
  assert.equal(tries, 0);
  await beats(10_000);
  assert.equal(tries, 3);
  assert.equal(w.network.current.last("auth:authenticate").token, tokenUntil(START + 2 * HOUR, "two"));
  assert.equal(w.network.sockets.length, 1);
  await w.network.current.sayGolden("auth-authenticated");
  assert.equal(w.network.current.count("node:register"), 1, "not registered twice");
});

/** Moves time on with a server that answers heartbeats. */
function setAckEveryBeat(w: World) {
  return async (ms: number) => {
    for (let left = ms; left > 0; left -= BEAT) {
      await w.clock.advance(Math.min(left, BEAT));
      await w.network.current.sayGolden("node-heartbeat-ack");
    }
  };
}

test("frames that cannot be used: answered; the socket goes only if it is no frame at all", async () => {
  const w = await connected();
  const socket = w.network.current;
  socket.news();
  await socket.deliver(JSON.stringify({ type: "node:sing", payload: {}, timestamp: "2026-11-24T08:34:00Z" }));
  await socket.sayGolden("pod-stop.stale", { incarnation: 0 });
  assert.deepEqual(
    socket.news().map(({ payload }) => (payload as { code: string }).code),
    ["UNKNOWN_TYPE", "BAD_FRAME"],
  );
  assert.equal(w.session.ready, true);
  assert.deepEqual(w.seen.frames, []);
  await socket.deliver("{");
  assert.equal(socket.closed?.code, Close.badFrame);
  assert.equal(w.seen.lost, 1);
});

test("frames before the registration are not acted on", async () => {
  const w = world();
  w.session.start();
  await settle();
  await w.network.current.open();
  await w.network.current.sayGolden("pod-assign");
  assert.deepEqual(w.seen.frames, []);
});

test("leaving: goodbye, and the end when the server closes", async () => {
  const w = await connected();
  w.session.leave("SIGTERM", 5_000);
  assert.deepEqual(w.network.current.news().at(-1), { type: "node:disconnect", payload: { reason: "SIGTERM" } });
  assert.deepEqual(w.seen.ends, []);
  await w.network.current.end(Close.goodbye, "goodbye");
  assert.deepEqual(w.seen.ends, [{ kind: "goodbye", message: "left" }]);
  assert.equal(w.seen.lost, 0);
});

test("leaving a server that does not answer, or that is not there", async () => {
  const w = await connected();
  w.session.leave("SIGTERM", 5_000);
  await w.clock.advance(5_000);
  assert.deepEqual(
    w.seen.ends.map(({ kind }) => kind),
    ["goodbye"],
  );
  assert.equal(w.network.current.closed?.code, Close.goodbye);

  const away = await connected();
  await away.network.current.end(1006);
  away.session.leave("SIGTERM", 5_000);
  assert.deepEqual(
    away.seen.ends.map(({ kind }) => kind),
    ["goodbye"],
  );
  await away.clock.advance(60_000);
  assert.equal(away.network.sockets.length, 1, "it does not connect again");
});
