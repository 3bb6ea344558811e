/** What this browser is. */
import type { HostInfo } from "../../core/ports.ts";

export function browserHost(userAgent: string): HostInfo {
  return { runtimeType: "browser", runtimeVersion: browserVersion(userAgent), usage: () => undefined };
}

/** e.g. "Chrome 156.0.8078.79". Browsers name each other: the ones that are most named come last. */
export function browserVersion(userAgent: string): string {
  for (const [name, pattern] of [
    ["Edge", /\bEdg\/([\d.]+)/],
    ["Opera", /\bOPR\/([\d.]+)/],
    ["Firefox", /\bFirefox\/([\d.]+)/],
    ["Chrome", /\b(?:Headless)?Chrome\/([\d.]+)/],
    ["Safari", /\bVersion\/([\d.]+).*\bSafari\//],
  ] as const) {
    const version = pattern.exec(userAgent)?.[1];
    if (version !== undefined) return `${name} ${version}`;
  }
  return "unknown";
}

/** What a tab offers unless it is told otherwise: half the cores, a quarter of the memory, 20 pods. Somebody is using this machine. */
export function detectedResources(cores: number, deviceMemory: number | undefined): { cpu: string; memory: string; pods: number } {
  return { cpu: `${Math.max(1, Math.floor(cores / 2))}`, memory: `${Math.floor((deviceMemory ?? 4) * 256)}Mi`, pods: 20 };
}

/** memoryLimit: a browser has no way to bound a worker's memory. */
export function capabilities(): Record<string, unknown> {
  return { isolation: "web-worker", origin: "opaque", memoryLimit: false };
}
