// Elements without markup: whatever is given as text stays text.

/** @typedef {Node | string | number | null | undefined | false} Child */

const SVG = "http://www.w3.org/2000/svg";

/**
 * An element.
 * @param {string} tag as in `td.num` or `section#top`: a tag, an id, classes
 * @param {Record<string, any>} attributes `on…` are listeners, booleans set or leave out (but of `aria-…`), null leaves out
 * @param {...(Child | Child[])} children
 * @returns {HTMLElement}
 */
export function el(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  const [kind, id] = name.split("#");
  return fill(document.createElement(kind), classes, id ? { id, ...attributes } : attributes, children);
}

/** The same for drawings. @returns {SVGElement} */
export function svg(tag, attributes = {}, ...children) {
  const [name, ...classes] = tag.split(".");
  return fill(document.createElementNS(SVG, name), classes, attributes, children);
}

function fill(node, classes, attributes, children) {
  if (classes.length) node.setAttribute("class", classes.join(" "));
  for (const [name, value] of Object.entries(attributes)) {
    const said = name.startsWith("aria-");
    if (value === null || value === undefined || (value === false && !said)) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else node.setAttribute(name, value === true && !said ? "" : String(value));
  }
  node.append(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** In place of what is in there. */
export function replace(node, ...children) {
  node.replaceChildren(...children.flat(3).filter((child) => child !== null && child !== undefined && child !== false));
}

/** What the template put in for this script. */
export function first() {
  return JSON.parse(document.getElementById("first").textContent);
}

/** At most once per frame, however often it is called. */
export function soon(run) {
  let asked = false;
  return () => {
    if (asked) return;
    asked = true;
    requestAnimationFrame(() => { asked = false; run(); });
  };
}

/** A value that outlives the page, if the browser allows it. */
export const stored = {
  get(name, otherwise) {
    try { return JSON.parse(localStorage.getItem(`filmlab.${name}`)) ?? otherwise; } catch { return otherwise; }
  },
  set(name, value) {
    try { localStorage.setItem(`filmlab.${name}`, JSON.stringify(value)); } catch { /* Then it is forgotten. */ }
  },
};
