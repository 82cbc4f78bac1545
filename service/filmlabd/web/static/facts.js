// What a run was given, what came of it, what is missing, and what it cost: tables of words.
import { el } from "./dom.js";
import { duration, number } from "./words.js";

/** @param {any} run as the server tells it */
export function facts(run) {
  return [missing(run), el("div.tables", {}, table("Configuration", run.config), table("Summary", run.summary), ...results(run.results ?? []), cost(run.blocked))];
}

function table(title, rows) {
  if (!rows?.length) return null;
  return el("section.facts", {}, el("h2", {}, title), el("div.card.scroll", {}, el("table", {}, rows.map(([name, value]) =>
    el("tr", {}, el("th", { scope: "row" }, name), el("td", {}, value))))));
}

function results(list) {
  return list.map((result) => table(result.title, result.rows));
}

function cost(blocked) {
  if (!blocked.calls) return null;
  return table("Training thread inside filmlab", [["calls", number(blocked.calls)], ["in total", duration(blocked.total_ns / 1e9)],
    ["p50", duration(blocked.p50_ns / 1e9)], ["p99", duration(blocked.p99_ns / 1e9)], ["longest", duration(blocked.max_ns / 1e9)]]);
}

function missing(run) {
  const lines = run.dropped.map((drop) => `${drop.amount} ${drop.fate}`);
  lines.push(...run.failures.map((row) => `${row.key}: ${row.reason}${row.given_up ? `, given up after ${row.strikes}` : ", tried again soon"}`));
  if (!lines.length) return null;
  return el("section.missing", {}, el("h2", {}, "What is missing"), lines.slice(0, 12).map((line) => el("p.problem", {}, line)),
    lines.length > 12 ? el("p.dim", {}, `and ${lines.length - 12} more; the Lab has them all`) : null);
}
