// How long each frame of a GIF or WebP is shown, read from the file's own blocks: nothing is decoded.
// Sources: GIF89a specification, sections 18 to 26; WebP container specification, ANMF chunk.

/** @param {ArrayBuffer} data @param {string} kind @returns {number[]} in ms */
export function delays(data, kind) {
  const found = kind === "webp" ? ofWebp(new DataView(data)) : ofGif(new Uint8Array(data));
  return found.length ? found : [Infinity];
}

function ofGif(bytes) {
  const found = [];
  const table = (flags) => (flags & 0x80 ? 3 * 2 ** ((flags & 7) + 1) : 0);
  let at = 13 + table(bytes[10]), delay = 100;
  const skip = () => {
    while (bytes[at]) at += bytes[at] + 1;
    at++;
  };
  while (at < bytes.length && bytes[at] !== 0x3b) {
    if (bytes[at] === 0x21) {
      // As browsers do: below 2/100 s a frame is shown for 10/100 s.
      if (bytes[at + 1] === 0xf9) { const ticks = bytes[at + 4] | (bytes[at + 5] << 8); delay = ticks < 2 ? 100 : ticks * 10; }
      at += 2;
      skip();
    } else if (bytes[at] === 0x2c) {
      at += 10 + table(bytes[at + 9]) + 1;
      skip();
      found.push(delay);
    } else break;
  }
  return found;
}

function ofWebp(view) {
  const found = [];
  for (let at = 12; at + 8 <= view.byteLength;) {
    const name = view.getUint32(at), size = view.getUint32(at + 4, true);
    if (name === 0x414e4d46) found.push((view.getUint32(at + 8 + 12, true) & 0xffffff) || 100);
    at += 8 + size + (size & 1);
  }
  return found;
}
