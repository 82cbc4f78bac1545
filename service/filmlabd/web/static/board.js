// All curves of a run: groups of panels that share their x axis, their zoom and their smoothing.
import { fetchColumns } from "./columns.js";
import { el, stored } from "./dom.js";
import { onKey, onTheme } from "./shell.js";
import { Panel } from "./panel.js";

const AXES = [["step", "step"], ["episode", "episode"], ["wall", "wall time"], ["relative", "time since the start"]];
const SMOOTHING = [1, 3, 10, 30, 100, 300, 1000, 3000];
const SETTLE_MS = 90;
const OPEN_MAX = 48;
/** Panels before a group that starts open: the page of a run with hundreds of metrics is not a mile long. */

export class Board {
  /** @param {(look: object, signal: AbortSignal) => Promise<Map<string, any[]>>} fetch columns by metric */
  constructor(fetch) {
    this.fetch = fetch;
    /** @type {Map<string, Panel>} */
    this.panels = new Map();
    this.seen = new Set();
    this.view = { axis: stored.get("axis", "step"), smoothing: stored.get("smoothing", 10), log: false, range: null, text: "" };
    /** What a series is called in a legend; attempts and writers if not given. */
    this.names = undefined;
    this.groups = el("div.groups");
    this.problem = el("p.problem", { hidden: true, role: "alert" });
    this.node = el("div.board", {}, el("h2.hidden", {}, "Curves"), this.controls(), this.problem, this.groups);
    this.watch = new IntersectionObserver((changes) => this.scrolled(changes), { rootMargin: "200px" });
    onTheme(() => this.panels.forEach((panel) => panel.paint()));
    onKey("r", "reset the zoom of the curves", () => this.zoom(null));
    onKey("l", "logarithmic or linear curves", () => { this.logBox.click(); });
  }

  controls() {
    const axis = el("select", { "aria-label": "x axis", onchange: () => this.setAxis(axis.value) }, AXES.map(([value, title]) => el("option", { value }, title)));
    axis.value = this.view.axis;
    const said = el("output");
    const range = el("input", { type: "range", min: 0, max: SMOOTHING.length - 1, step: 1, "aria-label": "Smoothing", oninput: () => smoothed() });
    const smoothed = () => {
      this.view.smoothing = SMOOTHING[range.valueAsNumber];
      said.textContent = this.view.smoothing > 1 ? `over ~${this.view.smoothing.toLocaleString("en")} points` : "off";
      range.setAttribute("aria-valuetext", said.textContent);
      stored.set("smoothing", this.view.smoothing);
      this.panels.forEach((panel) => panel.redraw());
    };
    range.value = Math.max(0, SMOOTHING.indexOf(this.view.smoothing));
    this.logBox = el("input", { type: "checkbox", onchange: () => { this.view.log = this.logBox.checked; this.panels.forEach((panel) => panel.redraw()); } });
    this.reset = el("button.button", { type: "button", hidden: true, onclick: () => this.zoom(null) }, "Reset zoom");
    const find = el("input", { type: "search", placeholder: "Metrics …", "aria-label": "Filter metrics", oninput: () => { this.view.text = find.value.toLowerCase(); this.sift(); } });
    smoothed();
    return el("div.tools", { role: "group", "aria-label": "How curves are drawn" },
      el("label.field", {}, el("span", {}, "x"), axis), el("label.field", {}, el("span", {}, "Smooth"), range, said),
      el("label.check", {}, this.logBox, "log"), find, this.reset);
  }

  /** Have a panel for each metric; those that are elsewhere on the page already stay there. */
  setMetrics(names) {
    let added = false;
    for (const name of names) {
      if (this.panels.has(name)) continue;
      this.place(name, this.add(name));
      added = true;
    }
    if (added) this.sift();
  }

  /** A panel that its caller puts somewhere. */
  add(name, more) {
    const panel = new Panel(name, this, { names: this.names, ...more });
    this.panels.set(name, panel);
    this.watch.observe(panel.node);
    return panel;
  }

  place(name, panel) {
    const title = name.includes("/") ? name.slice(0, name.indexOf("/")) : "metrics";
    let group = [...this.groups.children].find((item) => item.dataset.group === title);
    if (!group) {
      const grid = el("div.panels");
      group = el("details.group", { open: this.groups.querySelectorAll(".panel").length < OPEN_MAX, "data-group": title }, el("summary", {}, el("h3", {}, title), el("small.dim")), grid);
      const after = [...this.groups.children].find((item) => order(item.dataset.group) > order(title));
      this.groups.insertBefore(group, after ?? null);
    }
    const grid = group.querySelector(".panels");
    const after = [...grid.children].find((item) => item.dataset.metric > name);
    grid.insertBefore(panel.node, after ?? null);
  }

  sift() {
    for (const [name, panel] of this.panels) panel.node.hidden = Boolean(this.view.text) && this.groups.contains(panel.node) && !name.toLowerCase().includes(this.view.text);
    for (const group of this.groups.children) {
      const shown = [...group.querySelectorAll(".panel")].filter((panel) => !panel.hidden);
      group.hidden = !shown.length;
      group.querySelector("small").textContent = String(shown.length);
      if (this.view.text) group.open = true;
      group.style.setProperty("--panels", Math.min(4, shown.length));
    }
  }

  scrolled(changes) {
    for (const change of changes) {
      const name = change.target.dataset.metric;
      if (change.isIntersecting) this.seen.add(name); else this.seen.delete(name);
    }
    this.refresh(changes.some((change) => change.isIntersecting && !this.panels.get(change.target.dataset.metric)?.list.length) ? 0 : SETTLE_MS);
  }

  setAxis(axis) {
    this.view.axis = axis;
    this.view.range = null;
    stored.set("axis", axis);
    this.reset.hidden = true;
    this.refresh(0);
  }

  /** All panels look at the same part. @param {[number, number] | null} range of x; null: everything */
  zoom(range) {
    this.view.range = range;
    this.reset.hidden = !range;
    this.panels.forEach((panel) => { if (!range) panel.own = null; panel.zoomed(); });
    this.refresh();
  }

  /** Ask for the columns of what is seen. Several reasons to ask at a time are one. */
  refresh(wait = SETTLE_MS) {
    if (this.timer && wait > 0) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => { this.timer = 0; this.load(); }, wait);
  }

  /** Say what went wrong; nothing where all is well again. */
  fail(reason) {
    this.problem.textContent = reason;
    this.problem.hidden = !reason;
  }

  async load() {
    const metrics = [...this.seen].filter((name) => !this.panels.get(name)?.node.hidden);
    if (!metrics.length) return;
    this.abort?.abort();
    this.abort = new AbortController();
    const { axis, range } = this.view;
    // A little more than is looked at, so that it can be moved.
    const widths = metrics.map((name) => this.panels.get(name).box.clientWidth);
    const width = Math.min(1600, Math.max(200, ...widths));
    let found;
    try {
      found = await this.fetch({ metrics, axis, range, width }, this.abort.signal);
    } catch (error) {
      if (error.name !== "AbortError") this.fail(error.message);
      return;
    }
    this.fail("");
    if (axis !== this.view.axis) return;
    for (const [name, list] of found) this.panels.get(name)?.show(list);
  }
}

/** Fetches the columns of one run. */
export function ofRun(run) {
  return (look, signal) => fetchColumns(run, look, signal);
}

function order(title) {
  return title === "episode" ? "" : title === "metrics" ? "\uffff" : title;
}
