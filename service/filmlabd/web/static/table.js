// From columns to what uPlot draws: one x for all series, and for each band, raw values, average and what was superseded.
import { smooth } from "./columns.js";

export const PARTS = 5;
/** low, high, raw, line, superseded */
const SMOOTH_SHARE = 0.25;
/** Of a curve's points an average is over at most so many: five of them averaged over ten would hang far behind. */

/**
 * @param {import("./columns.js").Series[]} list
 * @param {{smoothing: number, log: boolean}} view
 * @returns {(number | null | undefined)[][]} x, then `PARTS` for each of `list`
 */
export function table(list, view) {
  const tables = list.map((series) => one(series, view));
  if (!tables.length) return [[]];
  return tables.length === 1 ? tables[0] : uPlot.join(tables);
}

function one(series, view) {
  const n = series.x.length;
  const fits = (value) => (Number.isFinite(value) && (!view.log || value > 0) ? value : null);
  const column = (values) => Array.from(values, fits);
  const mean = column(series.mean);
  const over = Math.min(view.smoothing, Math.floor(series.total * SMOOTH_SHARE));
  const average = over > 1 ? column(smooth(series, over)) : mean;
  const low = column(series.low), high = column(series.high);
  for (let i = 0; i < n; i++) if (low[i] === null) low[i] = high[i];
  // What a later attempt has played anew goes on from the last point that stands.
  const cut = series.superseded === null ? n : Array.prototype.findIndex.call(series.step, (step) => step >= series.superseded);
  const end = cut < 0 ? n : cut;
  const line = average.map((value, i) => (i < end ? value : null));
  const old = average.map((value, i) => (i >= end - 1 && end < n ? value : null));
  return [ascending(series.x), low, high, over > 1 ? mean : mean.map(() => null), line, old];
}

/** Equal positions (points logged twice at a step) are told apart by a hair: uPlot joins by x. */
function ascending(values) {
  const out = Array.from(values);
  for (let i = 1; i < out.length; i++) if (out[i] <= out[i - 1]) out[i] = out[i - 1] + Math.max(Math.abs(out[i - 1]), 1) * 1e-12;
  return out;
}
