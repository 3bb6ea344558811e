import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { AGENT_VERSION } from "../../core/version.ts";
import { ConfigError, configFrom } from "../../node/config.ts";
import { detectedResources, nodeHost } from "../../node/host.ts";
import { createLogger } from "../../node/logger.ts";

const detected = { hostname: "Build.Server_7.example.com", userHome: "/home/ada", resources: { cpu: "8", memory: "12288Mi", pods: 110 } };
const needed = { STARK_SERVER: "http://127.0.0.1:8080", STARK_CREDENTIALS: "/etc/stark/node.json" };

test("two settings are enough; the rest comes from the machine", () => {
  assert.deepEqual(configFrom(needed, detected), {
    url: "ws://127.0.0.1:8080/ws",
    name: "build-server-7-example-com",
    home: "/home/ada/.local/state/stark/agent",
    credentials: "/etc/stark/node.json",
    labels: {},
    taints: [],
    resources: { cpu: "8", memory: "12288Mi", pods: 110 },
    isolation: "thread",
    logFormat: "text",
    logLevel: "info",
    endsWithStdin: false,
  });
});

test("all can be said", () => {
  const config = configFrom(
    {
      ...needed,
      STARK_SERVER: "https://stark.example.com/cluster/",
      STARK_NODE_NAME: "gpu-1",
      STARK_AGENT_HOME: "/var/lib/stark-agent",
      STARK_NODE_LABELS: "zone=eu-1a, example.com/disk=ssd,bare=",
      STARK_NODE_TAINTS: "dedicated=gpu:NoSchedule,draining:NoExecute",
      STARK_NODE_CPU: "500m",
      STARK_NODE_MEMORY: "8Gi",
      STARK_NODE_PODS: "20",
      STARK_LOG_FORMAT: "json",
      STARK_LOG_LEVEL: "debug",
      STARK_AGENT_PARENT: "stdin",
    },
    detected,
  );
  assert.equal(config.url, "wss://stark.example.com/cluster/ws");
  assert.equal(config.name, "gpu-1");
  assert.equal(config.home, "/var/lib/stark-agent");
  assert.deepEqual(config.labels, { zone: "eu-1a", "example.com/disk": "ssd", bare: "" });
  assert.deepEqual(config.taints, [
    { key: "dedicated", value: "gpu", effect: "NoSchedule" },
    { key: "draining", effect: "NoExecute" },
  ]);
  assert.deepEqual(config.resources, { cpu: "500m", memory: "8Gi", pods: 20 });
  assert.deepEqual([config.logFormat, config.logLevel, config.endsWithStdin], ["json", "debug", true]);
});

test("the user's state directory is where the XDG specification says", () => {
  assert.equal(configFrom({ ...needed, XDG_STATE_HOME: "/state" }, detected).home, "/state/stark/agent");
});

for (const [setting, value, says] of [
  ["STARK_SERVER", "", /^STARK_SERVER is not set: set it to the URL of the Stark server, e\.g\. http:/],
  ["STARK_SERVER", "127.0.0.1", /STARK_SERVER is no URL: "127\.0\.0\.1"; set it to/],
  ["STARK_SERVER", "ws://127.0.0.1", /must begin with http:\/\/ or https:\/\/, not ws:\/\//],
  ["STARK_CREDENTIALS", "", /^STARK_CREDENTIALS is not set: set it to the path/],
  ["STARK_NODE_NAME", "Not A Label", /must be a DNS label/],
  ["STARK_NODE_LABELS", "zone", /STARK_NODE_LABELS must be key=value,key=value; "zone" is no label/],
  ["STARK_NODE_LABELS", "a=b c", /"a=b c" is no label/],
  ["STARK_NODE_TAINTS", "dedicated=gpu", /is no taint/],
  ["STARK_NODE_TAINTS", "dedicated=gpu:Never", /Effect one of NoSchedule, PreferNoSchedule, NoExecute/],
  ["STARK_NODE_CPU", "many", /STARK_NODE_CPU must be a quantity like 4 or 500m, not "many"/],
  ["STARK_NODE_MEMORY", "8 GB", /STARK_NODE_MEMORY must be a quantity like/],
  ["STARK_NODE_PODS", "-1", /STARK_NODE_PODS must be a whole number/],
  ["STARK_LOG_FORMAT", "xml", /STARK_LOG_FORMAT must be text or json/],
  ["STARK_LOG_LEVEL", "loud", /STARK_LOG_LEVEL must be debug or info or warn or error/],
  ["STARK_AGENT_PARENT", "1", /STARK_AGENT_PARENT must be stdin/],
] as const) {
  test(`${setting}=${value} is told apart in one line`, () => {
    assert.throws(
      () => configFrom({ ...needed, [setting]: value }, detected),
      (error: unknown) => error instanceof ConfigError && says.test(error.message) && !error.message.includes("\n"),
    );
  });
}

test("a host whose name makes no label must be named", () => {
  assert.throws(() => configFrom(needed, { ...detected, hostname: "___" }), /STARK_NODE_NAME is not set/);
  assert.equal(configFrom(needed, { ...detected, hostname: `-${"x".repeat(80)}` }).name, "x".repeat(63));
});

test("what is detected are quantities that a setting could be", () => {
  const { cpu, memory, pods } = detectedResources();
  assert.deepEqual(
    configFrom({ ...needed, STARK_NODE_CPU: cpu, STARK_NODE_MEMORY: memory, STARK_NODE_PODS: String(pods) }, detected).resources,
    { cpu, memory, pods },
  );
  const { cpuMillis = -1, memoryBytes = -1 } = nodeHost().usage() ?? {};
  assert.ok(Number.isSafeInteger(cpuMillis) && cpuMillis >= 0 && Number.isSafeInteger(memoryBytes) && memoryBytes > 1 << 20);
});

test("the version is the package's", () => {
  const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as { version: string };
  assert.equal(AGENT_VERSION, version);
});

test("log lines have slog's shapes", () => {
  const lines: string[] = [];
  const text = createLogger("text", "info", (line) => lines.push(line));
  text.debug("not wanted");
  text.info("registered", { node: "worker-1", why: 'a "b" c\n', nothing: undefined, empty: "" });
  createLogger("json", "debug", (line) => lines.push(line)).debug("seen", { n: 1 });
  assert.match(lines[0] ?? "", /^time=\d{4}-\d\d-\d\dT[\d:.]+Z level=INFO msg=registered node=worker-1 why="a \\"b\\" c\\n" empty=""\n$/);
  const { time, ...rest } = JSON.parse(lines[1] ?? "") as Record<string, unknown>;
  assert.equal(typeof time, "string");
  assert.deepEqual(rest, { level: "DEBUG", msg: "seen", n: 1 });
  assert.equal(lines.length, 2);
});
