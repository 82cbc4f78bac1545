// The page of one run: its clip, its curves, its gallery, and what it records; kept up to date while it lives.
import { Board, ofRun } from "./board.js";
import { ClipDots } from "./clipdots.js";
import { el, first, replace } from "./dom.js";
import { facts } from "./facts.js";
import { Gallery } from "./gallery.js";
import { Hero } from "./hero.js";
import { get, listen } from "./net.js";
import { Player } from "./player.js";
import { Record } from "./record.js";
import { onKey, stands, toast } from "./shell.js";
import { ago, duration, moment, number } from "./words.js";

const RETURN = "episode/return";
const head = first();
const id = head.id;

const player = new Player(id);
const gallery = new Gallery((list, clip) => player.open(list, clip));
const playOne = (clip) => player.open(gallery.clips.filter((item) => !item.medium), clip);
const hero = new Hero(playOne);
const board = new Board(ofRun(id));
const returns = board.add(RETURN, { height: 230, fill: true });
const dots = new ClipDots(returns, playOne);
const record = new Record(id);
const title = el("header.run-head"), stats = el("dl.stats"), tables = el("div"), problem = el("p.problem", { hidden: true, role: "alert" });

replace(document.getElementById("run"), title, problem, el("div.top", {}, hero.node, el("div.side", {}, stats, returns.node)),
  el("nav.jump", { "aria-label": "Parts of this page" }, [["curves", "Curves"], ["gallery", "Gallery"], ["record", "Recording"], ["facts", "Config and results"]].map(([name, text]) => el("a", { href: `#${name}` }, text))),
  el("section#curves", { "aria-label": "Curves" }, board.node), gallery.node, record.node, el("section#facts", { "aria-label": "Configuration and results" }, tables));

const recordNow = el("button.button.main", { type: "button", title: "The episode that begins next (n)", onclick: () => record.ask({ next: 1 }).then(() => toast(record.said.textContent)) }, "Record next");

function drawHead(run) {
  const facts = [run.project, run.group, run.id, `began ${moment(run.created)}`, run.finished ? `took ${duration(run.finished - run.created)}` : `updated ${ago(run.updated)}`];
  const menu = el("details.menu", {}, el("summary.button", {}, "Save ▾"), el("div.card", {},
    link("Metrics as CSV", `/prints/${id}/metrics.csv`), link("Metrics as JSON", `/prints/${id}/metrics.json`), link("The run as one HTML file", `/prints/${id}/export.html`)));
  const open = title.querySelector("details")?.open;
  menu.open = Boolean(open);
  replace(title, el("h1", {}, run.name), el("span", { class: `pill ${run.status}` }, run.attempt > 1 ? `${run.status} · attempt ${run.attempt}` : run.status),
    run.tags.map((tag) => el("span.tag", {}, tag)), el("span.grow"), run.alive ? recordNow : null, el("a.button", { href: `/compare?run=${id}` }, "Compare"), menu, el("p.dim", {}, facts.filter(Boolean).join(" · ")));
}

function link(text, href) {
  return el("a", { href, download: "" }, text);
}

function drawStats(run, glance) {
  const items = [["Episodes", run.total ? `${number(run.episodes)} / ${number(run.total)}` : number(run.episodes)], ["Last return", number(glance.last)], ["Best return", number(glance.best)],
    ["Points", number(glance.points), "Values of all metrics together"], ["In filmlab, p99", glance.blocked?.calls ? duration(glance.blocked.p99_ns / 1e9) : "–", "Of a hundred calls into filmlab, 99 held the training up for no longer than this"]];
  replace(stats, items.map(([name, value, title]) => el("div", { title }, el("dt", {}, name), el("dd", {}, value))));
}

const known = { points: -1, told: -1, films: "", plan: -1, status: "" };
let glance = { last: null, best: null, points: null, blocked: null };

/** What the server tells of the run: as little as says which parts are out of date. */
async function heard(stand) {
  problem.hidden = !stand.error;
  if (stand.error) { problem.textContent = stand.error; return; }
  const jobs = [];
  const films = JSON.stringify(stand.films);
  if (films !== known.films) jobs.push(loadClips());
  if (["points", "told", "status"].some((part) => stand[part] !== known[part]) || films !== known.films) jobs.push(loadRun());
  if (stand.points !== known.points) board.refresh();
  if (stand.plan !== known.plan || stand.episodes !== known.episodes || stand.alive !== known.alive) jobs.push(record.refresh());
  Object.assign(known, stand, { films });
  glance.points = stand.points;
  drawHead(stand);
  drawStats(stand, glance);
  await Promise.all(jobs);
}

async function loadRun() {
  const run = await get(`/api/runs/${id}`);
  board.setMetrics(run.metrics.map((metric) => metric.name));
  const found = run.metrics.find((metric) => metric.name === RETURN);
  returns.node.hidden = !found;
  glance = { ...glance, last: found?.last ?? null, best: found?.best ?? null, blocked: run.blocked };
  drawStats(run, glance);
  replace(tables, facts(run));
}

async function loadClips() {
  const clips = await get(`/api/runs/${id}/episodes`);
  gallery.set(clips);
  hero.set(clips);
  dots.set(clips);
}

onKey("g", "to the gallery", () => gallery.node.scrollIntoView());
onKey("p", "play the newest clip", () => { const clip = hero.chosen(); if (clip) playOne(clip); });
onKey("n", "record the next episode", () => { if (known.alive) record.ask({ next: 1 }).then(() => toast(record.said.textContent)); });
drawHead(head);
drawStats(head, glance);
listen(`topic=run&run=${id}`, (stand) => heard(stand).catch((error) => { problem.textContent = error.message; problem.hidden = false; }), stands);
