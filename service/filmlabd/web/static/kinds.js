// What can be shown, by the kind of its file: as `filmlab/kinds.py` has it. What changes here changes there, and a test
// compares the two.

/** Pictures that move by themselves. */
export const MOVING = ["gif", "webp"];
export const STILLS = ["png", "jpg"];
/** Is played as a film. */
export const FILM = "mp4";
