import { computed, reactive, ref } from "vue";

/** The page, from the hash: #/pods/<id> is ["pods", "<id>"]. */
const hash = ref(location.hash);
addEventListener("hashchange", () => (hash.value = location.hash));
export const route = computed(() => {
  const [path = "", query = ""] = hash.value.replace(/^#\/?/, "").split("?");
  return { parts: path.split("/").filter(Boolean).map(decodeURIComponent), query: new URLSearchParams(query) };
});

export const toasts = reactive<{ id: number; text: string; bad: boolean }[]>([]);
let last = 0;
export function toast(text: string, bad = false): void {
  const id = ++last;
  toasts.push({ id, text, bad });
  setTimeout(() => dismiss(id), bad ? 12_000 : 5_000);
}
export function dismiss(id: number): void {
  const at = toasts.findIndex((t) => t.id === id);
  if (at >= 0) toasts.splice(at, 1);
}

/** Does something for the user and says how it went; without done only that it went wrong. Returns whether it worked. */
export async function attempt(work: () => Promise<unknown>, done?: string): Promise<boolean> {
  try {
    await work();
    if (done) toast(done);
    return true;
  } catch (error) {
    toast(textOf(error), true);
    return false;
  }
}

export const textOf = (error: unknown) => (error instanceof Error ? error.message : String(error));

const THEME = "stark-theme";
export function applyTheme(): void {
  const kept = localStorage.getItem(THEME);
  if (kept) document.documentElement.dataset.theme = kept;
}
export function toggleTheme(): void {
  const now = document.documentElement.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  localStorage.setItem(THEME, now === "dark" ? "light" : "dark");
  applyTheme();
}
