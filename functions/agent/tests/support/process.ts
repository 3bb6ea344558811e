/** The agent as a process of its own. */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { FakeServer } from "./server.ts";

export const MAIN = fileURLToPath(new URL("../../node/main.js", import.meta.url));
/** What the Go binary carries. */
export const BUILT = fileURLToPath(new URL("../../../dist/agent.mjs", import.meta.url));

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export class AgentProcess {
  readonly child: ChildProcess;
  readonly exited: Promise<Exit>;
  stderr = "";
  #over = false;
  #changed: (() => void)[] = [];

  constructor(script: string, env: Record<string, string>) {
    this.child = spawn(process.execPath, [script], { env: { PATH: process.env["PATH"], ...env }, stdio: ["pipe", "ignore", "pipe"] });
    this.child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.stderr += text;
      this.#wake();
    });
    this.exited = new Promise((resolve) => {
      this.child.on("close", (code, signal) => {
        this.#over = true;
        this.#wake();
        resolve({ code, signal });
      });
    });
  }

  /** Resolves with the line of the log that has this in it. */
  async line(part: string): Promise<string> {
    for (;;) {
      const line = this.stderr.split("\n").find((one) => one.includes(part));
      if (line !== undefined) return line;
      assert.equal(this.#over, false, `it ended without saying ${JSON.stringify(part)}:\n${this.stderr}`);
      await new Promise<void>((resolve) => this.#changed.push(resolve));
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  #wake(): void {
    const waiting = this.#changed;
    this.#changed = [];
    for (const resolve of waiting) resolve();
  }
}

export interface Place {
  server: FakeServer;
  home: string;
  credentials: string;
  start(env?: Record<string, string>, script?: string): AgentProcess;
}

/** A server, credentials for it, and agents that end with the test whatever happens. */
export async function place(t: TestContext, credentials: Record<string, string> = { refreshToken: "refresh-0" }): Promise<Place> {
  const home = await mkdtemp(join(tmpdir(), "stark-agent-"));
  const server = await new FakeServer().start();
  const started: AgentProcess[] = [];
  const path = join(home, "credentials.json");
  await writeFile(path, JSON.stringify({ supabaseUrl: server.url, anonKey: "anon-key", ...credentials }));
  t.after(async () => {
    for (const agent of started) {
      agent.kill("SIGKILL");
      await agent.exited;
    }
    await server.stop();
    await rm(home, { recursive: true });
  });
  return {
    server,
    home,
    credentials: path,
    start(env = {}, script = MAIN) {
      const agent = new AgentProcess(script, {
        STARK_SERVER: server.url,
        STARK_CREDENTIALS: path,
        STARK_AGENT_HOME: home,
        STARK_NODE_NAME: "worker-1",
        ...env,
      });
      started.push(agent);
      return agent;
    },
  };
}
