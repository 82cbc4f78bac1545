// Several runs on one picture: each by itself, or the mean of a group with a band of one standard deviation.
import { between } from "./columns.js";

const GRID = 240;

/**
 * One series for each run and writer: what a later attempt has played anew is left out of the earlier one.
 * @param {import("./columns.js").Series[]} list of one metric, with `run`, `label`, `group` and `hue`
 */
export function stitch(list) {
  const found = new Map();
  for (const series of list) {
    const key = `${series.run}\n${series.writer}`;
    if (!found.has(key)) found.set(key, []);
    found.get(key).push(series);
  }
  return [...found.values()].map((attempts) => join(attempts.sort((a, b) => a.attempt - b.attempt)));
}

function join(attempts) {
  const rows = [];
  for (const series of attempts) {
    for (let i = 0; i < series.x.length; i++) if (series.superseded === null || series.step[i] < series.superseded) rows.push([series, i]);
  }
  rows.sort(([a, i], [b, k]) => a.x[i] - b.x[k]);
  const column = (name) => Float64Array.from(rows, ([series, i]) => series[name][i]);
  const last = attempts.at(-1);
  return { ...last, superseded: null, total: attempts.reduce((sum, series) => sum + series.total, 0), x: column("x"), step: column("step"), low: column("low"), high: column("high"), mean: column("mean"), count: column("count"), bad: column("bad") };
}

/**
 * The mean of each group, over the runs that have something there.
 * @param {ReturnType<typeof stitch>} list
 */
export function byGroup(list) {
  const groups = new Map();
  for (const series of list) {
    if (!groups.has(series.group)) groups.set(series.group, []);
    groups.get(series.group).push(series);
  }
  return [...groups].map(([name, members], index) => average(name, members.filter((item) => item.x.length), index)).filter(Boolean);
}

function average(name, members, hue) {
  if (!members.length) return null;
  const first = Math.min(...members.map((item) => item.x[0])), last = Math.max(...members.map((item) => item.x.at(-1)));
  const size = last > first ? GRID : 1, cell = (last - first) / Math.max(size - 1, 1);
  const make = () => new Float64Array(size);
  const out = { x: make(), step: make(), low: make(), high: make(), mean: make(), count: make(), bad: make() };
  for (let i = 0; i < size; i++) {
    const x = i === size - 1 ? last : first + cell * i;
    const values = members.map((item) => at(item, x, cell)).filter(Number.isFinite);
    const mean = values.reduce((sum, value) => sum + value / values.length, 0);
    const spread = Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2 / values.length, 0));
    out.x[i] = out.step[i] = x;
    out.count[i] = values.length;
    out.mean[i] = values.length ? mean : NaN;
    out.low[i] = values.length ? mean - spread : NaN;
    out.high[i] = values.length ? mean + spread : NaN;
  }
  const lasts = members.map((item) => item.last).filter(Number.isFinite);
  return { ...members[0], ...out, run: name, label: `${name || "no group"} · ${members.length}`, hue, superseded: null, first_bad: null, bad_total: 0,
    last: lasts.length ? lasts.reduce((sum, value) => sum + value / lasts.length, 0) : null };
}

/**
 * The value at x, on the line between its neighbours. The first and the last point stand for as much beyond the ends as
 * points are apart: runs of one length never end at quite the same x, and the mean would leap to whichever is longer.
 */
function at(series, x, cell) {
  const xs = series.x, n = xs.length;
  const reach = Math.max(cell, n > 1 ? (xs[n - 1] - xs[0]) / (n - 1) : 0);
  if (x < xs[0] - reach || x > xs[n - 1] + reach) return NaN;
  return between(x, xs, series.mean);
}
