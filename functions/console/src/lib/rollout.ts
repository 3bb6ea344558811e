import type { Deployment } from "./types.ts";

export interface Rollout { word: string; text: string }

const WORDS: Record<string, string> = {
  Complete: "rolled out", RollingOut: "rolling out", Paused: "paused", ProgressDeadlineExceeded: "stuck", CrashLoop: "crash loop", RolledBack: "taken back",
};

/** How a deployment's rollout goes, in a word (one that has a tone) and in a sentence. What stops it comes before how far it is. */
export function rollout(d: Pick<Deployment, "generation" | "observedGeneration" | "paused" | "status">): Rollout {
  if (d.observedGeneration < d.generation) return { word: "pending", text: "The control loop has not seen this change yet. Is a server running?" };
  const condition = (type: string) => d.status.conditions?.find((c) => c.type === type);
  const failing = condition("Failing");
  if (failing?.status) return { word: "failing", text: failing.message || failing.reason };
  if (d.paused) return { word: "paused", text: "Only its number of pods is kept. Resume it to go on." };
  const progressing = condition("Progressing");
  if (!progressing) return { word: "pending", text: "Nothing is known of its pods yet." };
  return { word: WORDS[progressing.reason] ?? progressing.reason, text: progressing.message };
}
