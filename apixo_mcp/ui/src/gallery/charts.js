// @ts-check
/** Charts as drawings with a table each: the table is what is read aloud, and what is shown on demand. */
import { h } from "../ui.js";

/** @typedef {{name: string, parts: number[], text: string, mark?: number}} Bar `parts` lie upon each other, `mark` is a figure of another basis */

const SVG = "http://www.w3.org/2000/svg";
const WIDE = 1000, HIGH = 300;
export const SERIES = 6;
let last = 0;

/** @param {string} tag @param {Record<string, any>} given @param {...any} kids */
function drawn(tag, given, ...kids) {
  const one = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(given)) one.setAttribute(name, String(value));
  one.append(...kids);
  return one;
}

/** @param {number} x @param {number} y @param {number} width @param {number} height @param {string} look @param {string} [told] */
const box = (x, y, width, height, look, told) => drawn("rect", { x, y, width: Math.max(0, width), height: Math.max(0, height), class: look }, ...(told ? [drawn("title", {}, told)] : []));

/** Draws bars that stand beside each other, the parts of each upon one another. @param {Bar[]} bars @param {string[]} names of the parts @param {(part: number) => string} words */
export function columns(bars, names, words) {
  const most = Math.max(1e-9, ...bars.map((bar) => Math.max(bar.parts.reduce((sum, part) => sum + part, 0), bar.mark ?? 0)));
  const wide = WIDE / Math.max(bars.length, 7);
  const drawing = drawn("svg", { viewBox: `0 0 ${WIDE} ${HIGH}`, preserveAspectRatio: "none" }, ...bars.flatMap((bar, index) => {
    let top = HIGH;
    const x = index * wide + wide * 0.12, width = wide * 0.76;
    const parts = bar.parts.flatMap((part, series) => {
      const height = (part / most) * HIGH;
      top -= height;
      return part > 0 ? [box(x, top, width, height, `s${series % SERIES}`, `${bar.name}, ${names[series]}: ${words(part)}`)] : [];
    });
    return bar.mark === undefined ? parts : [...parts, box(index * wide, HIGH - (bar.mark / most) * HIGH - 3, wide, 6, "mark", `${bar.name}: ${words(bar.mark)}`)];
  }));
  const ends = [...new Set([bars[0]?.name, bars.at(-1)?.name])].map((name) => h("span", null, name));
  return h("div", { className: "columns" }, h("span", null, words(most)), drawing, h("div", { className: "ends" }, ends));
}

/** Draws bars that lie beneath each other, each with its name and its figure in words. @param {Bar[]} bars */
export function rows(bars) {
  const most = Math.max(1e-9, ...bars.map((bar) => Math.max(...bar.parts)));
  return h("div", null, bars.map((bar) => h("div", { className: "bar" },
    h("span", null, bar.name),
    drawn("svg", { viewBox: `0 0 ${WIDE} 100`, preserveAspectRatio: "none" }, ...bar.parts.map((part, series) => box(0, series * 22, (part / most) * WIDE, 100 - series * 44, `s${series}`))),
    h("span", null, bar.text),
  )));
}

/** Draws how far a limit is used, with its levels. @param {string} name @param {number} percent @param {number[]} levels @param {string} look @param {string} told */
export function meter(name, percent, levels, look, told) {
  const shown = Math.min(100, percent);
  return h("div", { className: "bar" }, h("span", null, name), h("div", { role: "meter", "aria-label": name, "aria-valuenow": String(shown), "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuetext": told },
    drawn("svg", { viewBox: "0 0 1000 100", preserveAspectRatio: "none", "aria-hidden": "true" }, box(0, 0, shown * 10, 100, look), ...levels.map((level) => box(level * 10 - 3, 0, 3, 100, "level")))), h("span", null, told));
}

/** Puts a drawing, its words and its table together. @param {{title: string, told: string, drawing: Element, legend?: string[], head: string[], body: (string | number)[][], show: string}} given */
export function chart({ title, told, drawing, legend, head, body, show }) {
  const id = `chart${++last}`;
  drawing.setAttribute("role", "img");
  drawing.setAttribute("aria-labelledby", `${id}t`);
  drawing.setAttribute("aria-describedby", `${id}d`);
  const table = h("div", { className: "table unseen" }, h("table", null, h("caption", null, title), h("thead", null, h("tr", null, head.map((name) => h("th", { scope: "col" }, name)))),
    h("tbody", null, body.map(([first, ...rest]) => h("tr", null, h("th", { scope: "row" }, first), rest.map((cell) => h("td", null, cell)))))));
  const toggle = h("button", { type: "button", className: "button", "aria-pressed": "false", onclick: () => {
    const isShown = table.classList.toggle("unseen");
    toggle.setAttribute("aria-pressed", String(!isShown));
  } }, show);
  return h("section", { className: "chart", "aria-labelledby": `${id}t` }, h("h2", { id: `${id}t` }, title), h("p", { className: "note", id: `${id}d` }, told), drawing,
    legend && h("ul", { className: "legend", "aria-hidden": "true" }, legend.map((name, series) => h("li", null, drawn("svg", { viewBox: "0 0 10 10", width: 12, height: 12 }, box(0, 0, 10, 10, `s${series}`)), name))),
    h("div", { className: "row" }, toggle), table);
}
