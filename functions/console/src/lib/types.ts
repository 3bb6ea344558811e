/** The parts of the server's DTOs (backend/wire/rest.go) that the console shows. */
export interface Listed { id: string; revision: number }
export interface Pod extends Listed {
  name: string; namespace: string; packName: string; packVersion: string; nodeId: string | null; nodeName: string; status: string;
  reason: string; message: string; restarts: number; priority: number; resources: { cpu?: string; memory?: string }; labels: Record<string, string>;
  priorityClass: string | null; deploymentId: string | null; deploymentGeneration: number;
  unschedulable: Explanation | null; result: unknown;
  createdAt: string; startedAt: string | null; finishedAt: string | null;
}
/** Why a pod is pending: how many nodes there are, and how many each filter refused. */
export interface Explanation { nodes: number; filters: Record<string, number>; text: string; closest?: { node: string; filter: string; detail?: string }[] }
/** What every node says to a pod as of now (GET /api/pods/:id/explain). No refusals: the node would take it. */
export interface PodExplanation {
  text: string; nodes: number; fits: number; chosen: NodeVerdict | null; evicts: string[] | null; verdicts: NodeVerdict[]; more: number; hidden: number;
}
export interface NodeVerdict {
  node: string; nodeId: string; refusals: { filter: string; detail?: string }[]; score: number; scores: { name: string; score: number; weight: number }[] | null;
}
export interface Taint { key: string; value?: string; effect: string }
export interface Node extends Listed {
  name: string; runtimeType: string; runtimeVersion: string; status: string; statusReason: string; lastHeartbeat: string | null; access: string;
  unschedulable: boolean; labels: Record<string, string>; taints: Taint[] | null; resources: { cpu: string; memory: string; pods: number };
  pods: number; drainRequestedAt: string | null;
}
export interface Pack extends Listed {
  name: string; version: string; runtimeTag: string; ownerId: string | null; visibility: string; bundleSha256: string; bundleSize: number; createdAt: string;
}
export interface Deployment extends Listed {
  name: string; namespace: string; packId: string; packName: string; packVersion: string; followLatest: boolean; mode: string; replicas: number;
  spec: Record<string, unknown>; paused: boolean; generation: number; observedGeneration: number; status: Partial<RolloutStatus>; createdBy: string | null; createdAt: string;
}
/** What the control loop says of a deployment (backend/control/rollout); numbers of pods. */
export interface RolloutStatus {
  replicas: number; updated: number; ready: number; available: number; desired: number; stableGeneration: number;
  conditions: { type: string; status: boolean; reason: string; message: string; since: string }[];
  rolledBack?: { from: number; to: number; generation: number; version: string };
}
export interface DeploymentRevision { generation: number; packId: string; packName: string; packVersion: string; spec: Record<string, unknown>; createdAt: string }
export interface Namespace extends Listed { name: string; resourceQuota: { maxPods?: number; maxCpu?: string; maxMemory?: string }; usage: { pods: number; cpu: string; memory: string } | null; createdAt: string }
export interface PriorityClass { name: string; value: number; preemptionPolicy: string; globalDefault: boolean; description: string }
export interface ClusterEvent { id: number; at: string; kind: string; objectId: string | null; namespace: string | null; objectName: string; type: string; reason: string; message: string }
export interface Account extends Listed { email: string; displayName: string; role: string; createdAt: string }
export interface PodEvent { id: number; at: string; event: string; from: string | null; to: string | null; reason: string; message: string }
export interface LogLine { id: number; at: string; stream: string; line: string }
export interface User { id: string; email: string; displayName: string; role: string }
