// A run's returns in the size of a word.
import { svg } from "./dom.js";
import { number, rank } from "./words.js";

const WIDTH = 132, HEIGHT = 30, PAD = 3;

/** @param {(number | string | null)[]} values means of equally many, the oldest first */
export function spark(values) {
  const known = values.map(rank).filter((value) => Number.isFinite(value));
  const box = svg("svg.spark", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img",
    "aria-label": known.length ? `returns from ${number(known[0])} to ${number(known.at(-1))}` : "no returns yet" });
  if (known.length < 2) return box;
  const low = Math.min(...known), span = Math.max(...known) - low || 1;
  const y = (value) => (HEIGHT - PAD - ((value - low) / span) * (HEIGHT - 2 * PAD)).toFixed(1);
  const points = values.map((value, index) => [((index / (values.length - 1)) * WIDTH).toFixed(1), rank(value)])
    .filter(([, value]) => Number.isFinite(value)).map(([x, value]) => `${x} ${y(value)}`);
  const line = `M${points.join("L")}`;
  const last = points.at(-1).split(" ")[0], begin = points[0].split(" ")[0];
  box.append(svg("path.under", { d: `${line}L${last} ${HEIGHT}L${begin} ${HEIGHT}Z` }), svg("path", { d: line }));
  return box;
}
