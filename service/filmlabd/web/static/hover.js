// A poster that plays while the pointer, or the keyboard's focus, is on it.
import { MOVING } from "./kinds.js";

const DELAY_MS = 120;

/**
 * @param {HTMLImageElement} image shows the poster
 * @param {{poster: string, clip: string, kind: string}} clip
 * @param {HTMLElement} [area] what is hovered; the image itself if not given
 */
export function playOnHover(image, clip, area = image) {
  if (!clip.clip || !MOVING.includes(clip.kind)) return;
  let timer = 0;
  const start = () => {
    clearTimeout(timer);
    timer = setTimeout(() => { image.src = clip.clip; }, DELAY_MS);
  };
  const stop = () => {
    clearTimeout(timer);
    if (image.getAttribute("src") !== clip.poster) image.src = clip.poster;
  };
  area.addEventListener("pointerenter", start);
  area.addEventListener("pointerleave", stop);
  area.addEventListener("focusin", start);
  area.addEventListener("focusout", stop);
}
