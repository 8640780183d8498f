// @ts-check
/** The page of one task: what it shows, and all that it was made from. */
import { TaskView, isLive } from "../task.js";
import { button, copied, h, notice, speakUp, voice } from "../ui.js";
import { money, say, when } from "../words.js";
import { at, given, go, leave } from "./address.js";
import { askToDelete } from "./deleting.js";
import { Refused, ask, change } from "./server.js";
import { costOf } from "./tile.js";
import { tell } from "./words.js";

/** @typedef {Record<string, any>} Obj */

const absolute = (/** @type {string} */ path) => new URL(path, document.baseURI).href;

export class Whole {
  /** @param {{beside: (id: string, by: number) => string, troubled: (error: unknown) => any, opened: (id: string) => any, closed: (id: string) => any, gone: (id: string) => any}} list */
  constructor(list) {
    this.list = list;
    this.id = "";
    /** @type {Obj | null} */
    this.task = null;
    this.heard = 0;
    this.asks = 0;
    this.drawnMore = "";
    this.el = h("dialog", { className: "page", "aria-label": tell("task") });
    this.el.addEventListener("cancel", (/** @type {Event} */ event) => {
      event.preventDefault();
      this.close();
    });
    this.el.addEventListener("close", () => {
      if (this.id) this.close();  // a browser closes it by itself at the second Escape
    });
    this.el.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => this.key(event));
    setInterval(() => this.tick(), 1000);
  }

  /** Shows the task that the address names, or closes. @param {Obj | null} [known] as the list has it */
  read(known) {
    const id = given("task");
    if (id === this.id) return;
    const before = this.id;
    this.id = id;
    this.task = null;
    if (!id) {
      this.el.close();
      document.body.append(voice);
      this.el.replaceChildren();
      this.list.closed(before);
      return;
    }
    this.view = new TaskView(this.reach(), "h2");
    this.more = h("div", { className: "more" });
    this.tools = h("div", { className: "tools" });
    this.drawnMore = "";
    this.el.replaceChildren(this.tools, this.view.el, this.more, voice);
    this.drawTools();
    if (!this.el.open) this.el.showModal();
    this.tools.querySelector("button")?.focus();
    this.el.scrollTop = 0;
    this.list.opened(id);
    if (known) this.set(known);
    else this.view.skeleton({ prompt: tell("loading"), count: 1, kind: "image" });
    this.ask();
  }

  get isLive() {
    return !!this.task && isLive(this.task);
  }

  async ask() {
    const id = this.id, mine = ++this.asks;
    if (!id) return;
    try {
      const told = await ask(`api/tasks/${encodeURIComponent(id)}`);
      if (mine === this.asks && id === this.id) this.set(told);
    } catch (error) {
      if (mine !== this.asks || id !== this.id) return;
      if (error instanceof Refused && error.status === 404) this.gone();
      else this.list.troubled(error);
    }
  }

  gone() {
    this.task = null;
    this.view?.el.replaceChildren(h("p", { className: "trouble", role: "alert" }, tell("missing")));
    this.more?.replaceChildren();
    this.drawTools();
  }

  /** Takes in what a change told, and asks for the rest of it. @param {Obj} entry */
  heardOf(entry) {
    if (entry.task_id !== this.id) return;
    this.set({ ...this.task, ...entry });
    this.ask();
  }

  /** @param {Obj} told */
  set(told) {
    this.task = told;
    this.heard = performance.now();
    this.view?.set(this.card());
    this.drawTools();
    this.drawMore();
  }

  /** The task with addresses of files, and its clock as it is now. @returns {Obj} */
  card() {
    const task = /** @type {Obj} */ (this.task), past = isLive(task) ? (performance.now() - this.heard) / 1000 : 0;
    return { ...task, can_cancel: false, elapsed_seconds: (task.elapsed_seconds ?? 0) + past, ...(task.eta_seconds ? { eta_seconds: Math.max(0, task.eta_seconds - past) } : {}),
      results: (task.results ?? []).map((/** @type {Obj} */ one) => ({ ...one, ...(one.src ? { link: absolute(one.src) } : {}) })) };
  }

  tick() {
    if (!this.isLive) return;
    this.view?.set(this.card());
  }

  /** @returns {import("../task.js").Reach} */
  reach() {
    return {
      save: (card, result) => {
        if (!result.src) return notice(say("nowhere", { text: result.path ?? "" }));
        const name = (result.path ?? "").split(/[/\\]/).pop() || `${card.task_id}-${result.index}.${(result.mime_type ?? "").split("/")[1] ?? "bin"}`;
        const link = h("a", { href: result.src, download: name });
        this.el.append(link);
        link.click();
        link.remove();
        notice(say("saved"));
      },
      copy: async (text) => notice(await copied(text, this.el) ? say("copied") : say("by_hand", { text })),
      open: (url) => void window.open(url, "_blank", "noopener"),
      small: async (_, result) => {
        if (!result.thumbnail) throw new Error("none");
        return result.thumbnail;
      },
    };
  }

  drawTools() {
    if (!this.id) return;
    const { task, tools } = this, focused = /** @type {any} */ (document.activeElement)?.dataset?.act, { copy } = this.reach();
    const step = (/** @type {number} */ by) => this.list.beside(this.id, by);
    tools?.replaceChildren(
      button(tell("close"), "close", () => this.close(), { "data-act": "back" }),
      h("span", { className: "row" }, [[-1, tell("previous"), "back"], [1, tell("next"), "forth"]].map(([by, label, drawing]) => {
        const one = button(String(label), String(drawing), () => this.step(Number(by)), { "data-act": drawing });
        one.disabled = !step(Number(by));
        return one;
      })),
      task ? h("span", { className: "row" }, button(tell("copy_prompt"), "copy", () => copy(task.prompt ?? ""), { "data-act": "prompt" }), button(tell("copy_page"), "copy", () => copy(absolute(`?task=${this.id}`)), { "data-act": "page" }), h("a", { className: "button", href: `new?again=${this.id}`, "data-act": "again" }, tell("use_again")),
        task.can_reveal && (task.results ?? []).some((/** @type {Obj} */ one) => one.src) ? button(tell("reveal"), "open", () => this.reveal(), { "data-act": "reveal" }) : null,
        button(tell("remove"), "cancel", () => this.remove(), { "data-act": "remove" })) : "");
    if (focused && !this.el.contains(document.activeElement)) tools?.querySelector(`[data-act="${focused}"]:not(:disabled)`)?.focus();
    if (this.el.open && !this.el.contains(document.activeElement)) tools?.querySelector("button")?.focus();
  }

  drawMore() {
    const task = /** @type {Obj} */ (this.task), text = JSON.stringify(task);
    if (this.drawnMore === text) return;
    this.drawnMore = text;
    const inputs = Object.entries(task.inputs ?? {}).filter(([name]) => name !== "prompt");
    const sources = task.sources ?? [];
    const cost = task.cost?.amount !== undefined && costOf(task) !== say("free") ? tell("basis_estimated", { usd: money(task.cost.amount) }) : task.cost && costOf(task) !== say("free") ? tell("basis_unknown") : task.cost ? tell("basis_free") : tell("basis_none");
    const rows = [[tell("model"), task.model], [tell("seed"), task.seed ?? tell("no_seed")], [tell("cost"), cost], [tell("owner"), task.owner], [tell("made"), when(task.created_at)], [tell("ended"), task.completed_at && when(task.completed_at)],
      [tell("task"), task.task_id], [tell("gateway"), task.gateway], [tell("provider"), task.provider], [tell("remote"), task.remote_id]];
    const line = (/** @type {any[]} */ [name, value]) => value === undefined || value === "" ? null : h("div", null, h("dt", null, name), h("dd", null, typeof value === "object" ? JSON.stringify(value) : String(value)));
    const files = (task.results ?? []).filter((/** @type {Obj} */ one) => one.path || one.problem);
    this.more?.replaceChildren(
      h("h3", null, tell("made_from")), h("dl", { className: "settings" }, rows.map(line)),
      h("p", null, h("a", { href: at({ like: task.task_id, task: "", query: "" }) }, tell("same"))),
      ...(sources.length ? [h("h3", null, tell("source")), h("ul", null, sources.map((/** @type {Obj} */ one) => h("li", null, h("a", { href: at({ task: one.task_id }) }, h("img", { src: `thumbnails/${one.task_id}/${one.index}`, alt: "", width: 96, height: 96, loading: "lazy", onerror: (/** @type {any} */ event) => event.target.remove() }), ` ${one.task_id}`))))] : []),
      ...(inputs.length ? [h("h3", null, tell("inputs")), h("dl", { className: "settings" }, inputs.map(line))] : []),
      ...(task.tries?.length ? [h("h3", null, tell("tries")), h("ol", null, task.tries.map((/** @type {Obj} */ one) => h("li", null, tell("try_line", { when: one.sent_at ? when(one.sent_at) : "?", what: [one.error ?? tell("accepted"), one.remote_id].filter(Boolean).join(" · ") }))))] : []),
      ...(files.length ? [h("h3", null, tell("files")), h("ul", null, files.map((/** @type {Obj} */ one) => h("li", null, [one.path, one.problem].filter(Boolean).join(" · "))))] : []),
    );
  }

  /** @param {number} by */
  step(by) {
    const next = this.list.beside(this.id, by);
    if (next) go({ task: next }, { replace: true });
  }

  close() {
    leave({ task: "" });
  }

  async reveal() {
    const result = (this.task?.results ?? []).find((/** @type {Obj} */ one, /** @type {number} */ n) => one.src && n >= (this.view?.chosen ?? 0));
    try {
      await change(`api/tasks/${this.id}/reveal?index=${result?.index ?? 0}`, "POST");
      notice(tell("revealed"));
    } catch (error) {
      notice(/** @type {Error} */ (error).message || tell("dead"));
    }
  }

  async remove() {
    const id = this.id, next = this.list.beside(id, 1) || this.list.beside(id, -1);
    if (!this.task) return;
    const what = await askToDelete(this.task);
    if (!what || this.id !== id) return;
    if (what === "file") return this.ask();
    this.list.gone(id);
    if (next) go({ task: next }, { replace: true });
    else this.close();
  }

  /** @param {KeyboardEvent} event */
  key(event) {
    const on = /** @type {HTMLElement} */ (event.target);
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || on.closest("input, textarea, select, video, audio, .strip")) return;
    const { view } = this, results = view?.card?.results?.length ?? 0;
    if (event.key === "Delete") this.remove();
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") {
      const by = event.key === "ArrowLeft" ? -1 : 1, chosen = (view?.chosen ?? 0) + by;
      if (view && chosen >= 0 && chosen < results) {
        view.chosen = chosen;
        view.redraw();
        speakUp(say("numbered", { kind: say("results"), n: chosen + 1, of: results }));
      } else this.step(by);
    } else return;
    event.preventDefault();
  }
}
