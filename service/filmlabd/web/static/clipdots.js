// Curve and episode belong together: kept episodes are dots on the curve, the nearest shows its picture, a click plays it.
import { between, nearest } from "./columns.js";
import { el, replace } from "./dom.js";
import { FILM } from "./kinds.js";
import { colour } from "./shell.js";
import { number, rank } from "./words.js";

const APART_PX = 9;

/** Of very many dots an even selection, so that the curve is not buried: at most one for `APART_PX` of the width. */
export function thinned(dots, width_px) {
  const every = Math.max(1, Math.ceil(dots.length / Math.max(1, width_px / APART_PX)));
  return every > 1 ? dots.filter((_, index) => index % every === 0) : dots;
}

export class ClipDots {
  /** @param {import("./panel.js").Panel} panel of the returns @param {(clip: any) => void} play */
  constructor(panel, play) {
    this.panel = panel;
    this.play = play;
    this.clips = [];
    this.dots = [];
    this.near = null;
    this.card = el("div.preview", { hidden: true, "aria-hidden": "true" });
    panel.layers.push(this);
    panel.box.append(this.card);
    let pressed = 0;
    panel.box.addEventListener("pointerdown", (event) => { pressed = event.clientX; });
    // A drag is a zoom, and ends with a click as well.
    panel.box.addEventListener("click", (event) => { if (this.near && Math.abs(event.clientX - pressed) < 4) this.play(this.near.clip); });
    panel.box.addEventListener("pointerleave", () => this.hide());
    panel.node.addEventListener("keydown", (event) => { if (event.key === "Enter" && event.target === panel.node && this.dots.length) this.play((this.near ?? this.dots.at(-1)).clip); });
  }

  /** @param {any[]} clips of the run */
  set(clips) {
    this.clips = clips.filter((clip) => clip.clip && !clip.medium && rank(clip.return) !== null);
    this.locate();
    this.panel.plot?.redraw(false);
  }

  /** Where each clip's episode lies on the axis in force. */
  locate() {
    this.dots = this.clips.map((clip) => {
      const series = this.panel.list.find((item) => item.writer === clip.writer && item.attempt === clip.attempt);
      return { x: series ? between(clip.episode, series.step, series.x) : NaN, y: rank(clip.return), clip };
    }).filter((dot) => Number.isFinite(dot.x) && Number.isFinite(dot.y)).sort((a, b) => a.x - b.x);
    this.xs = this.dots.map((dot) => dot.x);
  }

  draw(plot) {
    this.locate();
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.beginPath();
    // The first and the last are whole.
    const beyond = 5 * devicePixelRatio;
    ctx.rect(bbox.left - beyond, bbox.top, bbox.width + 2 * beyond, bbox.height + beyond);
    ctx.clip();
    ctx.fillStyle = colour("--card");
    ctx.strokeStyle = colour("--ink");
    ctx.setLineDash([]);
    ctx.lineWidth = 1.4 * devicePixelRatio;
    const { min, max } = plot.scales.x;
    for (const dot of thinned(this.dots.filter((item) => item.x >= min && item.x <= max), bbox.width / devicePixelRatio)) {
      ctx.beginPath();
      ctx.arc(plot.valToPos(dot.x, "x", true), plot.valToPos(dot.y, "y", true), 3.4 * devicePixelRatio, 0, 7);
      ctx.fill();
      ctx.stroke();
    }
    ctx.restore();
  }

  pointed(plot) {
    if (!this.dots.length || plot.cursor.left < 0 || !this.panel.box.matches(":hover")) { this.hide(); return; }
    const dot = this.dots[nearest(plot.posToVal(plot.cursor.left, "x"), this.xs)];
    if (dot !== this.near) {
      this.near = dot;
      const { clip } = dot;
      replace(this.card, el("img", { src: clip.kind === FILM ? clip.poster : clip.clip, alt: "" }),
        el("span", {}, el("b", {}, `Episode ${number(clip.episode)}`), el("span.grow"), el("b", {}, number(clip.return))), el("span.dim", {}, clip.reason));
    }
    this.card.hidden = false;
    const width = this.panel.box.clientWidth, left = plot.valToPos(dot.x, "x") + plot.bbox.left / devicePixelRatio;
    this.card.style.setProperty("left", `${Math.max(4, Math.min(width - 196, left < width / 2 ? left + 14 : left - 204))}px`);
    plot.over.style.setProperty("cursor", "pointer");
  }

  hide() {
    this.card.hidden = true;
    this.near = null;
  }
}
