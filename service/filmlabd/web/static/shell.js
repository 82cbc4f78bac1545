// What is the same on every page: the light that says whether it is live, the theme, the keys.
import { el } from "./dom.js";

const SAID = { on: "live", off: "not connected", away: "paused" };
const keys = new Map([["t", ["light or dark", toggleTheme]], ["?", ["these shortcuts", showKeys]]]);

/** Show how the connection stands. */
export function stands(state) {
  const light = document.getElementById("live");
  light.className = `live ${state}`;
  light.textContent = SAID[state];
}

/** A key that does something wherever nobody is typing. */
export function onKey(key, what, run) {
  keys.set(key, [what, run]);
}

/** A few words that go away by themselves. */
export function toast(text) {
  document.querySelector(".toast")?.remove();
  const box = el("div.toast", { role: "status" }, text);
  document.body.append(box);
  setTimeout(() => box.remove(), 5000);
}

/** The value of a colour of the theme that is in force. */
export function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Called whenever the theme changes. */
export function onTheme(run) {
  themed.push(run);
}

const themed = [];

function toggleTheme() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("filmlab.theme", root.dataset.theme); } catch { /* Then only for now. */ }
  for (const run of themed) run();
}

function showKeys() {
  const box = el("dialog.keys", { "aria-label": "Keyboard shortcuts", onclose: () => box.remove() },
    el("h2", {}, "Keys"),
    el("dl", {}, [...keys].map(([key, [what]]) => [el("dt", {}, el("kbd", {}, key)), el("dd", {}, what)])));
  box.addEventListener("click", () => box.close());
  document.body.append(box);
  box.showModal();
}

/** Menus close as elsewhere: by a click beside them, and by Escape. */
function closeMenus(event) {
  for (const menu of document.querySelectorAll("details.menu[open]")) {
    if (event.type === "click" ? menu.contains(event.target) : event.key !== "Escape") continue;
    if (menu.contains(document.activeElement)) menu.querySelector("summary").focus();
    menu.open = false;
  }
}

document.addEventListener("click", closeMenus);
document.addEventListener("keydown", closeMenus);
document.getElementById("theme").addEventListener("click", toggleTheme);
document.getElementById("keys").addEventListener("click", showKeys);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => themed.forEach((run) => run()));
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, select, textarea")) return;
  const found = keys.get(event.key);
  if (found) { event.preventDefault(); found[1](event); }
});
