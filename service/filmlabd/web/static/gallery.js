// Every print of a run as a poster that plays under the pointer; a click plays it large.
import { el, replace, soon } from "./dom.js";
import { playOnHover } from "./hover.js";
import { FILM } from "./kinds.js";
import { number, plural, rank } from "./words.js";

const PAGE = 48;
const SORTS = {
  newest: ["newest first", (a, b) => b.wall - a.wall], oldest: ["oldest first", (a, b) => a.wall - b.wall],
  high: ["highest return", by("return", -1)], low: ["lowest return", by("return", 1)], long: ["longest", by("length", -1)],
  short: ["shortest", by("length", 1)], episode: ["by episode", by("episode", 1)],
};
const FILES = ["csv", "json"];
const STATES = { ready: "developing", pending: "to be decided", failed: "failed", dropped: "not kept", done: "no frames" };

export class Gallery {
  /** @param {(list: any[], clip: any) => void} play */
  constructor(play) {
    this.play = play;
    this.clips = [];
    this.most = PAGE;
    this.cards = new Map();
    this.view = { text: "", sort: "newest", reason: "", kept: true };
    const find = el("input", { type: "search", placeholder: "return>100 length<50 …", "aria-label": "Filter clips", title: "Words, and comparisons of return, length, episode, step, attempt", oninput: () => { this.view.text = find.value; this.draw(); } });
    const sort = el("select", { onchange: () => { this.view.sort = sort.value; this.draw(); } }, Object.entries(SORTS).map(([key, [title]]) => el("option", { value: key }, title)));
    this.reasons = el("select", { onchange: () => { this.view.reason = this.reasons.value; this.draw(); } }, el("option", { value: "" }, "any reason"));
    const all = el("input", { type: "checkbox", onchange: () => { this.view.kept = !all.checked; this.draw(); } });
    this.count = el("span.dim", { role: "status" });
    this.grid = el("div.cards");
    this.more = el("button.button", { type: "button", hidden: true, onclick: () => { this.most += 4 * PAGE; this.draw(); } }, "Show more");
    this.node = el("section#gallery", { "aria-label": "Gallery" }, el("div.tools", { role: "group", "aria-label": "Which clips" }, el("h2", {}, "Gallery"), find,
      el("label.field", {}, el("span", {}, "Sort"), sort), el("label.field", {}, el("span", {}, "Kept because"), this.reasons), el("label.check", {}, all, "also what was not kept"), this.count), this.grid, this.more);
    this.draw = soon(() => this.drawNow());
  }

  /** @param {any[]} clips everything of the run that has a film */
  set(clips) {
    this.clips = clips;
    const reasons = [...new Set(clips.map((clip) => clip.reason).filter(Boolean))].sort();
    const known = [...this.reasons.options].map((option) => option.value).slice(1);
    if (known.join("\n") !== reasons.join("\n")) replace(this.reasons, el("option", { value: "" }, "any reason"), reasons.map((reason) => el("option", { value: reason, selected: reason === this.view.reason }, reason)));
    this.draw();
  }

  /** What the filter and the order leave, for the player's next and previous. */
  shown() {
    const fits = parse(this.view.text);
    return this.clips.filter((clip) => (!this.view.kept || clip.state !== "dropped") && (!this.view.reason || clip.reason === this.view.reason) && fits(clip))
      .sort(SORTS[this.view.sort][1]);
  }

  drawNow() {
    const found = this.shown();
    const cards = found.slice(0, this.most).map((clip) => this.card(clip));
    cards.forEach((card, index) => { if (this.grid.children[index] !== card) this.grid.insertBefore(card, this.grid.children[index] ?? null); });
    while (this.grid.children.length > cards.length) this.grid.lastChild.remove();
    if (!cards.length) replace(this.grid, el("p.empty", {}, this.clips.length ? "No clip matches." : "No episode has been kept on film."));
    const all = this.clips.filter((clip) => !this.view.kept || clip.state !== "dropped").length;
    this.count.textContent = found.length === all ? plural(all, "clip") : `${found.length.toLocaleString("en")} of ${plural(all, "clip")}`;
    this.more.hidden = found.length <= this.most;
  }

  card(clip) {
    const text = JSON.stringify(clip), known = this.cards.get(clip.key);
    if (known?.text === text) return known.node;
    const title = clip.medium || `Episode ${number(clip.episode)}`;
    const image = clip.poster ? el("img", { src: clip.poster, alt: "", loading: "lazy" }) : null;
    const frame = el("div.frame", {}, image ?? (clip.text ? el("a.dim", { href: clip.text, target: "_blank" }, "read") : el("span.dim", {}, clip.medium && clip.state === "done" ? clip.formats.join(", ") : STATES[clip.state] ?? clip.state)));
    const marks = [clip.solved ? el("span.mark", {}, "solved") : null, clip.ended && !clip.complete ? el("span.mark.cut", {}, "cut short") : null, clip.kind === FILM ? el("span.mark", {}, "film") : null];
    const facts = clip.medium ? [`step ${number(clip.step)}`, clip.caption] : [plural(clip.length, "step"), clip.writer === "main" ? "" : clip.writer, clip.attempt > 1 ? `attempt ${clip.attempt}` : "", clip.reason];
    const said = [el("span.line", {}, el("b", {}, title), el("span.grow"), clip.medium ? null : el("b", {}, clip.ended ? number(clip.return) : "")),
      el("span.dim", {}, marks, facts.filter(Boolean).join(" · ")), clip.problem ? el("span.warn", {}, clip.problem) : null,
      image ? null : clip.formats.filter((format) => FILES.includes(format)).map((format) => el("a", { href: `${clip.files}/${format}?save`, download: "" }, `Save ${format.toUpperCase()}`))];
    const label = clip.medium ? title : `${title}, return ${number(clip.return)}`;
    const node = el(image ? "button.clip.card" : "div.clip.card", image ? { type: "button", "aria-label": `Play ${label}`, "data-key": clip.key, onclick: () => this.play(this.shown(), clip) } : { "data-key": clip.key }, frame, el("span.said", {}, said));
    if (image) {
      image.addEventListener("load", () => image.classList.toggle("small", image.naturalWidth < 160), { once: true });
      playOnHover(image, clip, node);
    }
    this.cards.set(clip.key, { text, node });
    return node;
  }
}

function by(field, sign) {
  return (a, b) => {
    const x = rank(a[field]), y = rank(b[field]);
    if (x === null || y === null) return (x === null) - (y === null);
    return sign * (x - y) || b.wall - a.wall;
  };
}

/** `return>100 length<=50 solved` as a test of a clip. */
export function parse(text) {
  const tests = text.toLowerCase().split(/\s+/).filter(Boolean).map((word) => {
    const found = /^(return|length|episode|step|attempt)(>=|<=|>|<|=)(-?[\d.]+)$/.exec(word);
    if (!found) return (clip) => [clip.medium, clip.reason, clip.writer, clip.note, clip.caption, clip.solved ? "solved" : "", `episode ${clip.episode}`].join("\n").toLowerCase().includes(word);
    const [, field, sign, value] = found, limit = Number(value);
    const holds = { ">": (x) => x > limit, "<": (x) => x < limit, ">=": (x) => x >= limit, "<=": (x) => x <= limit, "=": (x) => x === limit }[sign];
    return (clip) => { const known = rank(clip[field]); return known !== null && holds(known); };
  });
  return (clip) => tests.every((test) => test(clip));
}
