// Small pictures on buttons, drawn here: fonts differ in which signs they have.
import { svg } from "./dom.js";

const SHAPES = {
  play: "M4 2.5v11l9-5.5z",
  pause: "M4 2.5h3v11H4zM9 2.5h3v11H9z",
  previous: "M3 3h2v10H3zM13 3v10L6 8z",
  next: "M11 3h2v10h-2zM3 3l7 5-7 5z",
  back: "M10.5 2.5 12 4 8 8l4 4-1.5 1.5L5 8z",
  on: "M5.5 2.5 4 4l4 4-4 4 1.5 1.5L11 8z",
  close: "M3.4 2 8 6.6 12.6 2 14 3.4 9.4 8l4.6 4.6-1.4 1.4L8 9.4 3.4 14 2 12.6 6.6 8 2 3.4z",
};

/** @param {keyof typeof SHAPES} name */
export function icon(name) {
  return svg("svg.icon", { viewBox: "0 0 16 16", width: 14, height: 14, "aria-hidden": "true" }, svg("path", { d: SHAPES[name], fill: "currentColor" }));
}
