// The picture of one metric: the band of its raw values, its average, and marks; its columns come from the board.
import { nearest } from "./columns.js";
import { el, replace } from "./dom.js";
import { colour } from "./shell.js";
import { PARTS, table } from "./table.js";
import { duration, moment, number, tick } from "./words.js";

const BAD = { nan: "NaN", inf: "∞", "-inf": "−∞" };
/** Distances between ticks of what is counted: there is no step 2.5. */
const WHOLE = Array.from({ length: 16 }, (_, power) => [1, 2, 2.5, 5].map((part) => part * 10 ** power)).flat().filter(Number.isInteger);
/** The same of a time since the start, in seconds. */
const SPANS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, ...[1, 2, 5, 10, 15, 30].map((min) => 60 * min),
  ...[1, 2, 3, 6, 12, 24, 48, 96, 240, 480, 960, 2400].map((hours) => 3600 * hours)];

export class Panel {
  /**
   * @param {string} metric
   * @param {{zoom: (range: [number, number] | null) => void, view: object}} board
   * @param {{height?: number, fill?: boolean, names?: (series: any) => string}} [more]
   */
  constructor(metric, board, { height = 180, fill = false, names = named } = {}) {
    this.metric = metric;
    this.board = board;
    this.least = height;
    this.fill = fill;
    this.names = names;
    this.list = [];
    this.plot = null;
    this.layers = [];
    this.last = el("b");
    this.of = el("small.dim");
    this.readout = el("span.readout.dim", { "aria-hidden": "true" });
    this.note = el("p.bad-note", { hidden: true });
    this.keys = el("div.series", { hidden: true });
    this.box = el("div.plot");
    this.node = el("figure.panel.card", { tabindex: 0, "data-metric": metric, "aria-label": metric, onkeydown: (event) => this.key(event) },
      el("figcaption", {}, el("span.metric", { title: metric }, metric), this.of, el("span.grow"), this.readout, this.last), this.keys, this.box, this.note);
    new ResizeObserver(() => this.fit()).observe(this.box);
  }

  /** Show these series. @param {import("./columns.js").Series[]} list */
  show(list) {
    this.list = list;
    const shape = JSON.stringify([list.map((series) => [series.run, series.writer, series.attempt]), this.board.view.log, this.board.view.axis, list[0]?.unit, this.drawable]);
    this.tell();
    if (shape !== this.shape || !this.plot) {
      this.shape = shape;
      this.make();
    } else {
      this.plot.setData(table(list, this.board.view), false);
      this.zoomed();
    }
  }

  /** Whether it is drawn on the board's axis; returns stay with their episodes where steps say too little of them. */
  get shared() {
    return this.unit === this.board.view.axis;
  }

  get unit() {
    return this.list[0]?.unit ?? this.board.view.axis;
  }

  /** Whether any value can be drawn at all: an axis of nothing has no width, and what is beside it would be cut. */
  get drawable() {
    return this.list.some((series) => series.mean.some(Number.isFinite));
  }

  /** The part that is looked at: that of the board, or its own. */
  get range() {
    return this.shared ? this.board.view.range : this.own ?? null;
  }

  zoom(range) {
    if (this.shared || !range) { this.board.zoom(range); return; }
    this.own = range;
    this.zoomed();
  }

  /** The same points in another view of them. */
  redraw() {
    this.show(this.list);
  }

  /** Look at the part of the board. */
  zoomed() {
    if (!this.plot?.data[0].length) return;
    const xs = this.plot.data[0];
    const [min, max] = this.range ?? [xs[0], xs.at(-1)];
    // A single point stands in the middle.
    this.plot.setScale("x", max > min ? { min, max } : { min: min - 1, max: max + 1 });
  }

  /** Colours, after the theme has changed. */
  paint() {
    if (this.plot) this.make();
  }

  make() {
    this.plot?.destroy();
    const width = this.box.clientWidth;
    this.plot = null;
    if (!width || !this.list.length) return;
    this.plot = new uPlot(this.options(width), table(this.list, this.board.view), this.box);
    this.zoomed();
  }

  /** Of the drawing, in px: all the room there is, or what was said. */
  get height() {
    return this.fill ? Math.max(this.least, this.box.clientHeight) : this.least;
  }

  fit() {
    const width = this.box.clientWidth, height = this.height;
    if (!width) return;
    if (!this.plot) this.make();
    else if (Math.abs(this.plot.width - width) > 1 || Math.abs(this.plot.height - height) > 1) this.plot.setSize({ width, height });
  }

  options(width) {
    const ink = colour("--muted"), grid = { stroke: colour("--line"), width: 1 };
    const axis = { stroke: ink, grid, ticks: { show: false }, font: `11px ${colour("--sans")}` };
    const wall = this.unit === "wall";
    return {
      width, height: this.height, legend: { show: false }, padding: [8, 10, 0, 0],
      scales: { x: { time: wall }, y: { distr: this.board.view.log ? 3 : 1, ...(this.drawable ? {} : { range: [0, 1] }) } },
      axes: [
        { ...axis, size: 26, ...(wall ? { space: 70 } : { incrs: this.unit === "relative" ? SPANS : WHOLE }),
          values: (_, ticks, _axis, _space, apart) => ticks.map((value) => (wall ? tick(value, apart) : this.position(value))) },
        { ...axis, size: 52, values: (_, ticks) => ticks.map((value) => (value === null ? "" : number(value))) },
      ],
      series: [{}, ...this.list.flatMap((_, index) => this.parts(index))],
      bands: this.list.map((_, index) => ({ series: [2 + index * PARTS, 1 + index * PARTS], fill: this.ink(index, "2e") })),
      cursor: {
        drag: { x: true, y: false, setScale: false }, points: { size: 6 },
        sync: { key: "board", setSeries: false, scales: ["x", null], filters: { pub: (type) => type === "mousemove" || type === "mouseleave" } },
        bind: { dblclick: () => () => this.zoom(null) },
      },
      hooks: {
        setSelect: [(plot) => this.selected(plot)],
        setCursor: [(plot) => this.pointed(plot)],
        draw: [(plot) => { this.drawBad(plot); for (const layer of this.layers) layer.draw(plot); }],
      },
    };
  }

  parts(index) {
    const none = { stroke: null, width: 0, points: { show: false } };
    const line = { stroke: this.ink(index), width: 1.6, points: { show: false } };
    const alone = this.list[index].x.length === 1;
    return [
      none, none, { stroke: this.ink(index, "55"), width: 1, points: { show: false } },
      { ...line, points: { show: alone, size: 6, fill: this.ink(index) } },
      { stroke: this.ink(index, "88"), width: 1, dash: [4, 4], points: { show: false } },
    ];
  }

  ink(index, alpha = "") {
    const place = this.list[index].hue ?? index;
    return colour(`--c${place % 8}`) + alpha;
  }

  selected(plot) {
    if (plot.select.width < 5) return;
    const range = [plot.posToVal(plot.select.left, "x"), plot.posToVal(plot.select.left + plot.select.width, "x")];
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.zoom(range);
  }

  pointed(plot) {
    const at = plot.cursor.idx;
    for (const layer of this.layers) layer.pointed?.(plot);
    if (at === null || at === undefined) { replace(this.readout); return; }
    const x = plot.posToVal(plot.cursor.left, "x");
    const values = this.list.map((series, index) => {
      const place = nearest(x, series.x);
      return place < 0 ? null : el("span", {}, el("i", { class: `dot c${(series.hue ?? index) % 8}` }), number(series.mean[place]));
    });
    replace(this.readout, el("span", {}, this.position(x, true)), values.slice(0, 4));
  }

  position(value, whole = false) {
    switch (this.unit) {
      case "wall": return moment(value);
      case "relative": return duration(value);
      default: {
        const shown = Math.abs(value) >= 100 || whole ? Math.round(value) : Number(value.toPrecision(3));
        return Math.abs(shown) >= 1e5 && !whole ? `${number(Number((shown / 1e3).toPrecision(4)))}k` : number(shown);
      }
    }
  }

  key(event) {
    const xs = this.plot?.data[0];
    if (event.target !== this.node || !xs?.length) return;
    const [min, max] = this.range ?? [xs[0], xs.at(-1)], span = max - min;
    const moves = { "+": [0.25, -0.25], "=": [0.25, -0.25], "-": [-0.5, 0.5], ArrowLeft: [-0.2, -0.2], ArrowRight: [0.2, 0.2] };
    const move = moves[event.key];
    if (event.key === "Escape" || event.key === "0") this.zoom(null);
    else if (move) this.zoom([min + move[0] * span, max + move[1] * span]);
    else return;
    event.preventDefault();
  }

  /** Last value, legend, and what is no number: the first of it by name. */
  tell() {
    const last = this.list.at(-1), runs = new Set(this.list.map((series) => series.run));
    this.of.textContent = last && !this.shared ? `by ${this.unit}` : "";
    this.last.textContent = last && runs.size < 2 ? number(last.last) : "";
    const bad = this.list.filter((series) => series.first_bad);
    const count = this.list.reduce((sum, series) => sum + series.bad_total, 0);
    this.note.hidden = !bad.length;
    if (bad.length) {
      const first = bad.reduce((a, b) => (b.first_bad.step < a.first_bad.step ? b : a)).first_bad;
      this.note.textContent = `${count.toLocaleString("en")} not finite, the first ${BAD[first.what]} at step ${first.step.toLocaleString("en")}`;
    }
    this.keys.hidden = this.list.length < 2;
    replace(this.keys, this.list.length < 2 ? [] : this.list.map((series, index) =>
      el("span", {}, el("i", { class: `dot c${(series.hue ?? index) % 8}` }), this.names(series))));
  }

  /** Marks on the x axis where a column holds values that are not finite. */
  drawBad(plot) {
    const { ctx, bbox } = plot, size = 5 * devicePixelRatio, base = bbox.top + bbox.height;
    ctx.save();
    ctx.fillStyle = colour("--bad");
    for (const series of this.list) {
      for (let i = 0; i < series.x.length; i++) {
        if (!series.bad[i]) continue;
        const x = plot.valToPos(series.x[i], "x", true);
        if (x < bbox.left || x > bbox.left + bbox.width) continue;
        ctx.beginPath();
        ctx.moveTo(x - size, base);
        ctx.lineTo(x + size, base);
        ctx.lineTo(x, base - 1.6 * size);
        ctx.fill();
      }
    }
    ctx.restore();
  }
}

function named(series) {
  const parts = [series.writer === "main" ? "" : series.writer, `attempt ${series.attempt}`];
  return parts.filter(Boolean).join(", ");
}
