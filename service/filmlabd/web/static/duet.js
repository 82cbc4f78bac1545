// Two clips side by side under one clock: the same frame of both, as long as both have it.
import { el, replace } from "./dom.js";
import { icon } from "./icons.js";
import { Clock, Stage } from "./stage.js";
import { number } from "./words.js";

const SPEEDS = [0.25, 0.5, 1, 2, 4];

export class Duet {
  constructor() {
    this.sides = [this.side("Left"), this.side("Right")];
    this.frame = 0;
    this.at = 0;
    this.clock = new Clock((seconds) => this.advance(seconds));
    const button = (label, name, run) => el("button.button", { type: "button", "aria-label": label, title: label, onclick: run }, icon(name));
    this.playButton = button("Play both", "play", () => (this.clock.playing ? this.pause() : this.play()));
    this.scrub = el("input", { type: "range", min: 0, max: 0, step: 1, value: 0, "aria-label": "Frame of both", oninput: () => { this.pause(); this.seek(this.scrub.valueAsNumber); } });
    this.count = el("span.count.dim");
    const speed = el("select", { "aria-label": "Speed of both", onchange: () => { this.clock.speed = Number(speed.value); } }, SPEEDS.map((value) => el("option", { value, selected: value === 1 }, `${value}×`)));
    this.node = el("section#duet.duet.card", { "aria-label": "Two clips in step" }, el("div.pair", {}, this.sides.map((side) => side.node)),
      el("div.controls", {}, this.playButton, button("Back one frame", "back", () => this.step(-1)), button("On one frame", "on", () => this.step(1)), this.scrub, this.count, speed));
  }

  side(name) {
    const side = { stage: new Stage(), clips: [] };
    side.pick = el("select", { "aria-label": `${name} clip`, onchange: () => this.load(side) });
    side.said = el("span.dim");
    side.node = el("div.half", {}, el("div.tools", {}, side.pick, side.said), side.stage.node);
    return side;
  }

  /** @param {{run: string, label: string, clips: any[]}[]} runs with what can be watched of each */
  set(runs) {
    const shown = runs.filter((run) => run.clips.length);
    this.node.hidden = !shown.length;
    if (!shown.length) return;
    this.sides.forEach((side, index) => {
      side.clips = shown.flatMap((run) => run.clips.map((clip) => ({ ...clip, owner: run.label, of: run.run })));
      replace(side.pick, shown.map((run) => el("optgroup", { label: run.label }, run.clips.map((clip) => el("option", { value: clip.key }, `${run.label} · episode ${number(clip.episode)} · ${number(clip.return)}`)))));
      const run = shown[Math.min(index, shown.length - 1)];
      const clip = shown.length === 1 && index === 0 ? run.clips[0] : run.clips.at(-1);
      side.pick.value = clip.key;
      this.load(side);
    });
  }

  async load(side) {
    const clip = side.clips.find((item) => item.key === side.pick.value);
    if (!clip) return;
    side.said.textContent = `return ${number(clip.return)}`;
    try {
      await side.stage.open({ ...clip, label: `${clip.owner}, episode ${clip.episode}` });
    } catch (error) {
      side.said.textContent = error.message;
    }
    this.scrub.max = this.length - 1;
    this.seek(this.frame);
  }

  get length() { return Math.max(...this.sides.map((side) => side.stage.count)); }

  seek(frame) {
    this.frame = Math.max(0, Math.min(this.length - 1, frame));
    // The shorter one stays on its last frame.
    for (const side of this.sides) if (side.stage.film) side.stage.seek(this.frame);
    this.scrub.value = this.frame;
    this.count.textContent = `${number(this.frame + 1)} / ${number(this.length)}`;
  }

  advance(seconds) {
    this.at += seconds * Math.max(...this.sides.map((side) => side.stage.fps));
    if (this.at >= this.length) this.at = 0;
    const frame = Math.floor(this.at);
    if (frame !== this.frame) this.seek(frame);
    return true;
  }

  play() {
    this.at = this.frame;
    this.clock.play();
    replace(this.playButton, icon("pause"));
  }

  pause() {
    this.clock.pause();
    replace(this.playButton, icon("play"));
  }

  step(by) {
    this.pause();
    this.seek(this.frame + by);
  }
}
