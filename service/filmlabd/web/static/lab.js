// How the lab is doing, and what it costs the trainings: numbers that change while one looks.
import { el, replace } from "./dom.js";
import { get, listen, post } from "./net.js";
import { stands, toast } from "./shell.js";
import { spark } from "./spark.js";
import { ago, brief, bytes, duration, number, plural } from "./words.js";

const PARTS = [["film", "films"], ["journal", "journal"], ["index", "index"], ["spool", "spool"]];

const problem = el("p.problem", { hidden: true, role: "alert" });
const cards = el("div.lab-cards"), trainers = el("section", { "aria-label": "Trainings" }), failed = el("section", { "aria-label": "Given up" }), dropped = el("section", { "aria-label": "Dropped" });
replace(document.getElementById("lab"), el("h1.hidden", {}, "Lab"), problem, cards, failed, trainers, dropped);

function show(lab) {
  problem.hidden = !lab.error;
  if (lab.error) { problem.textContent = lab.error; return; }
  const daemon = lab.daemon;
  replace(cards, daemonCard(lab), queueCard(lab), rateCard(lab), diskCard(lab));
  problem.hidden = !daemon?.disk_full;
  if (daemon?.disk_full) problem.textContent = `Nothing can be written: ${daemon.disk_full}`;
  keep(failed, failures(lab.failures, Boolean(daemon)));
  keep(trainers, blocked(lab.trainers));
  keep(dropped, drops(lab.dropped));
}

/** New contents, unless the keyboard is in there: a button does not vanish under a finger. */
function keep(node, contents) {
  if (!node.contains(document.activeElement)) replace(node, contents);
}

function card(title, value, ...more) {
  return el("div.card.lab-card", {}, el("h2", {}, title), el("p.big", {}, value), more);
}

function daemonCard({ daemon }) {
  if (!daemon) return card("Daemon", "none", el("p.dim", {}, "A trainer starts one by itself; what there is can be looked at without."));
  return card("Daemon", daemon.stopping ? `stopping: ${daemon.stopping}` : "running", el("p.dim", {}, `version ${daemon.version} · process ${daemon.pid} · up ${duration(daemon.uptime_s)}`),
    el("p.dim", {}, `${plural(daemon.runs, "run")} alive · ${plural(daemon.sessions, "session")}${daemon.refused ? ` · ${plural(daemon.refused, "record")} refused` : ""}`));
}

function queueCard({ daemon, rates }) {
  if (!daemon) return null;
  const busy = daemon.workers.filter((worker) => worker.job).length;
  return card("Queue", `${number(daemon.queue.waiting ?? 0)} waiting`, daemon.paused ? el("p.problem", {}, `Rendering pauses: ${daemon.paused}`) : null, el("p.dim", {}, `${busy} of ${plural(daemon.workers.length, "worker")} at work`), spark(rates.waiting),
    el("ul.workers", {}, daemon.workers.map((worker) => el("li", {}, el("span", { class: worker.job ? "dot c2" : "dot c7" }), el("code", {}, worker.job || "idle"), el("span.dim", {}, ` ${worker.pid}`)))));
}

function rateCard({ daemon, rates }) {
  if (!daemon) return null;
  return card("Throughput", `${bytes(rates.bytes_s.at(-1) ?? 0)}/s`, el("p.dim", {}, `${bytes(daemon.ingested)} taken in since it began`), spark(rates.bytes_s));
}

function diskCard({ daemon, disk }) {
  const total = Object.values(disk.parts).reduce((sum, value) => sum + value, 0);
  const shares = PARTS.map(([key, title], index) => [title, disk.parts[key] ?? 0, index]).filter(([, size]) => size > 0);
  const bar = el("div.bar-parts", { "aria-hidden": "true" }, shares.map(([, size, index]) => { const part = el("i", { class: `c${index}` }); part.style.setProperty("flex-grow", size); return part; }));
  return card("State directory", bytes(total), bar, el("p.dim", {}, shares.map(([title, size, index]) => el("span.share", {}, el("i", { class: `dot c${index}` }), `${title} ${bytes(size)}`))),
    daemon?.quota ? el("p.dim", {}, `Films may take ${bytes(daemon.quota)}; the least telling go first`) : null, daemon?.closed ? el("p.problem", {}, `No film is taken: ${daemon.closed}`) : null,
    disk.free !== undefined ? el("p.dim", {}, `${bytes(disk.free)} of ${bytes(disk.all)} free`) : null, el("p.dim.path", {}, disk.state_dir));
}

function blocked(list) {
  if (!list.length) return el("div.empty", {}, el("h2", {}, "No training yet"));
  return [el("header.head", {}, el("h2", {}, "What each training was held up for"), el("p.dim", {}, "Time that the training thread spent inside filmlab, call by call, measured in the trainer itself.")),
    el("div.card.scroll", {}, el("table.facts", {}, el("thead", {}, el("tr", {}, ["Run", "Status", "Calls", "p50", "p99", "Longest", "In total", "Of its time"].map((title, index) => el(index > 1 ? "th.num" : "th", { scope: "col" }, title)))),
      el("tbody", {}, list.map((row) => el("tr", { "data-run": row.id }, el("td", {}, el("a", { href: `/runs/${row.id}`, title: `${row.name} · ${row.id}` }, brief(row.name || row.id))), el("td", {}, el("span", { class: `pill ${row.status}` }, row.status)),
        ...(row.calls ? [number(row.calls), duration(row.p50_ns / 1e9), duration(row.p99_ns / 1e9), duration(row.max_ns / 1e9), duration(row.total_ns / 1e9), share(row.share)] : ["–", "–", "–", "–", "–", "–"]).map((text) => el("td.num", {}, text)))))))];
}

function share(value) {
  if (value === null) return "–";
  return value < 0.0001 ? "under 0.01 %" : `${Number((value * 100).toPrecision(2))} %`;
}

function failures(list, alive) {
  if (!list.length) return null;
  return [el("header.head", {}, el("h2", {}, `Prints that could not be made: ${list.length}`)),
    el("div.card.scroll", {}, el("table.facts", {}, el("tbody", {}, list.map((row) => el("tr", { "data-key": row.key }, el("td", {}, el("code", {}, row.key), el("div.dim", {}, `${row.name} · ${ago(row.wall)}`)), el("td.why", {}, row.reason),
      el("td.num", {}, row.given_up ? `given up after ${row.strikes}` : `failed ${row.strikes}×, tried again`), el("td.num", {}, row.given_up ? el("button.button", { type: "button", disabled: !alive, title: alive ? "" : "no daemon is running", onclick: (event) => retry(row.key, event.target) }, "Retry") : null))))))];
}

async function retry(key, button) {
  button.disabled = true;
  try {
    await post("/api/retry", { key });
    button.blur();
    toast("It is tried again.");
  } catch (error) {
    button.disabled = false;
    toast(error.message);
  }
}

function drops(list) {
  if (!list.length) return null;
  return [el("header.head", {}, el("h2", {}, "What trainers could not hand over")),
    el("div.card.scroll", {}, el("table.facts", {}, el("tbody", {}, list.map((row) => el("tr", {}, el("td", {}, el("a", { href: `/runs/${row.run}` }, row.name || row.run)), el("td.num", {}, row.amount), el("td.num", {}, bytes(row.bytes)), el("td.why", {}, row.reason))))))];
}

get("/api/lab").then(show, (error) => { problem.textContent = error.message; problem.hidden = false; });
listen("topic=lab", show, stands);
