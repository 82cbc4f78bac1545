// Columns of curves as the server sends them, and what is worked out of them here.
import { getBuffer } from "./net.js";

const ROWS = ["x", "step", "low", "high", "mean", "count", "bad"];

/**
 * @typedef {object} Series one metric of one writer in one attempt
 * @property {string} metric @property {string} writer @property {number} attempt
 * @property {number} total points in all, `bad_total` of them not finite @property {number | null} superseded a later attempt began at this step
 * @property {Float64Array} x @property {Float64Array} step @property {Float64Array} low @property {Float64Array} high
 * @property {Float64Array} mean @property {Float64Array} count @property {Float64Array} bad
 */

/**
 * Columns of some metrics of a run, by metric.
 * @param {string} run
 * @param {{metrics: string[], axis: string, width: number, range: [number, number] | null}} look
 * @param {AbortSignal} [signal]
 * @returns {Promise<Map<string, Series[]>>}
 */
export async function fetchColumns(run, look, signal) {
  const query = new URLSearchParams(look.metrics.map((metric) => ["m", metric]));
  query.set("x", look.axis);
  query.set("w", String(look.width));
  if (look.range) { query.set("from", String(look.range[0])); query.set("to", String(look.range[1])); }
  const found = new Map(look.metrics.map((metric) => [metric, []]));
  for (const series of decode(await getBuffer(`/api/runs/${run}/curves?${query}`, signal))) found.get(series.metric)?.push(series);
  return found;
}

/** @param {ArrayBuffer} buffer @returns {Series[]} */
export function decode(buffer) {
  const length = new DataView(buffer).getUint32(0, true);
  const head = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, length)));
  let at = 4 + length;
  return head.series.map((facts) => {
    const series = { ...facts, total: facts.count, bad_total: facts.bad };
    for (const row of ROWS) {
      series[row] = new Float64Array(buffer, at, facts.n);
      at += 8 * facts.n;
    }
    return series;
  });
}

/**
 * The running average over about so many points, as an exponential one. A column stands for as many points as it has,
 * so that the curve is the same however far it is zoomed in. Starts without leaning towards 0.
 * @returns {Float64Array} NaN where a column has no finite value
 */
export function smooth(series, points) {
  const keep = 1 - 2 / (points + 1);
  const out = new Float64Array(series.mean.length).fill(NaN);
  let sum = 0, weight = 0;
  for (let i = 0; i < out.length; i++) {
    if (!(series.count[i] > 0)) continue;
    const left = keep ** series.count[i];
    sum = left * sum + (1 - left) * series.mean[i];
    weight = left * weight + (1 - left);
    out[i] = sum / weight;
  }
  return out;
}

/** Where, between ascending `xs`, a value of `froms` lies: for things that are known by another axis. */
export function between(value, froms, xs) {
  const n = froms.length;
  if (!n) return NaN;
  let low = 0, high = n - 1;
  if (value <= froms[0]) return xs[0];
  if (value >= froms[high]) return xs[high];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (froms[middle] <= value) low = middle; else high = middle;
  }
  const span = froms[high] - froms[low];
  return span > 0 ? xs[low] + ((xs[high] - xs[low]) * (value - froms[low])) / span : xs[low];
}

/** The place in ascending `xs` that is nearest to x; −1 where there is none. */
export function nearest(x, xs) {
  if (!xs.length) return -1;
  let low = 0, high = xs.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (xs[middle] <= x) low = middle; else high = middle;
  }
  return Math.abs(xs[low] - x) <= Math.abs(xs[high] - x) ? low : high;
}
