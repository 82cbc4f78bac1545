// The table of runs: filtered, sorted, grouped and pinned here, kept up to date by the server.
import { el, first, replace, soon, stored } from "./dom.js";
import { playOnHover } from "./hover.js";
import { get, listen } from "./net.js";
import { onKey, stands } from "./shell.js";
import { spark } from "./spark.js";
import { ago, brief, bytes, duration, moment, number, plural, rank } from "./words.js";

const COLUMNS = [
  { key: "name", title: "Run", cls: "who", value: (run) => run.name.toLowerCase(), up: true },
  { key: "status", title: "Status", cls: "c-status", value: (run) => ["running", "resumed", "crashed", "finished"].indexOf(run.status), up: true },
  { key: "episodes", title: "Episodes", cls: "num.c-episodes", value: (run) => run.episodes },
  { key: "last", title: "Last", cls: "num.c-last", value: (run) => rank(run.last) },
  { key: "best", title: "Best", cls: "num.c-best", value: (run) => rank(run.best) },
  { key: "", title: "Returns", cls: "c-spark" },
  { key: "pace", title: "Ep./s", cls: "num.c-pace", value: (run) => run.pace },
  { key: "disk", title: "Disk", cls: "num.c-disk", value: (run) => run.disk },
  { key: "drops", title: "Missing", cls: "num.c-drops", value: (run) => trouble(run).length },
  { key: "created", title: "Began", cls: "num.c-when", value: (run) => run.created },
];
const STATES = ["running", "finished", "crashed", "resumed"];

const view = { text: "", regex: false, states: new Set(), group: "", sort: "created", up: false };
let runs = first();
let byId = new Map(runs.map((run) => [run.id, run]));
const pins = new Set(stored.get("pins", []));
const picked = new Set();
const shown = new Map();
let fresh = new Set();

const $ = (id) => document.getElementById(id);
const body = el("tbody");
const heads = COLUMNS.map((column) => el(`th.${column.cls}`, { scope: "col" },
  column.key ? el("button", { type: "button", onclick: () => sortBy(column) }, column.title) : column.title));
const table = el("table.runs", { "aria-label": "Runs" },
  el("thead", {}, el("tr", {}, el("th.pick", { scope: "col" }, el("span.hidden", {}, "Pick")),
    el("th.c-poster", { scope: "col" }, el("span.hidden", {}, "Latest clip")), heads)), body);

function trouble(run) {
  const items = run.dropped.map((amount) => `${amount} dropped`);
  if (run.failed) items.push(`${plural(run.failed, "print")} given up`);
  return items;
}

function cell(run, column) {
  switch (column.key) {
    case "name": return who(run);
    case "status": return el("span", { class: `pill ${run.status}` }, run.attempt > 1 ? `${run.status} · attempt ${run.attempt}` : run.status);
    case "episodes": return run.total ? `${number(run.episodes)} / ${number(run.total)}` : number(run.episodes);
    case "last": return el("b", {}, number(run.last));
    case "best": return number(run.best);
    case "pace": return run.alive && run.pace ? number(Number(run.pace.toPrecision(2))) : "";
    case "disk": return run.disk === null ? "" : bytes(run.disk);
    case "drops": return trouble(run).length ? el("span.warn", { title: trouble(run).join(", ") }, trouble(run).join(", ")) : "";
    case "created": return el("span", { title: moment(run.created) }, ago(run.created));
    default: return spark(run.spark);
  }
}

function who(run) {
  const facts = [run.project, run.group, run.id];
  if (run.finished) facts.push(duration(run.finished - run.created));
  return [el("a", { href: `/runs/${run.id}`, title: run.name }, brief(run.name)), run.tags.map((tag) => el("span.tag", {}, tag)),
    el("small", {}, facts.filter(Boolean).join(" · "))];
}

function row(run) {
  const known = shown.get(run.id);
  if (known && known.run === run) return known.node;
  const image = run.clip?.poster ? el("img", { src: run.clip.poster, alt: "", loading: "lazy", width: 84, height: 56 }) : null;
  const thumb = el(image ? "a.thumb" : "span.thumb.none", image ? { href: `/runs/${run.id}`, "aria-label": `Latest clip of ${run.name}` } : {}, image);
  if (image) playOnHover(image, run.clip, thumb);
  const check = el("input", { type: "checkbox", "aria-label": `Compare ${run.name}`, onchange: () => pick(run.id, check.checked) });
  check.checked = picked.has(run.id);
  const pin = el("button.pin", { type: "button", "aria-label": `Pin ${run.name}`, "aria-pressed": pins.has(run.id), title: "Pin to the top",
    onclick: () => togglePin(run.id, pin) }, pins.has(run.id) ? "★" : "☆");
  const node = el("tr", { "data-run": run.id }, el("td.pick", {}, check, pin), el("td.c-poster", {}, thumb),
    COLUMNS.map((column) => el(`td.${column.cls}`, {}, cell(run, column))));
  if (fresh.has(run.id)) node.classList.add("fresh");
  shown.set(run.id, { run, node });
  return node;
}

function matches() {
  const field = $("filter");
  field.removeAttribute("aria-invalid");
  if (!view.text) return () => true;
  const words = (run) => [run.name, run.project, run.group, run.id, run.status, ...run.tags].join("\n");
  if (view.regex) {
    try {
      const pattern = new RegExp(view.text, "im");
      return (run) => pattern.test(words(run));
    } catch {
      field.setAttribute("aria-invalid", "true");
      return () => true;
    }
  }
  const parts = view.text.toLowerCase().split(/\s+/).filter(Boolean);
  return (run) => parts.every((part) => words(run).toLowerCase().includes(part));
}

function inOrder(list) {
  const column = COLUMNS.find((item) => item.key === view.sort) ?? COLUMNS.at(-1);
  const sign = view.up ? 1 : -1;
  return list.map((run) => [run, column.value(run)]).sort(([a, x], [b, y]) => {
    if (pins.has(a.id) !== pins.has(b.id)) return pins.has(a.id) ? -1 : 1;
    if (x === null || y === null) return (x === null) - (y === null);
    return x < y ? -sign : x > y ? sign : b.created - a.created;
  }).map(([run]) => run);
}

const draw = soon(() => {
  const fits = matches(), broken = $("filter").hasAttribute("aria-invalid");
  const found = inOrder(runs.filter((run) => fits(run) && (!view.states.size || view.states.has(run.status))));
  if (!runs.length) { replace($("table"), nothing()); $("tools").hidden = true; return; }
  $("tools").hidden = false;
  if (!table.isConnected) replace($("table"), table);
  const groups = new Map();
  for (const run of found) {
    const name = view.group ? run[view.group] || "–" : "";
    if (!groups.has(name)) groups.set(name, []);
    groups.get(name).push(run);
  }
  const rows = [...groups].flatMap(([name, list]) => [
    view.group ? el("tr.group", {}, el("td", { colspan: COLUMNS.length + 2 }, name, el("small", {}, plural(list.length, "run")))) : null,
    ...list.map(row)]).filter(Boolean);
  place(rows.length ? rows : [el("tr", {}, el("td.dim", { colspan: COLUMNS.length + 2 }, "No run matches."))]);
  $("count").textContent = broken ? "not a regular expression" : found.length === runs.length ? plural(runs.length, "run") : `${found.length} of ${plural(runs.length, "run")}`;
  for (const [index, column] of COLUMNS.entries()) {
    if (column.key === view.sort) heads[index].setAttribute("aria-sort", view.up ? "ascending" : "descending");
    else heads[index].removeAttribute("aria-sort");
  }
  drawStates();
  remember();
  fresh = new Set();
});

/** Rows into the table, touching only those that are not in their place: nothing flickers, focus stays. */
function place(rows) {
  rows.forEach((node, index) => { if (body.children[index] !== node) body.insertBefore(node, body.children[index] ?? null); });
  while (body.children.length > rows.length) body.lastChild.remove();
}

function drawStates() {
  const counts = new Map();
  for (const run of runs) counts.set(run.status, (counts.get(run.status) ?? 0) + 1);
  const chips = STATES.filter((state) => counts.has(state) || view.states.has(state)).map((state) =>
    el("button.chip", { type: "button", "aria-pressed": view.states.has(state), "data-state": state, onclick: () => {
      if (!view.states.delete(state)) view.states.add(state);
      draw();
    } }, `${state} ${counts.get(state) ?? 0}`));
  const focused = document.activeElement?.dataset?.state;
  replace($("states"), chips);
  if (focused) chips.find((chip) => chip.dataset.state === focused)?.focus();
}

function nothing() {
  return el("div.empty", {}, el("h2", {}, "No runs yet"),
    el("p", {}, "Start a training that uses filmlab, and it appears here by itself."),
    el("pre", {}, 'import filmlab\n\nrun = filmlab.init(project="cartpole")\nwith run.episode() as episode:\n    episode.step(action, reward, frame)\nrun.log({"loss": loss})\nrun.finish()'));
}

function sortBy(column) {
  view.up = view.sort === column.key ? !view.up : Boolean(column.up);
  view.sort = column.key;
  draw();
}

function togglePin(id, button) {
  if (!pins.delete(id)) pins.add(id);
  button.setAttribute("aria-pressed", pins.has(id));
  button.textContent = pins.has(id) ? "★" : "☆";
  stored.set("pins", [...pins]);
  draw();
}

function pick(id, on) {
  if (on) picked.add(id); else picked.delete(id);
  $("compare").disabled = picked.size < 2;
  $("compare").textContent = picked.size > 1 ? `Compare ${picked.size}` : "Compare";
}

/** The view is in the address, so that it can be shared and comes back. */
function remember() {
  const query = new URLSearchParams();
  if (view.text) query.set("q", view.text);
  if (view.regex) query.set("re", "1");
  if (view.states.size) query.set("status", [...view.states].join(","));
  if (view.group) query.set("group", view.group);
  if (view.sort !== "created" || view.up) query.set("sort", (view.up ? "" : "-") + view.sort);
  history.replaceState(null, "", query.size ? `?${query}` : location.pathname);
}

function recall() {
  const query = new URLSearchParams(location.search);
  view.text = $("filter").value = query.get("q") ?? "";
  view.regex = $("regex").checked = query.has("re");
  view.states = new Set((query.get("status") ?? "").split(",").filter((state) => STATES.includes(state)));
  view.group = $("group").value = query.get("group") ?? "";
  const sort = query.get("sort");
  if (sort) { view.up = !sort.startsWith("-"); view.sort = sort.replace(/^-/, ""); }
}

async function heard(news) {
  $("problem").hidden = !news.error;
  if (news.error) { $("problem").textContent = news.error; return; }
  for (const run of news.rows) {
    if (byId.get(run.id)?.updated !== run.updated) fresh.add(run.id);
    byId.set(run.id, run);
  }
  if (news.ids) {
    const ids = new Set(news.ids);
    byId = new Map([...byId].filter(([id]) => ids.has(id)));
    for (const id of shown.keys()) if (!ids.has(id)) shown.delete(id);
    if (byId.size < ids.size) byId = new Map((await get("/api/runs")).map((run) => [run.id, run]));
  }
  runs = [...byId.values()];
  draw();
}

$("filter").addEventListener("input", () => { view.text = $("filter").value.trim(); draw(); });
$("regex").addEventListener("change", () => { view.regex = $("regex").checked; draw(); });
$("group").addEventListener("change", () => { view.group = $("group").value; draw(); });
$("tools").addEventListener("submit", (event) => event.preventDefault());
$("compare").addEventListener("click", () => {
  location.href = `/compare?${new URLSearchParams([...picked].map((id) => ["run", id]))}`;
});
onKey("/", "filter", () => $("filter").focus());
onKey("c", "compare the picked runs", () => { if (picked.size > 1) $("compare").click(); });
$("filter").addEventListener("keydown", (event) => { if (event.key === "Escape") $("filter").blur(); });
setInterval(() => { for (const [id, item] of shown) { const at = item.node.querySelector(".c-when span"); if (at) at.textContent = ago(byId.get(id)?.created); } }, 20_000);

recall();
draw();
listen("topic=runs", heard, stands);
