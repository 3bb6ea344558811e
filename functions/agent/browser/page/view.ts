/** The page's elements, and how pods and lines become some. Texts go in as text, never as HTML. */
import type { AgentState, PodLine, PodState } from "./agent.ts";

export function element<T extends HTMLElement = HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element #${id}`);
  return found as T;
}

export function show(id: string, visible: boolean): void {
  element(id).hidden = !visible;
}

/** Shows a problem in its place, or takes it away. */
export function problem(id: string, text: string | undefined): void {
  const place = element(id);
  place.textContent = text ?? "";
  place.hidden = text === undefined;
}

const CONNECTION: Record<AgentState["connection"], string> = {
  idle: "not running",
  connecting: "connecting…",
  connected: "connected",
  leaving: "stopping…",
  ended: "not running",
};

export function showConnection(state: AgentState, offline: boolean): void {
  const pill = element("connection");
  const text = offline && state.connection === "connecting" ? "offline, waiting for a network" : CONNECTION[state.connection];
  if (pill.textContent !== text) pill.textContent = text; // a status is read out when it changes
  pill.dataset["is"] = state.connection;
}

/** The list of pods. Elements stay those of their pods, so that focus does. */
export class PodList {
  readonly #list = element<HTMLUListElement>("pods");
  readonly #items = new Map<string, HTMLLIElement>();
  readonly #chosen: (podId: string) => void;

  constructor(chosen: (podId: string) => void) {
    this.#chosen = chosen;
  }

  show(pods: Record<string, PodState>, selected: string | undefined): void {
    const sorted = Object.values(pods).sort((a, b) => Number(isOver(a)) - Number(isOver(b)) || b.changedAt - a.changedAt);
    for (const [podId, item] of this.#items) {
      if (pods[podId]) continue;
      item.remove();
      this.#items.delete(podId);
    }
    sorted.forEach((pod, at) => {
      const item = this.#item(pod.podId);
      fill(item, pod, pod.podId === selected);
      if (this.#list.children[at] !== item) this.#list.insertBefore(item, this.#list.children[at] ?? null);
    });
    element("pod-count").textContent = String(sorted.filter((pod) => !isOver(pod)).length);
    show("no-pods", sorted.length === 0);
  }

  #item(podId: string): HTMLLIElement {
    let item = this.#items.get(podId);
    if (!item) {
      item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.className = "pod";
      button.append(make("b"), make("span", "badge"), make("small"), make("small", "why"), document.createElement("progress"));
      button.addEventListener("click", () => this.#chosen(podId));
      item.append(button);
      this.#items.set(podId, item);
    }
    return item;
  }
}

function fill(item: HTMLLIElement, pod: PodState, selected: boolean): void {
  const [name, badge, pack, why, progress] = item.querySelectorAll<HTMLElement>("b, .badge, small, progress");
  if (!name || !badge || !pack || !why || !progress) return;
  item.firstElementChild?.setAttribute("aria-pressed", String(selected));
  name.textContent = pod.name;
  badge.textContent = pod.reason === "completed" ? "completed" : pod.status;
  badge.dataset["is"] = pod.status;
  pack.textContent = `${pod.pack} · ${pod.namespace}${pod.incarnation > 1 ? ` · run ${pod.incarnation}` : ""}`;
  const said = pod.status === "failed" ? `${pod.reason}: ${pod.message.split("\n", 1)[0] ?? ""}` : pod.progressText;
  why.textContent = said;
  why.hidden = said === "";
  const bar = progress as HTMLProgressElement;
  bar.hidden = pod.progress === undefined || isOver(pod);
  bar.value = pod.progress ?? 0;
  bar.setAttribute("aria-label", `Progress of ${pod.name}`);
}

export function isOver({ status }: PodState): boolean {
  return status === "stopped" || status === "failed";
}

/** So many lines are kept for each pod, and shown at once. */
const LINES_KEPT = 500;

/** The log. It follows new lines as long as its end is in view. */
export class LogView {
  readonly #box = element("lines");
  #kept: PodLine[] = [];
  #only: string | undefined;
  readonly #nameOf: (podId: string) => string;

  constructor(nameOf: (podId: string) => string) {
    this.#nameOf = nameOf;
  }

  add(lines: PodLine[], dropped: number): void {
    this.#kept = [...this.#kept, ...lines].slice(-4 * LINES_KEPT);
    if (dropped > 0) this.#append([note(`${dropped} lines went by too fast to be shown`)]);
    this.#append(lines.filter((line) => this.#wants(line)).map((line) => this.#row(line)));
  }

  /** Only one pod's lines, or all. */
  only(podId: string | undefined): void {
    this.#only = podId;
    this.#box.replaceChildren();
    this.#append(this.#kept.filter((line) => this.#wants(line)).map((line) => this.#row(line)));
    this.#box.scrollTop = this.#box.scrollHeight;
    element("logs-title").textContent = podId === undefined ? "Log" : `Log of ${this.#nameOf(podId)}`;
    show("show-all", podId !== undefined);
  }

  clear(): void {
    this.#kept = [];
    this.only(undefined);
  }

  #wants({ podId }: PodLine): boolean {
    return this.#only === undefined || podId === this.#only;
  }

  #append(rows: HTMLElement[]): void {
    if (rows.length === 0) return;
    const follows = this.#box.scrollHeight - this.#box.scrollTop - this.#box.clientHeight < 24;
    this.#box.append(...rows.slice(-LINES_KEPT));
    while (this.#box.childElementCount > LINES_KEPT) this.#box.firstElementChild?.remove();
    if (follows) this.#box.scrollTop = this.#box.scrollHeight;
  }

  #row({ podId, line }: PodLine): HTMLElement {
    const row = make("p");
    row.dataset["stream"] = line.stream;
    const time = make("time", "", new Date(line.at).toLocaleTimeString([], { hour12: false }));
    row.append(time, ...(this.#only === undefined ? [make("span", "of", this.#nameOf(podId))] : []), line.text);
    return row;
  }
}

function note(text: string): HTMLElement {
  const row = make("p", "", text);
  row.dataset["stream"] = "system";
  return row;
}

function make(tag: string, className = "", text = ""): HTMLElement {
  const made = document.createElement(tag);
  if (className !== "") made.className = className;
  made.textContent = text;
  return made;
}
