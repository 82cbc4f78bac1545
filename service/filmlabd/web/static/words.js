// How numbers, times and sizes read: short, and as everywhere else in filmlab. `number`, `duration`, `bytes` and `plural`
// are those of `filmlab/words.py`: what changes here changes there, and a test compares the two.

const DASH = "–";

/** `200`, `−3.25`, `1.2e−5`, `12,500`, `∞`; a dash where there is none. */
export function number(value) {
  if (value === null || value === undefined || Number.isNaN(value)) return DASH;
  if (value === "inf" || value === Infinity) return "∞";
  if (value === "-inf" || value === -Infinity) return "−∞";
  const size = Math.abs(value);
  let shown;
  if (Number.isInteger(value) && size < 1e15) shown = (value + 0).toLocaleString("en");
  else if (size >= 1e-3 && size < 1e6) shown = Number(value.toPrecision(4)).toLocaleString("en", { maximumFractionDigits: 6 });
  else if (size >= 1e-4 && size < 1) shown = String(Number(value.toPrecision(3)));
  else shown = value.toExponential(2).replace(/\.?0+e/, "e").replace("e+", "e");
  return shown.replace(/-/g, "−");
}

/** `350 ns`, `4.2 µs`, `12 ms`, `1.5 s`, `42 s`, `3 min 5 s`, `2 h 10 min`; `0 s` for nothing and less. */
export function duration(seconds) {
  if (!Number.isFinite(seconds)) return DASH;
  if (seconds <= 0) return "0 s";
  const short = (value) => (value >= 9.95 ? value.toFixed(0) : String(Number(value.toFixed(1))));
  for (const [unit, size] of [["ns", 1e-9], ["µs", 1e-6], ["ms", 1e-3]]) if (seconds < 999.5 * size) return `${short(seconds / size)} ${unit}`;
  if (seconds < 59.5) return `${short(seconds)} s`;
  const whole = Math.round(seconds);
  const [big, name, small, smallName] = [[86400, "d", 3600, "h"], [3600, "h", 60, "min"], [60, "min", 1, "s"]].find(([size]) => whole >= size);
  const rest = Math.floor((whole % big) / small);
  return `${Math.floor(whole / big)} ${name}${rest ? ` ${rest} ${smallName}` : ""}`;
}

/** `just now`, `5 min ago`, `3 h ago`, `2 d ago`. */
export function ago(wall, now = Date.now() / 1000) {
  const past = now - wall;
  if (!wall) return DASH;
  if (past < 10) return "just now";
  if (past < 60) return `${Math.floor(past)} s ago`;
  if (past < 3600) return `${Math.floor(past / 60)} min ago`;
  if (past < 86400) return `${Math.floor(past / 3600)} h ago`;
  return `${Math.floor(past / 86400)} d ago`;
}

/** `2026-11-21 04:12:09`, local time. */
export function moment(wall) {
  if (!wall) return DASH;
  const at = new Date(wall * 1000);
  const two = (value) => String(value).padStart(2, "0");
  return `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())} ${two(at.getHours())}:${two(at.getMinutes())}:${two(at.getSeconds())}`;
}

/** `14:12`, `14:12:09`, `14:12:09.250`, or `11-21` at midnight and where ticks are days apart: of a time axis, local. */
export function tick(wall, apart_s) {
  const at_ms = Math.round(wall * 1000);
  const [day, time] = moment(at_ms / 1000).split(" ");
  if (apart_s >= 86400 || (apart_s >= 60 && time === "00:00:00")) return day.slice(5);
  if (apart_s >= 60) return time.slice(0, 5);
  return apart_s >= 1 ? time : `${time}.${String(at_ms % 1000).padStart(3, "0")}`;
}

/** The beginning and the end of a long name: the end tells siblings apart. */
export function brief(name, most = 64) {
  return name.length > most ? `${name.slice(0, most - 25)}…${name.slice(-24)}` : name;
}

/** `512 B`, `1.5 KiB`, `20 GiB`: binary, as sizes are set. */
export function bytes(value) {
  if (value === null || value === undefined) return DASH;
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const most = units.length;
  let shown = value;
  while (shown >= 1023.5 && units.length > 1) { shown /= 1024; units.shift(); }
  return `${shown >= 99.5 || units.length === most ? shown.toFixed(0) : Number(shown.toPrecision(3))} ${units[0]}`;
}

/** `1 clip`, `12 clips`. */
export function plural(count, one, many = `${one}s`) {
  return `${count.toLocaleString("en")} ${count === 1 ? one : many}`;
}

/** A number for sorting: what is no number comes last. */
export function rank(value) {
  if (value === "inf") return Infinity;
  if (value === "-inf") return -Infinity;
  return value === null || value === undefined || Number.isNaN(value) ? null : value;
}
