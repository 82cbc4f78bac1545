// Several runs in the same pictures, by themselves or as the mean of their groups; and two clips in step.
import { Board } from "./board.js";
import { fetchColumns } from "./columns.js";
import { el, replace, stored } from "./dom.js";
import { Duet } from "./duet.js";
import { byGroup, stitch } from "./groups.js";
import { get, listen } from "./net.js";
import { stands } from "./shell.js";
import { brief, number, plural } from "./words.js";

const RUNS_MAX = 24;
const GROUPS = [["", "each run"], ["group", "mean by group"], ["project", "mean by project"], ["all", "mean of all"]];

let runs = [];
let chosen = new URLSearchParams(location.search).getAll("run").slice(0, RUNS_MAX);
let grouping = stored.get("compare.by", "");

const board = new Board(fetchAll);
board.names = (series) => series.label;
const duet = new Duet();
const chips = el("div.picked", { role: "list", "aria-label": "Runs that are compared" });
const add = el("select", { "aria-label": "Add a run", onchange: () => { if (add.value) choose([...chosen, add.value]); } });
const by = el("select", { "aria-label": "Show", onchange: () => { grouping = by.value; stored.set("compare.by", grouping); board.refresh(0); } }, GROUPS.map(([value, title]) => el("option", { value }, title)));
by.value = grouping;
const problem = el("p.problem", { hidden: true, role: "alert" });
const empty = el("div.empty", { hidden: true }, el("h2", {}, "Nothing to compare yet"), el("p", {}, "Pick two runs or more here, or tick them in the table of runs."));
replace(document.getElementById("compare"), el("header.run-head", {}, el("h1", {}, "Compare"), el("span.grow"), el("label.field", {}, el("span", {}, "Show"), by), add), problem, chips, empty, board.node, duet.node);

async function fetchAll(look, signal) {
  const parts = await Promise.all(chosen.map((run) => fetchColumns(run, look, signal)));
  const found = new Map(look.metrics.map((metric) => [metric, []]));
  parts.forEach((columns, index) => {
    const run = runs.find((item) => item.id === chosen[index]);
    if (!run) return;
    const group = grouping === "all" ? "all" : run[grouping] || "";
    for (const [metric, list] of columns) found.get(metric).push(...list.map((series) => ({ ...series, run: run.id, group, hue: index, label: label(run, series) })));
  });
  for (const [metric, list] of found) found.set(metric, grouping ? byGroup(stitch(list)) : stitch(list));
  return found;
}

function label(run, series) {
  const same = runs.filter((item) => chosen.includes(item.id) && item.name === run.name).length > 1;
  return [brief(run.name) + (same ? ` (${run.id})` : ""), series.writer === "main" ? "" : series.writer].filter(Boolean).join(", ");
}

function choose(list) {
  chosen = [...new Set(list)].slice(0, RUNS_MAX);
  history.replaceState(null, "", chosen.length ? `?${new URLSearchParams(chosen.map((id) => ["run", id]))}` : location.pathname);
  draw();
  load();
}

function draw() {
  replace(add, el("option", { value: "" }, "Add a run …"), runs.filter((run) => !chosen.includes(run.id)).map((run) => el("option", { value: run.id }, `${brief(run.name)} · ${run.project} · ${run.id}`)));
  replace(chips, chosen.map((id, index) => {
    const run = runs.find((item) => item.id === id);
    if (!run) return null;
    return el("div.pick", { role: "listitem" }, el("i", { class: `dot c${index % 8}` }), el("a", { href: `/runs/${id}`, title: run.name }, brief(run.name)), el("span.dim", {}, [run.group, `best ${number(run.best)}`, plural(run.episodes, "episode")].filter(Boolean).join(" · ")),
      el("button.quiet", { type: "button", "aria-label": `Leave out ${run.name}`, onclick: () => choose(chosen.filter((item) => item !== id)) }, "×"));
  }));
  empty.hidden = chosen.length > 0;
  board.node.hidden = !chosen.length;
}

async function load() {
  if (!chosen.length) { duet.node.hidden = true; return; }
  const about = await Promise.all(chosen.map((id) => get(`/api/runs/${id}`)));
  board.setMetrics([...new Set(about.flatMap((run) => run.metrics.map((metric) => metric.name)))].sort());
  board.refresh(0);
  const clips = await Promise.all(chosen.map((id) => get(`/api/runs/${id}/episodes`)));
  duet.set(chosen.map((id, index) => ({ run: id, label: about[index].name, clips: clips[index].filter((clip) => clip.clip && !clip.medium) })));
}

let points = "";
async function heard(news) {
  problem.hidden = !news.error;
  if (news.error) { problem.textContent = news.error; return; }
  const first = !runs.length;
  const known = new Map(runs.map((run) => [run.id, run]));
  for (const run of news.rows) known.set(run.id, run);
  runs = [...known.values()];
  if (first) { choose(chosen.filter((id) => known.has(id))); return; }
  const now = chosen.map((id) => known.get(id)?.updated).join();
  if (now !== points) { points = now; board.refresh(); if (!chips.contains(document.activeElement)) draw(); }
}

listen("topic=runs", (news) => heard(news).catch((error) => { problem.textContent = error.message; problem.hidden = false; }), stands);
draw();
duet.node.hidden = true;
