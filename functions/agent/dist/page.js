// Made by `go generate ./functions/agent` from functions/agent/{core,node,browser}. Do not edit.

// browser/page/agent.ts
async function startAgent(options) {
  if (!isSecureContext)
    throw new Error("this page is not a secure context, so bundles cannot be verified: serve it over https, or from localhost");
  let config = await configOf(options), blob = options.coordinatorUrl === void 0 ? blobUrl("") : void 0, worker = new Worker(options.coordinatorUrl ?? blob ?? "", { name: "stark-agent" });
  return run(worker, config, options, () => blob !== void 0 && URL.revokeObjectURL(blob));
}
function run(worker, config, options, started) {
  let state2 = { connection: "idle", node: void 0, pods: {}, end: void 0 }, finish = () => {
  }, over, ended2 = new Promise((resolve) => {
    finish = resolve;
  }), say = (message) => worker.postMessage(message), end = (why) => {
    over || (over = why, removeEventListener("pagehide", leave2), worker.terminate(), state2 = { ...state2, connection: "ended", end: why }, options.onState?.(state2), finish(why));
  }, leave2 = (event) => {
    event.persisted || say({ type: "stop", reason: "the page was closed", maxGraceMs: 0 });
  };
  return addEventListener("pagehide", leave2), worker.onmessage = ({ data }) => {
    switch (started(), data.type) {
      case "state":
        state2 = data.state, state2.connection !== "ended" && options.onState?.(state2);
        break;
      case "lines":
        options.onLines?.(data.lines, data.dropped);
        break;
      case "log":
        options.onLog?.(data.level, data.message, data.fields);
        break;
      case "credentials":
        data.credentials.accessToken !== void 0 && options.onSession?.({ accessToken: data.credentials.accessToken, refreshToken: data.credentials.refreshToken });
        break;
      case "ended":
        end(data.end);
    }
  }, worker.onerror = (event) => {
    event.preventDefault(), started();
    let why = event.message || "its script could not be loaded; does the page's Content-Security-Policy allow it (worker-src)?";
    end({ kind: "failed", message: `the agent's worker failed: ${why}` });
  }, say({ type: "start", config }), {
    get state() {
      return state2;
    },
    ended: ended2,
    stop(reason = "stopped by its user", maxGraceMs = 1e4) {
      return say({ type: "stop", reason, maxGraceMs }), ended2;
    }
  };
}
async function configOf(options) {
  let server = new URL(options.server ?? location.origin), { name, labels = {}, resources = {} } = options;
  if (!/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/.test(name))
    throw new Error(`the node's name must be a DNS label (a-z, 0-9 and -), not "${name}"`);
  let base = server.pathname.replace(/\/+$/, ""), project2 = options.supabaseUrl !== void 0 && options.anonKey !== void 0 ? { supabaseUrl: options.supabaseUrl, anonKey: options.anonKey } : await projectOf(`${server.origin}${base}`);
  return {
    url: `${server.protocol === "https:" ? "wss:" : "ws:"}//${server.host}${base}/ws`,
    name,
    labels,
    resources,
    credentials: { ...project2, supabaseUrl: project2.supabaseUrl.replace(/\/+$/, ""), ...identityOf(options) },
    deviceMemory: navigator.deviceMemory
  };
}
function identityOf({ session: session2, login }) {
  if (session2 && "access_token" in session2) return { accessToken: session2.access_token, refreshToken: session2.refresh_token };
  if (session2) return { accessToken: session2.accessToken, refreshToken: session2.refreshToken };
  if (login) return { email: login.email, password: login.password };
  throw new Error("the agent needs to know whose it is: give it a session, or a login with email and password");
}
async function projectOf(server) {
  let response = await fetch(`${server}/api/info`).catch((error) => {
    throw new Error(`the Stark server ${server} cannot be reached, or does not let pages of this origin in`, { cause: error });
  }), { data } = await response.json();
  if (!data?.supabaseUrl || !data.anonKey) throw new Error(`${server} does not answer like a Stark server`);
  return { supabaseUrl: data.supabaseUrl, anonKey: data.anonKey };
}
function blobUrl(source) {
  return URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
}

// browser/page/auth.ts
var KEY = "stark-agent-session";
async function logIn(project2, email, password) {
  let response;
  try {
    response = await fetch(`${project2.supabaseUrl}/auth/v1/token?grant_type=password`, {
      method: "POST",
      headers: { apikey: project2.anonKey, "content-type": "application/json" },
      body: JSON.stringify({ email, password }),
      signal: AbortSignal.timeout(15e3)
    });
  } catch (error) {
    throw new Error(`Supabase Auth at ${project2.supabaseUrl} cannot be reached. Try again in a moment.`, { cause: error });
  }
  let answer = await response.json().catch(() => ({})), { access_token: accessToken, refresh_token: refreshToken } = answer;
  if (response.ok && typeof accessToken == "string")
    return { email, accessToken, refreshToken: typeof refreshToken == "string" ? refreshToken : void 0 };
  let said = [answer.msg, answer.message, answer.error_description].find((text) => typeof text == "string");
  throw new Error(typeof said == "string" ? said : `Supabase Auth answered with ${response.status}.`);
}
async function logOut(project2, session2) {
  forget();
  let headers = { apikey: project2.anonKey, authorization: `Bearer ${session2.accessToken}` };
  await fetch(`${project2.supabaseUrl}/auth/v1/logout?scope=local`, { method: "POST", headers, keepalive: !0 }).catch(() => {
  });
}
function remembered() {
  try {
    let value = JSON.parse(sessionStorage.getItem(KEY) ?? "null");
    return typeof value?.email != "string" || typeof value.accessToken != "string" ? void 0 : { email: value.email, accessToken: value.accessToken, refreshToken: value.refreshToken };
  } catch {
    return;
  }
}
function remember(session2) {
  sessionStorage.setItem(KEY, JSON.stringify(session2));
}
function forget() {
  sessionStorage.removeItem(KEY);
}

// browser/page/view.ts
function element(id) {
  let found = document.getElementById(id);
  if (!found) throw new Error(`the page has no element #${id}`);
  return found;
}
function show(id, visible) {
  element(id).hidden = !visible;
}
function problem(id, text) {
  let place = element(id);
  place.textContent = text ?? "", place.hidden = text === void 0;
}
var CONNECTION = {
  idle: "not running",
  connecting: "connecting…",
  connected: "connected",
  leaving: "stopping…",
  ended: "not running"
};
function showConnection(state2, offline) {
  let pill = element("connection"), text = offline && state2.connection === "connecting" ? "offline, waiting for a network" : CONNECTION[state2.connection];
  pill.textContent !== text && (pill.textContent = text), pill.dataset.is = state2.connection;
}
var PodList = class {
  #list = element("pods");
  #items = /* @__PURE__ */ new Map();
  #chosen;
  constructor(chosen) {
    this.#chosen = chosen;
  }
  show(pods2, selected2) {
    let sorted = Object.values(pods2).sort((a, b) => Number(isOver(a)) - Number(isOver(b)) || b.changedAt - a.changedAt);
    for (let [podId, item] of this.#items)
      pods2[podId] || (item.remove(), this.#items.delete(podId));
    sorted.forEach((pod, at) => {
      let item = this.#item(pod.podId);
      fill(item, pod, pod.podId === selected2), this.#list.children[at] !== item && this.#list.insertBefore(item, this.#list.children[at] ?? null);
    }), element("pod-count").textContent = String(sorted.filter((pod) => !isOver(pod)).length), show("no-pods", sorted.length === 0);
  }
  #item(podId) {
    let item = this.#items.get(podId);
    if (!item) {
      item = document.createElement("li");
      let button = document.createElement("button");
      button.type = "button", button.className = "pod", button.append(make("b"), make("span", "badge"), make("small"), make("small", "why"), document.createElement("progress")), button.addEventListener("click", () => this.#chosen(podId)), item.append(button), this.#items.set(podId, item);
    }
    return item;
  }
};
function fill(item, pod, selected2) {
  let [name, badge, pack, why, progress] = item.querySelectorAll("b, .badge, small, progress");
  if (!name || !badge || !pack || !why || !progress) return;
  item.firstElementChild?.setAttribute("aria-pressed", String(selected2)), name.textContent = pod.name, badge.textContent = pod.reason === "completed" ? "completed" : pod.status, badge.dataset.is = pod.status, pack.textContent = `${pod.pack} · ${pod.namespace}${pod.incarnation > 1 ? ` · run ${pod.incarnation}` : ""}`;
  let said = pod.status === "failed" ? `${pod.reason}: ${pod.message.split(`
`, 1)[0] ?? ""}` : pod.progressText;
  why.textContent = said, why.hidden = said === "";
  let bar = progress;
  bar.hidden = pod.progress === void 0 || isOver(pod), bar.value = pod.progress ?? 0, bar.setAttribute("aria-label", `Progress of ${pod.name}`);
}
function isOver({ status }) {
  return status === "stopped" || status === "failed";
}
var LINES_KEPT = 500, LogView = class {
  #box = element("lines");
  #kept = [];
  #only;
  #nameOf;
  constructor(nameOf) {
    this.#nameOf = nameOf;
  }
  add(lines, dropped) {
    this.#kept = [...this.#kept, ...lines].slice(-4 * LINES_KEPT), dropped > 0 && this.#append([note(`${dropped} lines went by too fast to be shown`)]), this.#append(lines.filter((line) => this.#wants(line)).map((line) => this.#row(line)));
  }
  /** Only one pod's lines, or all. */
  only(podId) {
    this.#only = podId, this.#box.replaceChildren(), this.#append(this.#kept.filter((line) => this.#wants(line)).map((line) => this.#row(line))), this.#box.scrollTop = this.#box.scrollHeight, element("logs-title").textContent = podId === void 0 ? "Log" : `Log of ${this.#nameOf(podId)}`, show("show-all", podId !== void 0);
  }
  clear() {
    this.#kept = [], this.only(void 0);
  }
  #wants({ podId }) {
    return this.#only === void 0 || podId === this.#only;
  }
  #append(rows) {
    if (rows.length === 0) return;
    let follows = this.#box.scrollHeight - this.#box.scrollTop - this.#box.clientHeight < 24;
    for (this.#box.append(...rows.slice(-LINES_KEPT)); this.#box.childElementCount > LINES_KEPT; ) this.#box.firstElementChild?.remove();
    follows && (this.#box.scrollTop = this.#box.scrollHeight);
  }
  #row({ podId, line }) {
    let row = make("p");
    row.dataset.stream = line.stream;
    let time = make("time", "", new Date(line.at).toLocaleTimeString([], { hour12: !1 }));
    return row.append(time, ...this.#only === void 0 ? [make("span", "of", this.#nameOf(podId))] : [], line.text), row;
  }
};
function note(text) {
  let row = make("p", "", text);
  return row.dataset.stream = "system", row;
}
function make(tag, className = "", text = "") {
  let made = document.createElement(tag);
  return className !== "" && (made.className = className), made.textContent = text, made;
}

// browser/page/page.ts
var NODE_KEY = "stark-agent-node", COORDINATOR = "/agent/coordinator.js", project, session, agent, state = { connection: "idle", node: void 0, pods: {}, end: void 0 }, selected, startedAt = 0, pods = new PodList((podId) => {
  selected = selected === podId ? void 0 : podId, log.only(selected), render();
}), log = new LogView((podId) => state.pods[podId]?.name ?? podId.slice(0, 8));
async function main() {
  element("login").addEventListener("submit", (event) => {
    submitLogin(event);
  }), element("start").addEventListener("submit", (event) => {
    submitStart(event);
  }), element("stop").addEventListener("click", () => {
    stop();
  }), element("logout").addEventListener("click", () => {
    leave();
  }), element("show-all").addEventListener("click", () => {
    selected = void 0, log.only(void 0), render();
  });
  for (let event of ["online", "offline"]) addEventListener(event, render);
  setInterval(showUptime, 1e3);
  let settings = nodeSettings();
  element("name").value = settings.name, element("labels").value = settings.labels, session = remembered(), render();
  try {
    project = await projectOf(location.origin), element("project").textContent = new URL(project.supabaseUrl).host;
  } catch (error) {
    problem(session ? "node-problem" : "login-problem", textOf(error));
    return;
  }
  session && settings.running && await start();
}
async function submitLogin(event) {
  event.preventDefault();
  let button = element("login-submit");
  button.disabled = !0, problem("login-problem", void 0);
  try {
    project ??= await projectOf(location.origin);
    let password = element("password");
    session = await logIn(project, element("email").value.trim(), password.value), password.value = "", remember(session), problem("node-problem", void 0), render(), element("name").focus();
  } catch (error) {
    problem("login-problem", textOf(error));
  } finally {
    button.disabled = !1;
  }
}
async function submitStart(event) {
  event.preventDefault(), await start();
}
async function start() {
  if (agent || !session || !project) return;
  problem("node-problem", void 0);
  let settings = { name: element("name").value.trim(), labels: element("labels").value.trim() };
  try {
    let labels = labelsOf(settings.labels);
    log.clear(), selected = void 0, state = { connection: "connecting", node: void 0, pods: {}, end: void 0 }, startedAt = Date.now(), agent = await startAgent({
      ...project,
      session,
      name: settings.name,
      labels,
      coordinatorUrl: COORDINATOR,
      onState: (now) => {
        state = now, render();
      },
      onLines: (lines, dropped) => log.add(lines, dropped),
      onSession: (tokens) => {
        session && (session = { ...session, ...tokens }, remember(session));
      },
      onLog: (level, message, fields) => console[level](message, fields)
    }), keep({ ...settings, running: !0 }), agent.ended.then(ended);
  } catch (error) {
    problem("node-problem", textOf(error));
  }
  render();
}
async function stop() {
  keep({ ...nodeSettings(), running: !1 }), await agent?.stop();
}
function ended(end) {
  agent = void 0, end.kind !== "goodbye" && (keep({ ...nodeSettings(), running: !1 }), problem("node-problem", `The node has ended: ${end.message}.`)), end.kind === "credentials" && (forget(), session = void 0, problem("login-problem", "Your session has ended. Log in again.")), render();
}
async function leave() {
  if (!session || !project) return;
  let over = session;
  await stop(), session = void 0, render(), await logOut(project, over);
}
function render() {
  let running = agent !== void 0;
  show("login-card", session === void 0 && !running), show("node-card", session !== void 0 || running), show("connection", session !== void 0 || running), show("who", session !== void 0), element("who-email").textContent = session?.email ?? "", show("start", !running), show("stop", running), show("facts", running), show("work", running || Object.keys(state.pods).length > 0), element("stop").disabled = state.connection === "leaving", element("node-title").textContent = running ? state.node?.name ?? element("name").value : "This tab", element("node-lead").textContent = running ? "Keep this tab open: pods run for as long as it is." : "Name the node, and start it.", element("fact-labels").textContent = element("labels").value.trim() || "none", element("fact-access").textContent = state.node ? state.node.access === "private" ? "you alone (private)" : "everyone (shared)" : "–", element("fact-running").textContent = String(Object.values(state.pods).filter((pod) => !isOver(pod)).length), document.title = running && state.node ? `${state.node.name} · Stark` : "Stark · this tab as a node", showConnection(state, !navigator.onLine), pods.show(state.pods, selected), showUptime();
}
function showUptime() {
  if (!agent) return;
  let seconds = Math.floor((Date.now() - startedAt) / 1e3), [hours, minutes] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60];
  element("fact-uptime").textContent = hours > 0 ? `${hours} h ${minutes} min` : minutes > 0 ? `${minutes} min` : `${seconds} s`;
}
function labelsOf(text) {
  let items = text.split(",").map((item) => item.trim());
  return Object.fromEntries(
    items.filter((item) => item !== "").map((item) => {
      let [, key = "", value = ""] = /^([A-Za-z0-9][A-Za-z0-9./_-]*)=([A-Za-z0-9._-]*)$/.exec(item) ?? [];
      if (key === "") throw new Error(`"${item}" is no label: write key=value, separated by commas.`);
      return [key, value];
    })
  );
}
function nodeSettings() {
  try {
    let kept = JSON.parse(localStorage.getItem(NODE_KEY) ?? "{}"), running = sessionStorage.getItem(NODE_KEY) === "running";
    return { name: kept.name ?? `browser-${crypto.randomUUID().slice(0, 6)}`, labels: kept.labels ?? "", running };
  } catch {
    return { name: "browser", labels: "", running: !1 };
  }
}
function keep({ name, labels, running }) {
  localStorage.setItem(NODE_KEY, JSON.stringify({ name, labels })), running ? sessionStorage.setItem(NODE_KEY, "running") : sessionStorage.removeItem(NODE_KEY);
}
function textOf(error) {
  return error instanceof Error ? error.message : String(error);
}
main();
