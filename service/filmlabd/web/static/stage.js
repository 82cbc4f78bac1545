// One film on a canvas, with a clock: the player has one, a comparison two that keep step.
import { openFilm } from "./clip.js";
import { el } from "./dom.js";

export class Stage {
  /** @param {(frame: number) => void} moved called after a frame was drawn */
  constructor(moved = () => {}) {
    this.moved = moved;
    this.film = null;
    this.frame = 0;
    this.canvas = el("canvas.stage");
    this.node = el("div.strip-film", {}, this.canvas);
  }

  get count() { return this.film?.count ?? 1; }

  get fps() { return this.film?.fps ?? 30; }

  /** Open a clip and show its first frame. Another one opened meanwhile wins. */
  async open(clip) {
    const turn = this.turn = Symbol("turn");
    this.canvas.setAttribute("aria-label", clip.label ?? "clip");
    const film = await openFilm(clip);
    if (turn !== this.turn) { film.close(); return false; }
    this.film?.close();
    this.film = film;
    await this.seek(0);
    return true;
  }

  /** Show a frame, of several asked for at a time the last one. */
  async seek(frame) {
    this.frame = Math.max(0, Math.min(this.count - 1, Math.round(frame)));
    if (this.busy) return;
    this.busy = true;
    try {
      for (let shown = -1; shown !== this.frame && this.film;) {
        const film = this.film, wanted = this.frame;
        let image = null, problem = null;
        try { image = await film.picture(wanted); } catch (error) { problem = error; }
        // A film that was closed meanwhile could not be taken apart any further: nobody looks at it any more.
        if (film !== this.film) { shown = -1; continue; }
        if (problem) throw problem;
        if (image) this.draw(image);
        shown = wanted;
        this.moved(shown);
      }
    } finally {
      this.busy = false;
    }
  }

  draw(image) {
    const width = image.videoWidth || image.naturalWidth || image.width, height = image.videoHeight || image.naturalHeight || image.height;
    if (this.canvas.width !== width || this.canvas.height !== height) {
      this.canvas.width = width;
      this.canvas.height = height;
      this.canvas.classList.toggle("small", width < 240);
    }
    this.canvas.getContext("2d").drawImage(image, 0, 0);
  }

  close() {
    this.turn = null;
    this.film?.close();
    this.film = null;
  }
}

/** Advances by real time, whatever the rate of the screen. */
export class Clock {
  /** @param {(seconds: number) => boolean} tick how much of the film has passed; false stops it */
  constructor(tick) {
    this.tick = tick;
    this.speed = 1;
    this.playing = false;
  }

  play() {
    if (this.playing) return;
    this.playing = true;
    let last = performance.now();
    const step = (now) => {
      if (!this.playing) return;
      const passed = Math.min(0.25, (now - last) / 1000) * this.speed;
      last = now;
      if (this.tick(passed)) requestAnimationFrame(step); else this.playing = false;
    };
    requestAnimationFrame(step);
  }

  pause() { this.playing = false; }
}
