/**
 * The Node agent's process: settings in, an agent on this platform, and an exit code out. 0: it left in good order; 1: the server or
 * Supabase refuses it for good; 2: its settings are missing or wrong; 70: it failed itself, and another try may go better.
 */
import { randomUUID } from "node:crypto";
import { realpathSync, rmSync, writeSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { homedir, hostname } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Agent } from "../core/agent.ts";
import { messageOf } from "../core/errors.ts";
import { AGENT_VERSION } from "../core/version.ts";
import { nodeClock, nodeRandom } from "./clock.ts";
import { ConfigError, configFrom, type Config } from "./config.ts";
import { CredentialsFile, DiskCache, scratchDirectory } from "./files.ts";
import { capabilities, detectedResources, nodeHost } from "./host.ts";
import { httpFetch, sha256 } from "./http.ts";
import { ThreadLauncher, type WorkerScript } from "./launcher.ts";
import { createLogger } from "./logger.ts";
import { GUARD, Guard, runGuard } from "./guard.ts";
import { ProcessLauncher, type ProcessScript } from "./processes.ts";
import { openSocket } from "./socket.ts";
import { DiskStorage } from "./storage.ts";

/** The worker's script, put here by the build, which makes one file of all; without it the script is beside this one. */
declare const STARK_WORKER_SOURCE: string | undefined;
// Named once: the build puts the whole script wherever the name stands.
const workerSource = typeof STARK_WORKER_SOURCE === "undefined" ? undefined : STARK_WORKER_SOURCE;

const EXIT_REFUSED = 1;
const EXIT_SETTINGS = 2;
const EXIT_FAILED = 70; // EX_SOFTWARE of sysexits.h; Node.js itself would say 1
/** Whoever started the agent is gone without a word: its pods get this long, since nobody is there to wait for more. */
const ORPHAN_GRACE_MS = 2_000;

async function main(): Promise<void> {
  const config = configFrom(process.env, { hostname: hostname(), userHome: homedir(), resources: detectedResources() });
  const credentials = new CredentialsFile(config.credentials);
  await credentials.load().catch((error: unknown) => {
    throw new ConfigError(`STARK_CREDENTIALS: ${messageOf(error)}`);
  });
  const scratch = await scratchDirectory(join(config.home, "run")).catch((error: unknown) => {
    throw new ConfigError(`STARK_AGENT_HOME: ${config.home} cannot be used: ${messageOf(error)}`);
  });
  const log = createLogger(config.logFormat, config.logLevel, say);
  const agent = new Agent(
    {
      clock: nodeClock,
      random: nodeRandom,
      log,
      openSocket,
      http: httpFetch,
      sha256,
      cache: new DiskCache(join(config.home, "cache")),
      credentials,
      workers: config.isolation === "process" ? processes(scratch) : new ThreadLauncher(workerScript(), scratch),
      storage: new DiskStorage(join(config.home, "storage")),
      host: nodeHost(),
    },
    registrationOf(config),
  );
  leaveOnSignals(agent);
  if (config.endsWithStdin) leaveWithStdin(agent);
  log.info("starting", { node: config.name, server: config.url, version: AGENT_VERSION, runtime: process.version });
  agent.start();
  const end = await agent.ended;
  rmSync(scratch, { recursive: true, force: true });
  if (end.kind === "goodbye") log.info("ended", { why: end.message });
  else log.error(`ended: ${end.message}`);
  exit(end.kind === "goodbye" ? 0 : EXIT_REFUSED, agent);
}

function registrationOf({ url, name, labels, taints, resources, isolation }: Config) {
  return { url, name, bootId: randomUUID(), labels, taints, resources, capabilities: capabilities(isolation) };
}

/** The built agent has the worker's script inside and lays it beside the pods; unbuilt, it is a file among others. */
function processes(scratch: string): ProcessLauncher {
  const self = realpathSync(fileURLToPath(import.meta.url));
  let script: Promise<ProcessScript> | undefined;
  const place = async (): Promise<ProcessScript> => {
    if (workerSource === undefined)
      return { path: join(dirname(self), "worker", "main.js"), beside: [dirname(dirname(dirname(self)))] };
    const path = join(realpathSync(scratch), "worker.cjs");
    await writeFile(path, workerSource, { mode: 0o600 });
    return { path, beside: [] };
  };
  return new ProcessLauncher(() => (script ??= place()), scratch, new Guard(self));
}

function workerScript(): WorkerScript {
  return workerSource === undefined ? { url: new URL("./worker/main.js", import.meta.url) } : { source: workerSource };
}

/** The first signal asks for a graceful end; a second one does not wait. */
function leaveOnSignals(agent: Agent): void {
  let asked = false;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => {
      if (asked) process.kill(process.pid, "SIGKILL"); // exit() would wait for threads that cannot be interrupted
      asked = true;
      agent.shutdown(signal);
    });
  }
}

function leaveWithStdin(agent: Agent): void {
  const orphaned = () => agent.shutdown("its parent process is gone", ORPHAN_GRACE_MS);
  process.stdin.on("end", orphaned).on("close", orphaned).on("error", orphaned).resume();
}

function exit(code: number, agent: Agent): void {
  // exit() waits for its threads, and what is left now is one in a call that nothing can interrupt.
  if (agent.podCount > 0) process.kill(process.pid, "SIGKILL");
  process.exit(code);
}

/** Synchronous, so that the last line before an exit is out. */
function say(line: string): void {
  try {
    writeSync(2, line); // not process.stderr: merely to look at it makes a pipe non-blocking
  } catch {
    // stderr is gone, or a pipe that is full: the agent's work does not depend on it
  }
}

function failed(error: unknown): void {
  const settings = error instanceof ConfigError;
  say(`stark agent: ${settings ? error.message : `failed: ${error instanceof Error ? error.stack : String(error)}`}\n`);
  process.exit(settings ? EXIT_SETTINGS : EXIT_FAILED);
}

process.on("uncaughtException", failed).on("unhandledRejection", failed);
if (process.env[GUARD] === undefined) main().catch(failed);
else runGuard();
