// The player: one clip, large, frame by frame if wanted, with what happened in each step under it.
import { el, replace } from "./dom.js";
import { icon } from "./icons.js";
import { get } from "./net.js";
import { Clock, Stage } from "./stage.js";
import { Strip } from "./strip.js";
import { moment, number, plural } from "./words.js";

const SPEEDS = [0.1, 0.25, 0.5, 1, 2, 4, 8];

export class Player {
  /** @param {string} run */
  constructor(run) {
    this.run = run;
    this.list = [];
    this.stage = new Stage((frame) => this.moved(frame));
    this.strip = new Strip((step) => { this.pause(); this.stage.seek(step + this.offset); });
    this.clock = new Clock((seconds) => this.advance(seconds));
    this.at = 0;
    this.build();
  }

  build() {
    const button = (label, text, run, key) => el("button.button", { type: "button", "aria-label": label, title: `${label} (${key})`, onclick: run }, icon(text));
    this.playButton = button("Play or pause", "play", () => this.toggle(), "space");
    this.scrub = el("input", { type: "range", min: 0, step: 1, "aria-label": "Frame", oninput: () => { this.pause(); this.stage.seek(this.scrub.valueAsNumber); } });
    this.count = el("span.count.dim");
    this.speed = el("select", { "aria-label": "Speed", onchange: () => { this.clock.speed = Number(this.speed.value); } },
      SPEEDS.map((speed) => el("option", { value: speed, selected: speed === 1 }, `${speed}×`)));
    this.loop = el("input", { type: "checkbox", checked: true });
    this.title = el("h2.clip-title", { tabindex: -1 });
    this.facts = el("p.dim");
    this.save = el("div.save");
    this.problem = el("p.problem", { hidden: true, role: "alert" });
    this.node = el("dialog.player", { "aria-label": "Player", onclose: () => this.closed() },
      el("header", {}, el("div", {}, this.title, this.facts), el("span.grow"),
        button("Previous clip", "previous", () => this.turn(-1), "["), button("Next clip", "next", () => this.turn(1), "]"),
        button("Close", "close", () => this.node.close(), "Esc")),
      this.stage.node, this.problem,
      el("div.controls", {}, this.playButton, button("Back one frame", "back", () => this.step(-1), "←"), button("On one frame", "on", () => this.step(1), "→"),
        this.scrub, this.count, this.speed, el("label.check", {}, this.loop, "loop")),
      this.strip.node, this.save);
    this.node.addEventListener("keydown", (event) => this.key(event));
    this.node.addEventListener("click", (event) => { if (event.target === this.node) this.node.close(); });
  }

  /** @param {any[]} list clips that follow one another @param {any} clip the one to play */
  async open(list, clip) {
    this.list = list.filter((item) => item.clip);
    if (!this.node.isConnected) document.body.append(this.node);
    if (!this.node.open) this.node.showModal();
    this.title.focus();
    await this.load(clip);
  }

  async load(clip) {
    this.clip = clip;
    this.pause();
    this.at = 0;
    this.problem.hidden = true;
    this.tell(clip);
    this.strip.show(null);
    this.offset = 0;
    try {
      if (!await this.stage.open({ ...clip, label: this.title.textContent })) return;
      this.scrub.max = this.stage.count - 1;
      this.node.dataset.ready = clip.key;
      this.play();
      if (!clip.medium) await this.loadSteps(clip);
    } catch (error) {
      this.problem.textContent = error.message;
      this.problem.hidden = false;
    }
  }

  async loadSteps(clip) {
    const [session, film] = clip.key.split("-");
    const steps = await get(`/api/runs/${this.run}/steps/${session}/${film}`);
    if (clip !== this.clip) return;
    // The first picture is that of the reset, where there is one more than there are steps.
    this.offset = Math.max(0, Math.min(1, this.stage.count - steps.rewards.length));
    this.strip.show(steps);
    this.moved(this.stage.frame);
  }

  tell(clip) {
    this.title.textContent = clip.medium ? `${clip.medium}, step ${number(clip.step)}` : `Episode ${number(clip.episode)}`;
    const facts = clip.medium ? [clip.caption] : [`return ${number(clip.return)}`, plural(clip.length, "step"), clip.solved ? "solved" : "", clip.complete ? "" : "cut short", clip.reason];
    facts.push(clip.writer === "main" ? "" : clip.writer, clip.attempt > 1 ? `attempt ${clip.attempt}` : "", moment(clip.wall), clip.note);
    this.facts.textContent = facts.filter(Boolean).join(" · ");
    replace(this.save, el("span.dim", {}, "Save "), clip.formats.map((format) => el("a.button", { href: `${clip.files}/${format}?save`, download: "" }, format.toUpperCase())));
  }

  moved(frame) {
    this.scrub.value = frame;
    this.count.textContent = `${number(frame + 1)} / ${number(this.stage.count)}`;
    this.strip.seek(frame - this.offset);
  }

  advance(seconds) {
    this.at += seconds * this.stage.fps;
    if (this.at >= this.stage.count) {
      if (!this.loop.checked) { this.pause(); return false; }
      this.at %= this.stage.count;
    }
    const frame = Math.floor(this.at);
    if (frame !== this.stage.frame) this.stage.seek(frame);
    return true;
  }

  play() {
    this.at = this.stage.frame >= this.stage.count - 1 ? 0 : this.stage.frame;
    if (this.stage.count > 1) this.clock.play();
    replace(this.playButton, icon("pause"));
  }

  pause() {
    this.clock.pause();
    replace(this.playButton, icon("play"));
  }

  toggle() {
    if (this.clock.playing) this.pause(); else this.play();
  }

  step(by) {
    this.pause();
    this.stage.seek(this.stage.frame + by);
  }

  turn(by) {
    const at = this.list.findIndex((item) => item.key === this.clip.key);
    const next = this.list[at + by];
    if (at >= 0 && next) this.load(next);
  }

  key(event) {
    if (event.target.closest("select, input[type=range]") && event.key !== " ") return;
    const far = event.shiftKey ? 10 : 1;
    const known = {
      " ": () => this.toggle(), ArrowLeft: () => this.step(-far), ArrowRight: () => this.step(far), "[": () => this.turn(-1), "]": () => this.turn(1),
      Home: () => this.step(-this.stage.count), End: () => this.step(this.stage.count),
      "<": () => this.change(-1), ">": () => this.change(1),
    };
    const run = known[event.key];
    if (!run || (event.key === " " && event.target.closest("button, a"))) return;
    event.preventDefault();
    run();
  }

  change(by) {
    this.speed.selectedIndex = Math.max(0, Math.min(SPEEDS.length - 1, this.speed.selectedIndex + by));
    this.clock.speed = Number(this.speed.value);
  }

  closed() {
    this.pause();
    this.stage.close();
    delete this.node.dataset.ready;
  }
}
