// @ts-check
/** The tasks in rows, newest first. Only what is near the screen is in the document; the place of the rest stays. */
import { h } from "../ui.js";
import { isLive } from "../task.js";
import { rows } from "./rows.js";
import { clockOf, mosaic, tile } from "./tile.js";
import { tell } from "./words.js";

/** @typedef {Record<string, any>} Obj */
/** @typedef {{id: string, tasks: Obj[], box: import("./rows.js").Box, y: number}} Placed `y` is from the top of the grid */

const KEPT_PAGES = 8;
const GAP = 10;

export class Grid {
  /** @param {() => any} wantsMore is called where its end comes near @param {(page: import("./entries.js").Page) => any} wants is called for tasks that are to be shown */
  constructor(wantsMore, wants) {
    this.wantsMore = wantsMore;
    this.wants = wants;
    this.el = h("ul", { className: "grid", "aria-label": tell("list") });
    /** @type {import("./entries.js").Entries | null} */
    this.entries = null;
    /** @type {Map<string, {el: HTMLElement, drawn: string}>} */
    this.tiles = new Map();
    /** @type {WeakMap<import("./entries.js").Page, Obj[][]>} what each tile of a page stands for */
    this.stacks = new WeakMap();
    this.chosen = "";
    this.isGrouped = false;
    this.wantsFocus = false;
    this.width = 0;
    this.isDue = false;
    this.later = () => {
      if (this.isDue) return;
      this.isDue = true;
      requestAnimationFrame(() => {
        this.isDue = false;
        this.draw();
      });
    };
    addEventListener("scroll", this.later, { passive: true });
    new ResizeObserver(this.later).observe(this.el);
    addEventListener("resize", this.later);
    setInterval(() => this.tick(), 1000);
    this.el.addEventListener("focusin", (/** @type {any} */ event) => this.choose(event.target.closest?.(".tile")?.dataset.id ?? ""));
  }

  /** @param {import("./entries.js").Entries} entries @param {boolean} isGrouped */
  show(entries, isGrouped) {
    this.entries = entries;
    this.isGrouped = isGrouped;
    this.wantsFocus = this.el.contains(document.activeElement);
    for (const { el } of this.tiles.values()) el.remove();
    this.tiles.clear();
    this.chosen = "";
    this.later();
  }

  room() {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize), width = this.el.clientWidth;
    return { width, target: (width < 520 ? 9.5 : width < 900 ? 12 : 14.5) * rem, gap: GAP, caption: (width < 520 ? 7.7 : 6.1) * rem, least: 9 * rem };
  }

  /** @param {import("./entries.js").Page} page @param {ReturnType<Grid["room"]>} room @param {boolean} isEnd */
  lay(page, room, isEnd) {
    const stacks = this.isGrouped ? grouped(page.tasks ?? []) : (page.tasks ?? []).map((one) => [one]);
    this.stacks.set(page, stacks);
    const shapes = stacks.map((tasks) => Math.min(Math.max(mosaic(tasks).shape, room.least / room.target), room.width / room.target));
    Object.assign(page, rows(shapes, room, isEnd), { isLaidOut: true });
  }

  draw() {
    const { entries } = this;
    if (!entries || !this.el.isConnected || !this.el.clientWidth) return;
    const room = this.room(), scrolled = -this.el.getBoundingClientRect().top, screen = innerHeight;
    if (room.width !== this.width) {
      for (const page of entries.pages) {
        page.isLaidOut = false;
        if (this.width && !page.tasks) page.height *= this.width / room.width;
      }
      this.width = room.width;
    }
    const anchor = scrolled > 0 ? this.anchor(scrolled) : null;
    for (const page of entries.pages) if (page.tasks && !page.isLaidOut) this.lay(page, room, entries.isWhole && page === entries.pages.at(-1));
    const moved = anchor ? (this.placeOf(anchor.id)?.y ?? anchor.y) - anchor.y : 0;
    const top = scrolled + moved - screen, bottom = scrolled + moved + 2 * screen;
    const placed = /** @type {Placed[]} */ ([]), near = /** @type {Set<import("./entries.js").Page>} */ (new Set());
    let y = 0;
    for (const page of entries.pages) {
      if (y < bottom && y + page.height > top) {
        near.add(page);
        if (!page.tasks) this.wants(page);
        page.boxes.forEach((box, index) => {
          const tasks = /** @type {Obj[][]} */ (this.stacks.get(page))[index], id = tasks?.[0]?.task_id;
          if (tasks && (id === this.chosen || (y + box.y < bottom && y + box.y + box.h + room.caption > top))) placed.push({ id, tasks, box, y: y + box.y });
        });
      }
      y += page.height;
    }
    this.el.style.setProperty("--caption", `${room.caption}px`);
    this.el.style.setProperty("height", `${Math.ceil(y)}px`);
    if (moved) scrollBy({ top: moved, behavior: "instant" });
    this.put(placed, room);
    this.forget(near);
    if (!entries.isWhole && y < bottom) this.wantsMore();
  }

  /** Brings what is in the document to what should be. @param {Placed[]} placed @param {{caption: number}} room */
  put(placed, room) {
    const wanted = new Set(placed.map((one) => one.id));
    for (const [id, { el }] of this.tiles)
      if (!wanted.has(id) && !(id === this.chosen && el.contains(document.activeElement))) {
        el.remove();
        this.tiles.delete(id);
      }
    const order = this.order();
    let before = /** @type {HTMLElement | null} */ (null);
    for (const { id, tasks, box, y } of placed) {
      const drawn = JSON.stringify([tasks.map((one) => [one.task_id, one.state, one.error, one.progress, one.waiting_for, one.results?.map((/** @type {Obj} */ result) => [result.file, result.width, result.thumbnail])])]);
      let known = this.tiles.get(id);
      if (!known || known.drawn !== drawn) {
        const el = tile(tasks), hadFocus = known?.el.contains(document.activeElement);
        if (known) known.el.replaceWith(el);
        known = { el, drawn };
        this.tiles.set(id, known);
        if (hadFocus) el.querySelector("a")?.focus({ preventScroll: true });
      }
      const { el } = known;
      for (const [name, value] of [["left", box.x], ["top", y], ["width", box.w], ["height", box.h + room.caption]]) el.style.setProperty(String(name), `${Math.round(Number(value) * 100) / 100}px`);
      el.style.setProperty("--picture", `${box.h}px`);
      el.setAttribute("aria-posinset", String((order.get(id) ?? 0) + 1));
      el.setAttribute("aria-setsize", this.entries?.isWhole ? String(order.size) : "-1");
      if (before ? before.nextSibling !== el : this.el.firstChild !== el) this.el.insertBefore(el, before ? before.nextSibling : this.el.firstChild);
      before = el;
    }
    const first = placed.find((one) => one.id === this.chosen) ?? placed[0];
    for (const [id, { el }] of this.tiles) /** @type {any} */ (el.firstChild).tabIndex = id === first?.id ? 0 : -1;
    if (this.wantsFocus && first) {
      this.wantsFocus = false;
      if (document.activeElement === document.body) /** @type {any} */ (this.tiles.get(first.id)?.el.firstChild)?.focus({ preventScroll: true });
    }
    this.tick();
  }

  /** The place of each tile that is known, in the whole list. */
  order() {
    const order = new Map();
    let n = 0;
    for (const page of this.entries?.pages ?? []) {
      (page.tasks ? this.stacks.get(page) ?? [] : []).forEach((tasks, index) => order.set(tasks[0]?.task_id, n + index));
      n += page.count;
    }
    return order;
  }

  /** The first tile that is in sight, which is not to move. @param {number} scrolled */
  anchor(scrolled) {
    let y = 0;
    for (const page of this.entries?.pages ?? []) {
      if (y + page.height > scrolled) {
        const stacks = this.stacks.get(page) ?? [], index = page.boxes.findIndex((box) => y + box.y + box.h > scrolled), id = stacks[index]?.[0]?.task_id;
        if (id) return { id, y: y + /** @type {import("./rows.js").Box} */ (page.boxes[index]).y };
      }
      y += page.height;
    }
    return null;
  }

  /** @param {string} id */
  placeOf(id) {
    let y = 0;
    for (const page of this.entries?.pages ?? []) {
      const index = (this.stacks.get(page) ?? []).findIndex((tasks) => tasks[0]?.task_id === id), box = page.boxes[index];
      if (box) return { y: y + box.y, box, page, index };
      y += page.height;
    }
    return null;
  }

  /** Lets go of the tasks of pages that are far from what is seen. @param {Set<import("./entries.js").Page>} near */
  forget(near) {
    const pages = this.entries?.pages ?? [], here = pages.filter((page) => page.tasks);
    if (here.length <= KEPT_PAGES || !near.size) return;
    const middle = pages.findIndex((page) => near.has(page));
    here.sort((one, other) => Math.abs(pages.indexOf(other) - middle) - Math.abs(pages.indexOf(one) - middle));
    for (const page of here.slice(0, here.length - KEPT_PAGES)) if (!near.has(page)) this.entries?.drop(page);
  }

  tick() {
    for (const { el } of this.tiles.values()) {
      const clock = el.querySelector(".running .clock"), id = el.dataset.id ?? "", known = clock && this.entries?.find(id);
      if (clock && known && isLive(known.task)) clock.textContent = clockOf(known.task, performance.now() - (this.entries?.heard.get(id) ?? 0));
    }
  }

  /** @param {string} id */
  choose(id) {
    if (!id || id === this.chosen) return;
    this.chosen = id;
    for (const [one, { el }] of this.tiles) /** @type {any} */ (el.firstChild).tabIndex = one === id ? 0 : -1;
  }

  /** Brings a tile into sight. @param {string} id */
  reveal(id) {
    const place = this.placeOf(id);
    if (!place) return false;
    this.choose(id);
    const top = this.el.getBoundingClientRect().top + place.y, bottom = top + place.box.h + this.room().caption, edge = 8;
    if (top < edge) scrollBy({ top: top - edge, behavior: "instant" });
    else if (bottom > innerHeight - edge) scrollBy({ top: bottom - innerHeight + edge, behavior: "instant" });
    this.draw();
    return true;
  }

  /** Moves the focus into the list, as soon as there is one. */
  enter() {
    /** @type {any} */ (document.activeElement).blur();
    this.wantsFocus = true;
    this.later();
  }

  /** Moves the focus to a tile. @param {string} id */
  focus(id) {
    const isThere = this.reveal(id);
    if (isThere) /** @type {any} */ (this.tiles.get(id)?.el.firstChild)?.focus({ preventScroll: true });
    return isThere;
  }

  /** The tile beside another one. @param {string} id @param {string} key @returns {string} empty where there is none */
  beside(id, key) {
    const all = [...this.order().keys()], at = all.indexOf(id), place = this.placeOf(id);
    if (key === "Home") return all[0] ?? "";
    if (key === "End") return all.at(-1) ?? "";
    if (key === "ArrowLeft") return all[at - 1] ?? "";
    if (key === "ArrowRight") return all[at + 1] ?? "";
    if (!place) return "";
    const isDown = key === "ArrowDown", middle = place.box.x + place.box.w / 2;
    let best = "", off = Infinity, row = -1;
    for (let n = at + (isDown ? 1 : -1); n >= 0 && n < all.length; n += isDown ? 1 : -1) {
      const other = this.placeOf(all[n] ?? "");
      if (!other || other.y === place.y) continue;
      if (row < 0) row = other.y;
      if (other.y !== row) break;
      const far = Math.abs(other.box.x + other.box.w / 2 - middle);
      if (far < off) [best, off] = [all[n] ?? "", far];
    }
    return best;
  }
}

/** Tasks of one prompt as one stack, at the place of the newest. @param {Obj[]} tasks */
function grouped(tasks) {
  const stacks = /** @type {Map<string, Obj[]>} */ (new Map());
  for (const one of tasks) stacks.set(one.group ?? one.task_id, [...(stacks.get(one.group ?? one.task_id) ?? []), one]);
  return [...stacks.values()];
}
