// @ts-check
/** The gallery: what was made, as a page beside the server. */
import { isLive } from "./task.js";
import { button, followSystemTheme, h, speakUp, voice } from "./ui.js";
import { say, speak } from "./words.js";
import { filters, given, go, hearing } from "./gallery/address.js";
import { askToDelete } from "./gallery/deleting.js";
import { dropped } from "./gallery/dropped.js";
import { Entries } from "./gallery/entries.js";
import { Filters } from "./gallery/filters.js";
import { Grid } from "./gallery/grid.js";
import { Live } from "./gallery/live.js";
import { Refused, change } from "./gallery/server.js";
import { Whole } from "./gallery/whole.js";
import { tell } from "./gallery/words.js";

/** @typedef {Record<string, any>} Obj */

followSystemTheme();
speak(navigator.language);

const trouble = h("div", { className: "banner" });
const said = h("p", { className: "note count" });
const narrow = new Filters();
const grid = new Grid(() => more(), (page) => void entries.fill(page).catch(troubled));
const pictures = h("div", { className: "view" }, narrow.el, said, grid.el);
const main = h("main", { tabIndex: -1 }, pictures);
const tabs = h("nav", { "aria-label": tell("views") }, h("a", { href: "?", "aria-current": "page" }, tell("pictures")), h("a", { href: "spending" }, tell("spending")), h("a", { href: "new" }, tell("making")));
if ("out" in document.documentElement.dataset) tabs.append(button(tell("sign_out"), "close", () => change("sign-in/out", "POST").then(() => location.assign("sign-in"), troubled)));
let entries = new Entries(filters(), changed), shownFilters = "", isStarted = false;

const whole = new Whole({
  beside: (id, by) => {
    const here = entries.here, index = here.findIndex((one) => one.task_id === id);
    if (index >= 0 && index + by >= here.length - 1) more();
    return index < 0 ? "" : here[index + by]?.task_id ?? "";
  },
  troubled,
  opened: (id) => grid.reveal(id),
  closed: (id) => {
    main.before(trouble);
    if (!grid.focus(id)) grid.el.querySelector("a")?.focus();
  },
  gone: (id) => entries.remove(id),
});

/** Tells why there is no answer, and how there will be one. @param {unknown} error */
function troubled(error) {
  if (!(error instanceof Refused)) {
    if (/** @type {Error} */ (error)?.name !== "AbortError") throw error;
    return;
  }
  const isOut = error.status === 401;
  const key = isOut ? "out" : error.status && error.status < 500 ? error.message : "dead";
  if (trouble.dataset.key === key) return;
  trouble.dataset.key = key;
  const words = isOut ? [h("p", null, tell("signed_out")), error.byOwnKey ? h("p", null, tell("reopen")) : h("p", null, h("a", { className: "button main", href: "sign-in" }, tell("sign_in")))]
    : key === "dead" ? [h("p", null, tell("dead"), " ", tell("dead_how")), button(say("retry"), "again", () => live.watch.now(), { "data-act": "retry" })]
    : [h("p", null, tell("refused", { text: error.message }))];
  const box = h("div", { className: "trouble", role: "alert" }, words);
  trouble.replaceChildren(box);
  if (whole.el.open) whole.el.prepend(trouble);
  else main.before(trouble);
  changed();
}

function well() {
  delete trouble.dataset.key;
  trouble.replaceChildren();
}

async function more() {
  if (entries.isWhole) return;
  try {
    await entries.more();
    well();
  } catch (error) {
    troubled(error);
  }
}

/** Draws the list anew, and says how much there is. */
function changed() {
  grid.later();
  whole.drawTools();
  narrow.offer(entries.here);
  const n = entries.count, isNarrow = filters().size > 0;
  pictures.setAttribute("aria-busy", String(!entries.pages.length && !trouble.dataset.key));
  grid.el.hidden = !n;
  if (!n) grid.put([], { caption: 0 });  // what is hidden is not drawn
  if (n) said.replaceChildren(tell(entries.isWhole ? "shown" : "shown_more", { n }));
  else if (!entries.pages.length) said.replaceChildren(trouble.dataset.key ? "" : tell("loading"));
  else said.replaceChildren(h("b", null, tell(isNarrow ? "no_hit" : "none")), " ", tell(isNarrow ? "no_hit_how" : "none_how"));
  if (entries.pages.length === 1 || !n) speakUp(said.textContent ?? "");
}

/** Shows what the address says. */
function read() {
  const now = `${filters()}|${given("group")}`;
  if (!isStarted || now !== shownFilters) {
    isStarted = true;
    shownFilters = now;
    entries.end();
    entries = new Entries(filters(), changed);
    grid.show(entries, given("group") === "1");
    scrollTo({ top: 0, behavior: "instant" });
    changed();
    more();
  } else grid.later();
  whole.read(entries.find(given("task"))?.task);
}

const live = new Live({
  task: async (task) => {
    whole.heardOf(task);
    if (entries.set(task)) await entries.renew().catch(troubled);
  },
  gone: (id) => {
    entries.remove(id);
    if (given("task") === id) whole.gone();
  },
  renew: async () => {
    await entries.renew();
    if (whole.isLive) await whole.ask();
    well();
  },
  isRunning: () => entries.here.some(isLive),
  lost: troubled,
  back: well,
});

/** Links within the page change the address and load nothing. */
document.addEventListener("click", (event) => {
  const link = /** @type {HTMLAnchorElement | null} */ (/** @type {any} */ (event.target).closest?.("a[href^='?']"));
  if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  const next = new URL(link.href).searchParams, all = [...new Set([...new URLSearchParams(location.search).keys(), ...next.keys()])];
  go(Object.fromEntries(all.map((name) => [name, next.get(name) ?? ""])), { replace: whole.el.open && next.has("task") });
});

document.addEventListener("keydown", async (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  const on = /** @type {HTMLElement} */ (event.target), tile = /** @type {HTMLElement | null} */ (on.closest(".tile"));
  if (event.key === "/" && !on.closest("input:not([type=file], [type=checkbox]), textarea, select")) {
    event.preventDefault();
    narrow.search.focus();
    narrow.search.select();
  } else if (event.key === "Escape" && on === narrow.search) grid.enter();
  else if (on === document.body && /^Arrow(Left|Right)/.test(event.key)) grid.enter();
  else if (tile && /^(Arrow|Home$|End$)/.test(event.key)) {
    event.preventDefault();
    const next = grid.beside(tile.dataset.id ?? "", event.key);
    if (next) grid.focus(next);
  } else if (tile && event.key === "Delete") {
    event.preventDefault();
    const id = tile.dataset.id ?? "", next = grid.beside(id, "ArrowRight") || grid.beside(id, "ArrowLeft"), known = entries.find(id);
    const what = known && await askToDelete(known.task);
    if (what && what !== "file") entries.remove(id);
    grid.focus(what && what !== "file" ? next : id);
  }
});

document.body.classList.add("gallery");
document.body.append(h("header", null, h("h1", null, say("title")), tabs), trouble, main, h("footer", null, h("p", { className: "note" }, tell("keys")), dropped()), whole.el, voice);
hearing(read);
read();
