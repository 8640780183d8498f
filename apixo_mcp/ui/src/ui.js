// @ts-check
/** What the pages are drawn with: elements, buttons, media, the voice for who does not see. Knows no host and no server. */
import { say, size } from "./words.js";

/** @typedef {Record<string, any>} Obj */

const SVG = "http://www.w3.org/2000/svg";
const DRAWN = new Set(["svg", "path", "rect", "g", "text", "line", "title"]);

/** Makes an element. Text is text: nothing is ever read as HTML. @param {string} tag @param {Obj | null} [props] @param {...any} kids @returns {any} */
export function h(tag, props, ...kids) {
  const drawn = DRAWN.has(tag);
  const one = /** @type {any} */ (drawn ? document.createElementNS(SVG, tag) : document.createElement(tag));
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value == null || value === false) continue;
    if (name.startsWith("on")) one.addEventListener(name.slice(2), value);
    else if (!drawn && name in one) one[name] = value;
    else one.setAttribute(name, value === true ? "" : String(value));
  }
  one.append(...kids.flat(9).filter((kid) => kid != null && kid !== false && kid !== ""));
  return one;
}

const ICONS = /** @type {Record<string, string>} */ ({
  download: "M8 2v8m0 0 3-3m-3 3L5 7M3 13h10", copy: "M6 6h7v7H6zM3 10V3h7", open: "M9 3h4v4M13 3 7 9M6 4H3v9h9v-3", again: "M13 8a5 5 0 1 1-1.5-3.6M13 2v3h-3",
  vary: "M3 8h3l2-4 2 8 2-4h2", edit: "M3 13l1-4 7-7 3 3-7 7zM10 4l2 2", animate: "M5 3l8 5-8 5z", cancel: "M4 4h8v8H4z", close: "M4 4l8 8M12 4l-8 8", full: "M3 6V3h3M10 3h3v3M13 10v3h-3M6 13H3v-3",
  back: "M10 3 5 8l5 5", forth: "M6 3l5 5-5 5",
});

/** @param {string} name */
export const icon = (name) => h("svg", { viewBox: "0 0 16 16", width: 16, height: 16, class: "icon", "aria-hidden": "true" }, h("path", { d: ICONS[name] ?? "" }));

/** Makes a button that is out of reach while what it began goes on. @param {string} label @param {string} drawing @param {() => any} act @param {Obj} [props] */
export function button(label, drawing, act, props = {}) {
  const one = h("button", { type: "button", ...props, className: `button ${props.className ?? ""}` }, icon(drawing), h("span", null, label));
  one.addEventListener("click", async () => {
    if (one.getAttribute("aria-disabled") === "true") return;
    one.setAttribute("aria-disabled", "true");  // not `disabled`, which would lose the focus
    try {
      await act();
    } finally {
      one.removeAttribute("aria-disabled");
    }
  });
  return one;
}

/** The one polite voice of the document. */
export const voice = h("div", { className: "unseen", role: "status", "aria-live": "polite" });
/** @param {string} text */
export const speakUp = (text) => {
  if (voice.textContent !== text) voice.textContent = text;
};

/** Says in sight and aloud what an action did. @param {string} text */
export function notice(text) {
  speakUp(text);
  document.querySelector(".notice")?.remove();
  const one = h("p", { className: "notice", "aria-hidden": "true" }, text);
  ([...document.querySelectorAll("dialog[open]")].at(-1) ?? document.body).append(one);
  setTimeout(() => one.remove(), 2600 + 40 * text.length);
}

/** @param {string} mime @param {string} kind */
export const kindOf = (mime, kind) => ["image", "video", "audio"].find((one) => mime?.startsWith(one)) ?? kind ?? "image";

/** Gives an element the room of what it will show, so that nothing jumps. @param {HTMLElement} one @param {string | undefined} shape */
export function shaped(one, shape) {
  if (shape) one.style.setProperty("aspect-ratio", shape.replace(":", " / "));
  return one;
}

const MOST_INLINE = 25e6;

/** Shows a result: by its URL, then by its bytes as a `data:` URL (a host may allow no other), then in words.
 *  @param {Obj} result @param {string} alt @param {{bytes?: (result: Obj) => Promise<string>, poster?: (result: Obj) => Promise<string>}} io */
export function media(result, alt, io) {
  const kind = kindOf(result.mime_type, result.kind);
  const box = shaped(h("div", { className: `media ${kind}` }), result.width && result.height ? `${result.width}:${result.height}` : kind === "video" ? "16:9" : undefined);
  const one = kind === "image" ? h("img", { alt, decoding: "async" })
    : h(kind, { controls: true, preload: "metadata", "aria-label": alt, ...(kind === "video" ? { playsInline: true } : {}) });
  const ways = /** @type {(() => Promise<string>)[]} */ ([]);
  const url = result.link ?? result.url;
  if (url) ways.push(async () => url);
  const isLarge = (result.bytes ?? 0) > MOST_INLINE;
  if (io.bytes && result.file === "saved" && !isLarge) ways.push(() => /** @type {any} */ (io.bytes)(result));
  const next = async () => {
    const way = ways.shift();
    if (!way) {
      const why = result.problem || (isLarge ? say("too_large", { size: size(result.bytes) }) : say("not_shown"));
      box.style.removeProperty("aspect-ratio");
      return box.replaceChildren(h("p", { className: "note" }, why));
    }
    try {
      one.src = await way();
      one.dataset.by = one.src.startsWith("data:") ? "bytes" : "url";
    } catch {
      next();
    }
  };
  one.addEventListener("error", next);
  if (kind === "video" && io.poster && result.file === "saved") io.poster(result).then((poster) => { one.poster = poster; }, () => {});
  box.append(one);
  next();
  return box;
}

/** @param {string} text @param {HTMLElement} [within] where a field may stand: beside an open dialog none can be chosen */
export async function copied(text, within = document.body) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { /* many frames may not; the older way works in a click */ }
  const focused = /** @type {HTMLElement | null} */ (document.activeElement);
  const field = h("textarea", { value: text, className: "unseen", "aria-hidden": "true", tabIndex: -1 });
  within.append(field);
  field.select();
  let done = false;
  try {
    done = document.execCommand("copy");
  } catch { /* told by what is returned */ }
  field.remove();
  focused?.focus();
  return done;
}

const root = document.documentElement;

/** Wears a theme; the system's, while nobody says otherwise. @param {string} [theme] */
export function wear(theme) {
  if (theme) root.dataset.themeBy = "host";
  root.dataset.theme = theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
  root.style.setProperty("color-scheme", root.dataset.theme);
}

export function followSystemTheme() {
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    if (!root.dataset.themeBy) wear();
  });
  wear();
}
