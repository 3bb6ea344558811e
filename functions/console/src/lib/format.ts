/** How long ago, in a few characters; a clock that is a little ahead is "now". */
export function ago(at: string, now: number): string {
  const s = Math.floor((now - Date.parse(at)) / 1000);
  if (s < 5) return "now";
  if (s < 60) return `${s}s ago`;
  if (s < 3600) return `${Math.floor(s / 60)}m ago`;
  if (s < 86_400) return `${Math.floor(s / 3600)}h ago`;
  return `${Math.floor(s / 86_400)}d ago`;
}

export type Tone = "good" | "warn" | "bad" | "accent" | "none";
export function tone(status: string): Tone {
  if (["running", "healthy", "public", "rolled out", "default"].includes(status)) return "good";
  if (["failed", "unhealthy", "failing", "stuck", "crash loop"].includes(status)) return "bad";
  if (["pending", "stopping", "draining", "cordoned", "unknown", "paused", "taken back", "Warning"].includes(status)) return "warn";
  return ["scheduled", "starting", "rolling out"].includes(status) ? "accent" : "none";
}
