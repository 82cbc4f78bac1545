// The clip of a run that stands on top of its page: the newest, the best or the first, playing.
import { el, replace } from "./dom.js";
import { FILM } from "./kinds.js";
import { number, plural, rank } from "./words.js";

const CHOICES = [["newest", "Newest"], ["best", "Best"], ["first", "First"]];

export class Hero {
  /** @param {(clip: any) => void} play */
  constructor(play) {
    this.play = play;
    this.choice = "newest";
    this.clips = [];
    this.film = el("div.film");
    this.said = el("figcaption");
    this.buttons = CHOICES.map(([value, title]) => el("button.chip", { type: "button", "aria-pressed": value === this.choice, onclick: () => this.choose(value) }, title));
    this.chips = el("div.chips", { role: "group", "aria-label": "Which clip" }, this.buttons);
    this.node = el("figure.hero-clip.card", { hidden: true }, this.film, this.said, this.chips);
  }

  /** @param {any[]} clips of the run */
  set(clips) {
    this.clips = clips.filter((clip) => clip.clip && !clip.medium);
    // A place is kept for the first one: nothing moves when it comes.
    const coming = clips.some((clip) => !clip.medium && clip.state === "ready");
    this.node.hidden = !this.clips.length && !coming;
    this.chips.hidden = !this.clips.length;
    if (!this.clips.length) { this.shown = ""; replace(this.film, el("p.soon", {}, "developing")); replace(this.said, el("span.dim", {}, "The first clip is being developed.")); }
    this.draw();
  }

  choose(value) {
    this.choice = value;
    CHOICES.forEach(([name], index) => this.buttons[index].setAttribute("aria-pressed", String(name === value)));
    this.draw();
  }

  chosen() {
    if (this.choice === "first") return this.clips[0];
    if (this.choice === "newest") return this.clips.at(-1);
    return this.clips.reduce((best, clip) => (score(clip) >= score(best) ? clip : best), this.clips[0]);
  }

  draw() {
    const clip = this.chosen();
    if (!clip || clip.clip === this.shown) return;
    this.shown = clip.clip;
    const label = `Play episode ${number(clip.episode)}, return ${number(clip.return)}`;
    const picture = clip.kind === FILM
      ? el("video", { src: clip.clip, poster: clip.poster, autoplay: true, loop: true, playsinline: true, "aria-hidden": "true" })
      : el("img", { src: still() ? clip.poster : clip.clip, alt: "", onload: (event) => event.target.classList.toggle("small", event.target.naturalWidth < 240) });
    picture.muted = true;
    replace(this.film, el("button.play", { type: "button", "aria-label": label, onclick: () => this.play(clip) }, picture));
    replace(this.said, el("b", {}, `Episode ${number(clip.episode)}`), el("span.dim", {}, [plural(clip.length, "step"), clip.reason].filter(Boolean).join(" · ")), el("span.grow"), el("b.return", {}, number(clip.return)));
  }
}

function score(clip) {
  return clip.complete ? rank(clip.return) ?? -Infinity : -Infinity;
}

/** Whether nothing should move by itself. */
function still() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
