/** How long ago, in a few characters; a clock that is a little ahead is "now". */
export function ago(at: string, now: number): string {
  const s = Math.floor((now - Date.parse(at)) / 1000);
  if (s < 5) return "now";
  if (s < 60) return `${s}s ago`;
  if (s < 3600) return `${Math.floor(s / 60)}m ago`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h ago`;
  return `${Math.floor(s / 86_400)}d ago`;
}

export function bytes(n: number): string {
  const unit = n < 1024 ? 0 : n < 1024 ** 2 ? 1 : n < 1024 ** 3 ? 2 : 3;
  return `${(n / 1024 ** unit).toFixed(unit && n / 1024 ** unit < 10 ? 1 : 0)} ${["B", "KiB", "MiB", "GiB"][unit]}`;
}

const SCALE: Record<string, number> = { m: 1e-3, "": 1, k: 1e3, M: 1e6, G: 1e9, T: 1e12, Ki: 2 ** 10, Mi: 2 ** 20, Gi: 2 ** 30, Ti: 2 ** 40 };

/** A Kubernetes quantity as a number: "250m" is 0.25. NaN when it is none. */
export function quantity(text: string | undefined): number {
  const [, number = "", unit = ""] = /^([0-9.]+)([A-Za-z]*)$/.exec(text ?? "0") ?? [];
  return Number(number || NaN) * (SCALE[unit] ?? NaN);
}

export type Tone = "good" | "warn" | "bad" | "accent" | "none";
export function tone(status: string): Tone {
  if (["running", "healthy", "public", "rolled out"].includes(status)) return "good";
  if (["failed", "unhealthy", "failing", "stuck", "crash loop"].includes(status)) return "bad";
  if (["pending", "stopping", "draining", "cordoned", "unknown", "paused", "taken back", "Warning"].includes(status)) return "warn";
  return ["scheduled", "starting", "rolling out"].includes(status) ? "accent" : "none";
}
