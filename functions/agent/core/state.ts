/**
 * What an agent is and runs, as reactive state: hosts and pages watch it with Vue's `watch` or `effect`, or a template. The agent alone
 * writes it; nothing is decided by it.
 */
import { reactive, readonly, type DeepReadonly } from "@vue/reactivity";
import type { Assignment, PodStatus, Registered, StatusReport } from "./protocol.ts";
import type { SessionEnd } from "./session.ts";

export interface PodState {
  podId: string;
  incarnation: number;
  name: string;
  namespace: string;
  /** name@version */
  pack: string;
  status: PodStatus;
  reason: string;
  message: string;
  /** From 0 to 1, when the pack says so. */
  progress: number | undefined;
  progressText: string;
  /** Wall clock of its last change. */
  changedAt: number;
}

export interface AgentState {
  /** connecting also stands for a connection that was lost and is being made again. */
  connection: "idle" | "connecting" | "connected" | "leaving" | "ended";
  node: { id: string; name: string; access: "shared" | "private" } | undefined;
  /** By id; those that have ended stay for a while. */
  pods: Record<string, PodState>;
  /** Why it is over. */
  end: SessionEnd | undefined;
}

/** So many pods that have ended are remembered. */
const ENDED_KEPT = 50;

export class StateStore {
  readonly #state: AgentState = reactive<AgentState>({ connection: "idle", node: undefined, pods: {}, end: undefined });
  /** For those who watch. */
  readonly view: DeepReadonly<AgentState> = readonly(this.#state) as DeepReadonly<AgentState>;
  readonly #ended: string[] = [];

  connection(is: AgentState["connection"]): void {
    if (this.#state.connection !== "ended") this.#state.connection = is;
  }

  registered({ nodeId, name, access }: Registered): void {
    this.#state.node = { id: nodeId, name, access };
    this.connection("connected");
  }

  over(end: SessionEnd): void {
    this.connection("ended");
    this.#state.end = end;
  }

  assigned({ podId, incarnation, name, namespace, pack }: Assignment, now: number): void {
    this.#state.pods[podId] = {
      podId,
      incarnation,
      name,
      namespace,
      pack: `${pack.name}@${pack.version}`,
      status: "starting",
      reason: "",
      message: "",
      progress: undefined,
      progressText: "",
      changedAt: now,
    };
  }

  status({ podId, incarnation, status, reason = "", message = "" }: StatusReport, now: number): void {
    const pod = this.#pod(podId, incarnation);
    if (pod) Object.assign(pod, { status, reason, message, changedAt: now });
  }

  progress(podId: string, incarnation: number, fraction: number | undefined, text: string): void {
    const pod = this.#pod(podId, incarnation);
    if (pod) Object.assign(pod, { progress: fraction, progressText: text });
  }

  /** Its worker is gone; `silent` means that nobody was told what became of it. */
  gone(podId: string, incarnation: number, silent: boolean): void {
    if (!this.#pod(podId, incarnation)) return;
    if (silent) delete this.#state.pods[podId];
    else this.#ended.push(podId);
    while (this.#ended.length > ENDED_KEPT) this.#forget(this.#ended.shift() ?? "");
  }

  /** Unless it has come back meanwhile. */
  #forget(podId: string): void {
    const status = this.#state.pods[podId]?.status;
    if (status === "stopped" || status === "failed") delete this.#state.pods[podId];
  }

  #pod(podId: string, incarnation: number): PodState | undefined {
    const pod = this.#state.pods[podId];
    return pod?.incarnation === incarnation ? pod : undefined;
  }
}
