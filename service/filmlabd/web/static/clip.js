// A clip, taken apart: any frame of its film as a picture, by number.
import { delays } from "./delays.js";
import { FILM, STILLS } from "./kinds.js";

const HELD_MAX_BYTES = 96 * 2 ** 20;

/**
 * @typedef {object} Film
 * @property {number} count frames @property {number} fps frames a second
 * @property {(frame: number) => Promise<CanvasImageSource | null>} picture
 * @property {() => void} close
 */

/** @param {{kind: string, clip: string, frames: number, fps: number}} clip @returns {Promise<Film>} */
export async function openFilm(clip) {
  const count = Math.max(1, clip.frames), fps = clip.fps > 0 ? clip.fps : 30;
  if (clip.kind === FILM) return video(clip, count, fps);
  if (STILLS.includes(clip.kind)) return still(clip.clip);
  if (!("ImageDecoder" in globalThis)) return frameByFrame(clip, count, fps);
  const answer = await fetch(clip.clip);
  if (!answer.ok) throw new Error("this clip is not there any more");
  return decoded(await answer.arrayBuffer(), clip.kind, count, fps);
}

/** A GIF or WebP in the browser's own decoder. Equal frames of the film are one of the clip, shown for longer. */
async function decoded(data, kind, count, fps) {
  const ends = [];
  let end = 0;
  for (const delay of delays(data, kind)) ends.push(end += delay);
  const decoder = new ImageDecoder({ data, type: `image/${kind}`, preferAnimation: true });
  await decoder.tracks.ready;
  /** @type {Map<number, Promise<ImageBitmap>>} */
  const held = new Map();
  const most = { count: 8 };
  const load = async (place) => {
    const { image } = await decoder.decode({ frameIndex: place });
    most.count = Math.max(8, Math.floor(HELD_MAX_BYTES / (image.displayWidth * image.displayHeight * 4)));
    const bitmap = await createImageBitmap(image);
    image.close();
    return bitmap;
  };
  return {
    count, fps,
    picture(frame) {
      const at = ((frame + 0.5) / fps) * 1000;
      const found = ends.findIndex((value) => at < value);
      const place = found < 0 ? ends.length - 1 : found;
      const known = held.get(place) ?? load(place);
      held.delete(place);
      held.set(place, known);
      if (held.size > most.count) {
        const [oldest, bitmap] = held.entries().next().value;
        held.delete(oldest);
        bitmap.then((item) => item.close(), () => {});
      }
      return known;
    },
    close() {
      for (const bitmap of held.values()) bitmap.then((item) => item.close(), () => {});
      decoder.close();
    },
  };
}

/** For browsers that cannot take clips apart: the server gives single frames, as long as the film is kept. */
function frameByFrame(clip, count, fps) {
  const held = new Map();
  return {
    count, fps,
    picture(frame) {
      if (!held.has(frame)) held.set(frame, picture(`${clip.files}/frame/${frame}`));
      if (held.size > 200) held.delete(held.keys().next().value);
      return held.get(frame);
    },
    close() { held.clear(); },
  };
}

async function video(clip, count, fps) {
  const film = document.createElement("video");
  film.muted = true;
  film.preload = "auto";
  film.src = clip.clip;
  await new Promise((good, bad) => { film.onloadeddata = good; film.onerror = () => bad(new Error("this browser cannot play it")); });
  let turn = Promise.resolve();
  const seek = (frame) => new Promise((done) => { film.onseeked = () => done(film); film.currentTime = (frame + 0.5) / fps; });
  return { count, fps, picture(frame) { return turn = turn.then(() => seek(frame)); }, close() { film.removeAttribute("src"); } };
}

async function still(address) {
  const image = await picture(address);
  return { count: 1, fps: 1, picture: async () => image, close() {} };
}

async function picture(address) {
  const image = new Image();
  image.src = address;
  await image.decode();
  return image;
}
