import { ref } from "vue";
import { listAll } from "./api.ts";
import type { PriorityClass } from "./types.ts";

/** The priority classes as of the last loadClasses, the most important first. They change rarely, and GET /api/watch does not tell of them. */
export const classes = ref<PriorityClass[]>([]);

export async function loadClasses(): Promise<void> {
  classes.value = (await listAll<PriorityClass>("/api/priorityclasses")).sort((a, b) => b.value - a.value);
}
