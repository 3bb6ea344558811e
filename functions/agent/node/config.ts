/** The Node agent's settings, from its environment. Pure: it reads nothing but what it is given. */
import { join } from "node:path";
import type { NodeRegister, Taint } from "../core/protocol.ts";
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from "./logger.ts";

export interface Config {
  /** The server's socket. */
  url: string;
  name: string;
  home: string;
  credentials: string;
  labels: Record<string, string>;
  taints: Taint[];
  resources: NodeRegister["resources"];
  isolation: Isolation;
  logFormat: LogFormat;
  logLevel: LogLevel;
  /** End when stdin ends: whoever started this holds the other side of it. */
  endsWithStdin: boolean;
}

/** What a pod is run in. */
export const ISOLATIONS = ["thread", "process"] as const;
export type Isolation = (typeof ISOLATIONS)[number];

/** What the machine says. */
export interface Detected {
  hostname: string;
  userHome: string;
  resources: NodeRegister["resources"];
}

/** Says which setting is wrong and what to set. */
export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

type Env = Record<string, string | undefined>;

const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const CPU = /^\d+(\.\d+)?m?$/;
const MEMORY = /^\d+(\.\d+)?([kMGT]|[KMGT]i)?$/;
// As in Kubernetes: an optional prefix that is a DNS name, and up to 63 characters.
const LABEL_KEY = /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?$/;
const LABEL_VALUE = /^([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?$/;
const EFFECTS = ["NoSchedule", "PreferNoSchedule", "NoExecute"] as const;

/** Reads the settings. Throws ConfigError for the first that is missing or wrong. */
export function configFrom(env: Env, detected: Detected): Config {
  const credentials = set(env, "STARK_CREDENTIALS");
  const url = socketUrl(set(env, "STARK_SERVER"));
  if (credentials === undefined) {
    throw new ConfigError("STARK_CREDENTIALS is not set: set it to the path of the file with this agent's Supabase credentials");
  }
  return {
    url,
    name: nameOf(set(env, "STARK_NODE_NAME"), detected.hostname),
    home: set(env, "STARK_AGENT_HOME") ?? join(set(env, "XDG_STATE_HOME") ?? join(detected.userHome, ".local", "state"), "stark", "agent"),
    credentials,
    labels: labelsOf(set(env, "STARK_NODE_LABELS")),
    taints: taintsOf(set(env, "STARK_NODE_TAINTS")),
    resources: {
      cpu: quantity(env, "STARK_NODE_CPU", CPU, "4 or 500m") ?? detected.resources.cpu,
      memory: quantity(env, "STARK_NODE_MEMORY", MEMORY, "512Mi or 8Gi") ?? detected.resources.memory,
      pods: count(env, "STARK_NODE_PODS") ?? detected.resources.pods,
    },
    isolation: choice(env, "STARK_AGENT_ISOLATION", ISOLATIONS) ?? "thread",
    logFormat: choice(env, "STARK_LOG_FORMAT", LOG_FORMATS) ?? "text",
    logLevel: choice(env, "STARK_LOG_LEVEL", LOG_LEVELS) ?? "info",
    endsWithStdin: choice(env, "STARK_AGENT_PARENT", ["stdin"]) === "stdin",
  };
}

/** A variable that is set to nothing is not set. */
function set(env: Env, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === "" ? undefined : value;
}

function socketUrl(server: string | undefined): string {
  if (server === undefined)
    throw new ConfigError("STARK_SERVER is not set: set it to the URL of the Stark server, e.g. http://127.0.0.1:7827");
  let url: URL;
  try {
    url = new URL(server);
  } catch {
    throw new ConfigError(
      `STARK_SERVER is no URL: ${JSON.stringify(server)}; set it to that of the Stark server, e.g. http://127.0.0.1:7827`,
    );
  }
  const scheme = { "http:": "ws:", "https:": "wss:" }[url.protocol];
  if (scheme === undefined) throw new ConfigError(`STARK_SERVER must begin with http:// or https://, not ${url.protocol}//`);
  return `${scheme}//${url.host}${url.pathname.replace(/\/+$/, "")}/ws`;
}

function nameOf(name: string | undefined, hostname: string): string {
  if (name !== undefined) {
    if (DNS_LABEL.test(name)) return name;
    throw new ConfigError(`STARK_NODE_NAME must be a DNS label (at most 63 of a-z, 0-9 and -), not ${JSON.stringify(name)}`);
  }
  const label = hostname
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-")
    .replace(/^-+/, "")
    .slice(0, 63)
    .replace(/-+$/, "");
  if (label !== "") return label;
  throw new ConfigError("STARK_NODE_NAME is not set and this host's name makes none: set it to a DNS label");
}

function labelsOf(text: string | undefined): Record<string, string> {
  return Object.fromEntries(
    items(text).map((item) => {
      const [, key = "", value = ""] = /^([^=]+)=(.*)$/.exec(item) ?? [];
      if (LABEL_KEY.test(key) && LABEL_VALUE.test(value)) return [key, value];
      throw new ConfigError(`STARK_NODE_LABELS must be key=value,key=value; ${JSON.stringify(item)} is no label`);
    }),
  );
}

function taintsOf(text: string | undefined): Taint[] {
  return items(text).map((item) => {
    const [, key = "", value, effect] = /^([^=:]+)(?:=([^:]*))?:(\w+)$/.exec(item) ?? [];
    const known = EFFECTS.find((one) => one === effect);
    if (known && LABEL_KEY.test(key) && LABEL_VALUE.test(value ?? ""))
      return value === undefined ? { key, effect: known } : { key, value, effect: known };
    throw new ConfigError(
      `STARK_NODE_TAINTS must be key=value:Effect,…, with Effect one of ${EFFECTS.join(", ")}; ${JSON.stringify(item)} is no taint`,
    );
  });
}

function items(text: string | undefined): string[] {
  return (text ?? "")
    .split(",")
    .map((item) => item.trim())
    .filter((item) => item !== "");
}

function quantity(env: Env, name: string, pattern: RegExp, example: string): string | undefined {
  const value = set(env, name);
  if (value === undefined || pattern.test(value)) return value;
  throw new ConfigError(`${name} must be a quantity like ${example}, not ${JSON.stringify(value)}`);
}

function count(env: Env, name: string): number | undefined {
  const value = set(env, name);
  if (value === undefined) return undefined;
  if (/^\d{1,6}$/.test(value)) return Number(value);
  throw new ConfigError(`${name} must be a whole number, not ${JSON.stringify(value)}`);
}

function choice<const T extends string>(env: Env, name: string, allowed: readonly T[]): T | undefined {
  const value = set(env, name);
  const chosen = allowed.find((one) => one === value);
  if (value === undefined || chosen !== undefined) return chosen;
  throw new ConfigError(`${name} must be ${allowed.join(" or ")}, not ${JSON.stringify(value)}`);
}
