"use strict";

const stages = ["queue", "load", "input", "run", "output", "communication"];
const $ = (id) => document.getElementById(id);
const vector = (name, attributes = {}) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

// What the node tells.

async function ask(path, options = {}) {
  const token = sessionStorage.getItem("token");
  const headers = { "Dandelion-Client": "console", ...options.headers };
  if (token) headers.Authorization = `Bearer ${token}`;
  const reply = await fetch(path, { ...options, headers, cache: "no-store" });
  if (reply.status === 401 || reply.status === 403) $("access").hidden = false;
  return reply;
}

async function json(path) {
  const reply = await ask(path);
  const body = await reply.json();
  if (!reply.ok) throw new Error(body.detail);
  return body;
}

/** Lines of Prometheus's text: name, labels and value. */
function samples(text) {
  const all = [];
  for (const line of text.split("\n")) {
    const match = /^([a-z_]+)(?:\{(.*)\})? ([^ ]+)$/.exec(line);
    if (!match) continue;
    const labels = {};
    for (const [, name, value] of (match[2] ?? "").matchAll(/([a-z]+)="((?:[^"\\]|\\.)*)"/g)) {
      labels[name] = value.replace(/\\(.)/g, (_, next) => (next === "n" ? "\n" : next));
    }
    all.push({ name: match[1], labels, value: Number(match[3].replace("+Inf", "Infinity")) });
  }
  return all;
}

// What is shown.

function row(cells) {
  const line = document.createElement("tr");
  for (const cell of cells) {
    const place = document.createElement("td");
    if (cell instanceof Node) place.append(cell);
    else place.textContent = cell?.text ?? cell ?? "";
    if (cell?.kind) place.className = cell.kind;
    line.append(place);
  }
  return line;
}

/** Rows that are the same stay: whoever reads one, or has the focus there, is not disturbed. */
function fill(id, rows) {
  const body = $(id).tBodies[0];
  const told = JSON.stringify(rows.map((cells) => cells.map((cell) => (cell instanceof Node ? cell.outerHTML : cell))));
  if (body.dataset.told === told) return;
  body.dataset.told = told;
  body.replaceChildren(...rows.map(row));
}

const bytes = (value) => {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (value >= 1024 && unit < 4) [value, unit] = [value / 1024, unit + 1];
  return `${value.toFixed(unit && value < 10 ? 1 : 0)} ${units[unit]}`;
};
const seconds = (value) => (value < 1e-3 ? `${(value * 1e6).toFixed(0)} µs` : value < 1 ? `${(value * 1e3).toFixed(1)} ms` : `${value.toFixed(2)} s`);

let before;
const rates = [];

function showLoad(all) {
  const value = (name) => all.find((one) => one.name === `dandelion_${name}`)?.value ?? 0;
  const now = performance.now() / 1000;
  const counts = { requests: value("http_requests_total"), refused: value("refused_requests_total"), failed: value("http_failed_invocations_total") };
  const rate = (name) => (before ? (counts[name] - before.counts[name]) / (now - before.now) : 0);
  const figures = [
    ["Requests/s", rate("requests").toFixed(1)], ["Refused/s", rate("refused").toFixed(1)], ["Failed/s", rate("failed").toFixed(1)],
    ["In progress", value("requests_in_progress")], ["Waiting", value("queue_length")],
    ["Engines busy", `${value("engines_busy")} of ${value("engines_compute_cores")}`], ["Connections", value("connections")],
    ["Memory", `${bytes(value("memory_runs_bytes") + value("memory_data_bytes"))} of ${bytes(value("memory_limit_bytes"))}`],
  ];
  $("load").replaceChildren(...figures.flatMap(([name, text]) => {
    const [term, fact] = [document.createElement("dt"), document.createElement("dd")];
    [term.textContent, fact.textContent] = [name, text];
    const pair = document.createElement("div");
    pair.append(term, fact);
    return [pair];
  }));
  if (before) rates.push(rate("requests"));
  while (rates.length > 60) rates.shift();
  const most = Math.max(1, ...rates);
  const line = rates.map((one, index) => `${index ? "L" : "M"}${(index + 60 - rates.length) * (240 / 59)} ${39 - (38 * one) / most}`).join("");
  $("rate").replaceChildren(vector("path", { d: line }));
  $("rate").setAttribute("aria-label", `at most ${most.toFixed(1)} requests per second`);
  before = { counts, now };
}

function quantile(buckets, part) {
  const total = buckets.at(-1).value;
  const found = buckets.find((bucket) => bucket.value >= total * part);
  return found.bound === Infinity ? "> 67 s" : `≤ ${seconds(found.bound)}`;
}

function showLatency(all) {
  const groups = new Map();
  for (const { name, labels, value } of all) {
    if (name !== "dandelion_task_stage_seconds_bucket") continue;
    const key = `${labels.class}\n${labels.backend}\n${labels.stage}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push({ bound: labels.le === "+Inf" ? Infinity : Number(labels.le), value });
  }
  fill("latency", [...groups].filter(([, buckets]) => buckets.at(-1).value > 0).map(([key, buckets]) => {
    const total = buckets.at(-1).value;
    const bars = vector("svg", { class: "bars", viewBox: "0 0 280 20", preserveAspectRatio: "none", role: "img", "aria-label": "distribution" });
    buckets.forEach((bucket, index) => {
      const height = (20 * (bucket.value - (index ? buckets[index - 1].value : 0))) / total;
      if (height > 0) bars.append(vector("rect", { class: "bucket", x: index * 10, y: 20 - Math.max(1, height), width: 9, height: Math.max(1, height) }));
    });
    return [...key.split("\n"), { text: total, kind: "number" }, quantile(buckets, 0.5), quantile(buckets, 0.99), bars];
  }));
}

function waterfall(one) {
  const bars = vector("svg", { class: "bars", viewBox: "0 0 100 10", preserveAspectRatio: "none", role: "img" });
  const sum = stages.reduce((all, stage) => all + (one[`${stage}_ms`] ?? 0), 0);
  let at = 0;
  const told = [];
  for (const stage of stages) {
    const time = one[`${stage}_ms`] ?? 0;
    if (time <= 0) continue;
    bars.append(vector("rect", { class: stage, x: (100 * at) / sum, y: 0, width: (100 * time) / sum, height: 10 }));
    told.push(`${stage} ${time} ms`);
    at += time;
  }
  bars.setAttribute("aria-label", told.join(", ") || "no stages");
  const title = vector("title");
  title.textContent = told.join(", ");
  bars.prepend(title);
  return bars;
}

const showRecent = (recent) => fill("recent", recent.map((one) => [
  one.time.slice(11, 23), one.name, { text: one.status, kind: one.status < 400 ? "number" : "bad" }, { text: one.duration_ms, kind: "number" },
  waterfall(one), { text: one.detail ?? "", kind: "bad" },
]));

// A composition's graph: sets and calls in layers, from left to right.
function drawGraph(composition) {
  const [wide, high, gapX, gapY] = [150, 34, 60, 16];
  const layers = new Map();
  const place = new Map();
  const put = (key, layer) => {
    if (!layers.has(layer)) layers.set(layer, []);
    layers.get(layer).push(key);
    place.set(key, { layer, index: layers.get(layer).length - 1 });
  };
  composition.inputs.forEach((name) => put(`set ${name}`, 0));
  const edges = [];
  composition.calls.forEach((call, index) => {
    const sources = call.inputs.map((input) => `set ${input.set}`);
    const layer = 1 + Math.max(0, ...sources.map((key) => place.get(key)?.layer ?? 0));
    put(`call ${index}`, layer);
    call.inputs.forEach((input) => edges.push([`set ${input.set}`, `call ${index}`, input.sharding + (input.optional ? ", optional" : "")]));
    for (const name of call.outputs) {
      put(`set ${name}`, layer + 1);
      edges.push([`call ${index}`, `set ${name}`, ""]);
    }
  });
  const x = (key) => 5 + place.get(key).layer * (wide + gapX);
  const y = (key) => 5 + place.get(key).index * (high + gapY);
  const width = 10 + (Math.max(...layers.keys()) + 1) * (wide + gapX) - gapX;
  const height = 10 + Math.max(...[...layers.values()].map((keys) => keys.length)) * (high + gapY) - gapY;
  const drawing = vector("svg", { role: "img", viewBox: `0 0 ${width} ${height}`, width, height });
  const label = (text, left, top, kind) => {
    const element = vector("text", { x: left, y: top, class: kind });
    element.textContent = text.length > 22 ? `${text.slice(0, 21)}…` : text;
    return element;
  };
  for (const [from, to, note] of edges) {
    const [x1, y1, x2, y2] = [x(from) + wide, y(from) + high / 2, x(to), y(to) + high / 2];
    drawing.append(vector("path", { d: `M${x1} ${y1}C${x1 + gapX / 2} ${y1} ${x2 - gapX / 2} ${y2} ${x2} ${y2}` }));
    if (note) drawing.append(label(note, x1 + 4, (y1 + y2) / 2 - 3, "note"));
  }
  for (const key of place.keys()) {
    const isSet = key.startsWith("set ");
    const name = isSet ? key.slice(4) : composition.calls[Number(key.slice(5))].function;
    drawing.append(vector("rect", { class: isSet ? "set" : "call", x: x(key), y: y(key), width: wide, height: high, rx: isSet ? 12 : 2 }), label(name, x(key) + 8, y(key) + 21, ""));
  }
  const calls = composition.calls.map((call) => `${call.function} makes ${call.outputs.join(" and ")} of ${call.inputs.map((input) => `${input.sharding} ${input.set}`).join(" and ")}`);
  drawing.setAttribute("aria-label", calls.join("; "));
  $("graph").querySelector("svg").replaceWith(drawing);
  $("graph").querySelector("figcaption").textContent = composition.name;
  $("graph").hidden = false;
}

function graphButton(name) {
  const button = document.createElement("button");
  button.textContent = `Draw ${name}`;
  button.addEventListener("click", async () => drawGraph(await json(`/v1/compositions/${encodeURIComponent(name)}`)));
  return button;
}

async function showRegistered() {
  const [functions, compositions] = await Promise.all([json("/v1/functions"), json("/v1/compositions")]);
  fill("functions", functions.functions.map((one) => [one.name, one.class, one.inputs.join(", "), one.outputs.join(", "), bytes(one.image_bytes)]));
  fill("compositions", compositions.compositions.map((one) => [one.name, one.inputs.join(", "), one.outputs.join(", "), graphButton(one.name)]));
  const names = [...functions.functions, ...functions.communication, ...compositions.compositions].map((one) => one.name);
  $("names").replaceChildren(...names.map((name) => Object.assign(document.createElement("option"), { value: name })));
}

async function showPlugins() {
  const { plugins } = await json("/v1/plugins");
  fill("plugins", plugins.map((one) => [one.name, { text: one.availability, kind: one.availability === "available" ? "" : "bad" }, one.version, one.generation, one.quarantined || one.reason]));
}

async function refresh() {
  const reply = await ask("/metrics");
  if (!reply.ok) throw new Error(`metrics: ${reply.status}`);
  const all = samples(await reply.text());
  showLoad(all);
  showLatency(all);
  fill("tenants", all.filter((one) => one.name === "dandelion_tenant_memory_bytes").map((one) => [one.labels.tenant, bytes(one.value)]));
  showRecent((await json("/v1/recent")).invocations);
  const ready = await ask("/readyz");
  const version = all.find((one) => one.name === "dandelion_build_info")?.labels.version ?? "";
  $("state").textContent = `${location.host}, version ${version}, ${ready.ok ? "ready" : `not ready: ${(await ready.json()).detail}`}`;
  $("state").className = ready.ok ? "" : "bad";
}

/** One look after the other; a node that is away is asked on. */
async function watch(look, every) {
  for (;;) {
    if (!document.hidden) {
      try {
        await look();
      } catch (error) {
        $("state").textContent = error.message;
        $("state").className = "bad";
      }
    }
    await new Promise((next) => setTimeout(next, every));
  }
}

$("access").addEventListener("submit", (event) => {
  event.preventDefault();
  sessionStorage.setItem("token", $("token").value);
  location.reload();
});

$("invoke").addEventListener("submit", async (event) => {
  event.preventDefault();
  const query = $("class").value ? `?class=${encodeURIComponent($("class").value)}` : "";
  const begun = performance.now();
  $("result").className = "";
  $("result").textContent = "running";
  try {
    const reply = await ask(`/v1/invoke/${encodeURIComponent($("name").value)}${query}`, {
      method: "POST", body: $("text").value, headers: { "Content-Type": "application/octet-stream" },
    });
    const body = await reply.text();
    const type = reply.headers.get("Content-Type") ?? "";
    const text = type.includes("problem") ? JSON.parse(body).detail : body.slice(0, 100000);
    $("result").className = reply.ok ? "" : "bad";
    $("result").textContent = `${reply.status}, ${(performance.now() - begun).toFixed(1)} ms\n${text}`;
  } catch (error) {
    $("result").className = "bad";
    $("result").textContent = error.message;
  }
});

for (const stage of stages) {
  const [entry, mark] = [document.createElement("span"), vector("svg", { viewBox: "0 0 1 1", "aria-hidden": "true" })];
  mark.append(vector("rect", { class: stage, width: 1, height: 1 }));
  entry.append(mark, stage);
  $("legend").append(entry);
}
watch(refresh, 2000);
watch(showRegistered, 5000);
watch(showPlugins, 10000);
