/** What this machine and this process are. */
import { availableParallelism, arch, platform, totalmem } from "node:os";
import { performance } from "node:perf_hooks";
import type { HostInfo } from "../core/ports.ts";
import type { Isolation } from "./config.ts";

export function nodeHost(): HostInfo {
  let cpu = process.cpuUsage();
  let at = performance.now();
  return {
    runtimeType: "node",
    runtimeVersion: process.version,
    usage() {
      const now = performance.now();
      const used = process.cpuUsage(cpu); // microseconds since the last look
      const elapsed = Math.max(1, now - at);
      cpu = process.cpuUsage();
      at = now;
      return { cpuMillis: Math.max(0, Math.round((used.user + used.system) / elapsed)), memoryBytes: process.memoryUsage.rss() };
    },
  };
}

/** What a node offers unless its settings say otherwise: the cores, and three quarters of the memory. */
export function detectedResources(): { cpu: string; memory: string; pods: number } {
  // A container's limit; 0, or beyond all memory, when there is none.
  const constrained = process.constrainedMemory();
  const memory = constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
  return { cpu: String(availableParallelism()), memory: `${Math.floor((memory * 3) / 4 / (1 << 20))}Mi`, pods: 110 };
}

export function capabilities(isolation: Isolation): Record<string, unknown> {
  return { isolation: isolation === "process" ? "process" : "worker_threads", memoryLimit: true, platform: platform(), arch: arch() };
}
