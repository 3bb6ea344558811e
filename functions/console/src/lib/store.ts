import { computed, reactive, shallowReactive } from "vue";
import { call, listAll, openWatch } from "./api.ts";
import type { ClusterEvent, Deployment, Namespace, Node, Pack, Pod } from "./types.ts";
import { follow, merge, type Change } from "./watch.ts";

const KINDS = ["pods", "nodes", "packs", "deployments", "namespaces"] as const;
const MOST_EVENTS = 500;
const FIRST_EVENTS = 100;
const MOST_LISTED = 2_000;

/** What the server has, as this user may see it, by id, and kept true by GET /api/watch. */
export const store = {
  pods: shallowReactive(new Map<string, Pod>()),
  nodes: shallowReactive(new Map<string, Node>()),
  packs: shallowReactive(new Map<string, Pack>()),
  deployments: shallowReactive(new Map<string, Deployment>()),
  namespaces: shallowReactive(new Map<string, Namespace>()),
  events: shallowReactive(new Map<string, ClusterEvent>()),
};
/** live: what changes is told at once. partial: there are more pods than are here. */
export const connection = reactive({ live: false, loaded: false, partial: false });

const newestFirst = (a: { createdAt: string }, b: { createdAt: string }) => b.createdAt.localeCompare(a.createdAt);
export const pods = computed(() => [...store.pods.values()].sort(newestFirst));
export const nodes = computed(() => [...store.nodes.values()].sort((a, b) => a.name.localeCompare(b.name)));
export const packs = computed(() => [...store.packs.values()].sort(newestFirst));
export const deployments = computed(() => [...store.deployments.values()].sort(newestFirst));
export const namespaces = computed(() => [...store.namespaces.values()].sort((a, b) => a.name.localeCompare(b.name)));
export const events = computed(() => [...store.events.values()].sort((a, b) => b.id - a.id));

/** The statuses of a pod that has ended. */
export const OVER = ["stopped", "failed"];
const BY_NODE = ["scheduled", "starting", "running", "stopping"];
const placed = computed(() => {
  const on = new Map<string, Pod[]>();
  for (const pod of pods.value) {
    if (!pod.nodeId || !BY_NODE.includes(pod.status)) continue;
    const others = on.get(pod.nodeId);
    if (others) others.push(pod);
    else on.set(pod.nodeId, [pod]);
  }
  return on;
});
/** The pods that hold a node's capacity. Not Node.pods: a node does not change when a pod comes to it, so nothing tells of that number. */
export const podsOn = (node: Node): Pod[] => placed.value.get(node.id) ?? [];

/** A deployment's pods that have not ended, newest first. */
export const podsOf = (deploymentId: string): Pod[] => pods.value.filter((p) => p.deploymentId === deploymentId && !OVER.includes(p.status));

/** Follows until the returned function is called, which also forgets what was there. */
export function watchEverything(): () => void {
  const end = new AbortController();
  void follow({
    open: (cursor, signal) => openWatch([...KINDS, "events"], cursor, signal),
    list,
    apply,
    live: (is) => (connection.live = is),
    wait: (ms, signal) =>
      new Promise((done, fail) => {
        const timer = setTimeout(done, ms);
        signal.addEventListener("abort", () => (clearTimeout(timer), fail(signal.reason)), { once: true });
      }),
    random: Math.random,
    signal: end.signal,
  });
  return () => {
    end.abort();
    Object.values(store).forEach((collection) => collection.clear());
    Object.assign(connection, { live: false, loaded: false, partial: false });
  };
}

async function list(): Promise<void> {
  const [happened, ...lists] = await Promise.all([
    call<ClusterEvent[]>("GET", `/api/events?limit=${FIRST_EVENTS}`),
    ...KINDS.map((kind) => listAll<{ id: string }>(`/api/${kind}`, MOST_LISTED)),
  ] as const);
  KINDS.forEach((kind, at) => {
    const collection = store[kind] as Map<string, { id: string }>;
    collection.clear();
    for (const item of lists[at] ?? []) collection.set(item.id, item);
  });
  store.events.clear();
  for (const event of happened.reverse()) store.events.set(String(event.id), event); // the oldest is the first to be dropped
  connection.partial = store.pods.size >= MOST_LISTED;
  connection.loaded = true;
}

function apply(change: Change): void {
  const collection = store[change.kind as keyof typeof store] as Map<string, { id: string | number; revision?: number }> | undefined;
  if (!collection) return;
  merge(collection, change);
  if (change.kind === "events" && collection.size > MOST_EVENTS) collection.delete(collection.keys().next().value as string);
}
