// What an episode's steps were: rewards as bars, their sum as a line, actions as colours or lines; and where we are.
import { el } from "./dom.js";
import { colour } from "./shell.js";
import { number } from "./words.js";

const HEIGHT = 84, ACTIONS = 22;

export class Strip {
  /** @param {(step: number) => void} chosen */
  constructor(chosen) {
    this.steps = null;
    this.at = 0;
    this.canvas = el("canvas.strip-canvas", { role: "img", "aria-label": "rewards and actions of each step" });
    this.said = el("div.strip-said");
    this.node = el("div.strip", {}, this.canvas, this.said);
    const seek = (event) => { if (event.buttons && this.steps) chosen(Math.floor((event.offsetX / this.canvas.clientWidth) * this.steps.rewards.length)); };
    this.canvas.addEventListener("pointerdown", seek);
    this.canvas.addEventListener("pointermove", seek);
    new ResizeObserver(() => this.draw()).observe(this.canvas);
  }

  /** @param {{rewards: (number | null)[], actions: any[]} | null} steps */
  show(steps) {
    this.steps = steps?.rewards.length ? steps : null;
    this.node.hidden = !this.steps;
    if (this.steps) {
      let sum = 0;
      this.sums = steps.rewards.map((reward) => (sum += reward ?? 0));
      this.kinds = kinds(steps.actions);
    }
    this.draw();
  }

  /** @param {number} step −1 before the first */
  seek(step) {
    this.at = step;
    this.draw();
  }

  draw() {
    if (!this.steps) return;
    const { rewards, actions } = this.steps, n = rewards.length, scale = devicePixelRatio;
    const width = this.canvas.clientWidth;
    if (!width) return;
    this.canvas.width = width * scale;
    this.canvas.height = HEIGHT * scale;
    const ctx = this.canvas.getContext("2d");
    ctx.scale(scale, scale);
    this.bars(ctx, width, n, rewards);
    this.line(ctx, width, n, this.sums, colour("--c1"), 4, HEIGHT - ACTIONS - 8);
    this.acts(ctx, width, n, actions);
    if (this.at >= 0) {
      ctx.fillStyle = colour("--ink");
      ctx.fillRect(((this.at + 0.5) / n) * width - 1, 0, 2, HEIGHT);
    }
    const reward = rewards[this.at], shown = this.at >= 0 && this.at < n;
    this.said.replaceChildren(...(shown ? [part("step", `${number(this.at)}`), part("reward", number(reward)), part("return so far", number(this.sums[this.at])), part("action", said(actions[this.at]))] : [part("step", "before the first")]));
  }

  bars(ctx, width, n, rewards) {
    const known = rewards.filter(Number.isFinite), most = Math.max(1e-12, ...known.map(Math.abs)), below = known.some((value) => value < 0);
    const room = HEIGHT - ACTIONS - 6, zero = below ? room / 2 : room, height = below ? room / 2 : room;
    const step = width / n, bar = Math.max(1, step - (step > 4 ? 1 : 0));
    for (let i = 0; i < n; i++) {
      const value = rewards[i] ?? 0, tall = (Math.abs(value) / most) * height;
      ctx.fillStyle = colour(value < 0 ? "--c3" : "--c0") + "77";
      ctx.fillRect(i * step, value < 0 ? zero : zero - tall, bar, tall);
    }
  }

  line(ctx, width, n, values, ink, top, bottom) {
    const low = Math.min(0, ...values), span = Math.max(1e-12, Math.max(0, ...values) - low);
    ctx.strokeStyle = ink;
    ctx.lineWidth = 1.5;
    ctx.beginPath();
    values.forEach((value, i) => ctx.lineTo(((i + 0.5) / n) * width, bottom - ((value - low) / span) * (bottom - top)));
    ctx.stroke();
  }

  acts(ctx, width, n, actions) {
    const top = HEIGHT - ACTIONS, step = width / n;
    if (this.kinds) {
      for (let i = 0; i < actions.length; i++) {
        ctx.fillStyle = colour(`--c${(this.kinds.get(actions[i]) ?? 7) % 8}`);
        ctx.fillRect(i * step, top + 4, Math.max(1, step - (step > 4 ? 1 : 0)), ACTIONS - 6);
      }
      return;
    }
    const rows = actions.map((action) => (Array.isArray(action) ? action.flat(8) : [action]).map(Number));
    const size = Math.min(6, rows[0]?.length ?? 0);
    for (let k = 0; k < size; k++) this.line(ctx, width, n, rows.map((row) => (Number.isFinite(row[k]) ? row[k] : 0)), colour(`--c${k + 2}`), top + 3, HEIGHT - 2);
  }
}

/** A number for each action, where they are few: they are kinds, not amounts. */
function kinds(actions) {
  const found = new Map();
  for (const action of actions) {
    if (!Number.isInteger(action) && typeof action !== "string" && typeof action !== "boolean") return null;
    if (!found.has(action)) found.set(action, found.size);
    if (found.size > 18) return null;
  }
  return new Map([...found.keys()].sort((a, b) => (a < b ? -1 : 1)).map((action, place) => [action, place]));
}

function said(action) {
  if (action === null || action === undefined) return "–";
  return Array.isArray(action) ? `[${action.flat(8).slice(0, 6).map((value) => number(value)).join(", ")}${action.length > 6 ? ", …" : ""}]` : String(action);
}

function part(name, value) {
  return el("span", {}, `${name} `, el("b", {}, value));
}
