// @ts-check
/** One task: what was asked for, how it goes, what came of it, and what can be made of that. Draws what the server tells. */
import { button, h, kindOf, media, notice, shaped, speakUp } from "./ui.js";
import { adviceOf, isWord, money, say, size, time } from "./words.js";

/** @typedef {Record<string, any>} Obj */
/** @typedef {{bytes?: (card: Obj, result: Obj) => Promise<string>, small?: (card: Obj, result: Obj) => Promise<string>, open?: (url: string) => any,
 *   save: (card: Obj, result: Obj) => any, copy: (text: string) => any, full?: () => any, isFull?: () => boolean, cancel?: (card: Obj) => any,
 *   offer?: (view: TaskView, offer: Obj, index: number) => any}} Reach What its page can do. */

const RUNS = new Set(["submitting", "pending", "processing"]);

/** @param {Obj} card */
export const isLive = (card) => RUNS.has(card.state) || (card.results ?? []).some((/** @type {Obj} */ result) => result.file === "saving");

/** @param {string} name */
export const word = (name) => (isWord(name) ? say(name) : name);

/** @param {string} prompt @param {"h1" | "h2"} level */
function heading(prompt, level) {
  const short = prompt.length > 240 ? `${prompt.slice(0, 200)}…` : prompt;
  return h("div", { className: "head" }, h(level, { className: "prompt", tabIndex: -1 }, short),
    short === prompt ? null : h("details", null, h("summary", null, say("whole")), h("p", { className: "whole" }, prompt)));
}

/** The empty places of what is being made. @param {number} count @param {string} kind @param {string | undefined} shape @param {boolean} runs */
const places = (count, kind, shape, runs) => h("div", { className: `places ${kind}`, "aria-hidden": "true" },
  Array.from({ length: count }, () => shaped(h("div", { className: `place${runs ? " runs" : ""}` }), kind === "audio" ? undefined : shape ?? (kind === "video" ? "16:9" : "1:1"))));

export class TaskView {
  /** @param {Reach} reach @param {"h1" | "h2"} [level] */
  constructor(reach, level = "h1") {
    this.reach = reach;
    this.level = level;
    /** @type {Obj | null} */
    this.card = null;
    this.drawn = "";
    this.chosen = 0;
    /** @type {Map<string, Promise<string>>} small pictures, by task and index */
    this.thumbs = new Map();
    this.el = h("article", { className: "task" });
  }

  /** Shows what was asked for before anything is known of it. @param {{prompt: string, count: number, kind: string, shape?: string}} asked */
  skeleton({ prompt, count, kind, shape }) {
    this.el.setAttribute("aria-busy", "true");
    this.clock = h("span", { className: "clock" });
    this.el.replaceChildren(heading(prompt || say("preparing"), this.level), h("p", { className: "facts" }, h("span", { className: "badge live" }, say("asked")), this.clock), places(count, kind, shape, true));
  }

  /** @param {Obj} card */
  set(card) {
    const before = this.card;
    this.card = card;
    this.el.setAttribute("aria-busy", String(isLive(card)));
    this.el.dataset.state = card.state;
    if (before?.task_id !== card.task_id) this.chosen = 0;
    // Links are renewed with each answer: what is drawn stays as it is while nothing else changed.
    const now = JSON.stringify([card.task_id, card.state, card.error, card.can_cancel, card.waiting_for, (card.results ?? []).map((/** @type {Obj} */ one) => [one.file, one.width, one.asset_id])]);
    if (now === this.drawn) return this.tick();
    this.drawn = now;
    this.draw();
    if (before?.task_id !== card.task_id || before?.state !== card.state) speakUp(`${this.stateWord()}: ${card.prompt ?? ""}`.slice(0, 160));
  }

  redraw() {
    if (this.card) this.draw();
  }

  stateWord() {
    return word(this.card?.state ?? "running");
  }

  tick() {
    const clock = this.el.querySelector(".clock"), bar = this.el.querySelector("progress");
    if (clock) clock.textContent = this.clockText();
    if (bar && this.card?.progress !== undefined) bar.value = this.card.progress;
  }

  clockText() {
    const card = /** @type {Obj} */ (this.card), said = [];
    if (card.elapsed_seconds !== undefined) said.push(say("elapsed", { time: time(card.elapsed_seconds) }));
    if (card.eta_seconds) said.push(say("left", { time: time(card.eta_seconds) }));
    else if (card.usual_seconds && card.elapsed_seconds > card.usual_seconds[1]) said.push(say("late"));
    return said.join(" · ");
  }

  /** @param {Obj} card */
  facts(card) {
    const cost = card.cost?.amount !== undefined ? say("cost", { usd: money(card.cost.amount) }) : card.cost ? say("no_price") : "";
    const charged = card.state === "cancelled" || card.error?.charged === "no" ? say("free") : cost;
    return h("p", { className: "facts" }, h("span", { className: `badge ${isLive(card) ? "live" : card.state}` }, this.stateWord()),
      [card.model, charged, card.seed !== undefined ? say("seed", { n: card.seed }) : "", card.state === "success" && card.elapsed_seconds ? say("took", { time: time(card.elapsed_seconds) }) : ""]
        .filter(Boolean).map((one) => h("span", null, one)));
  }

  draw() {
    const card = /** @type {Obj} */ (this.card);
    const focused = this.el.contains(document.activeElement) ? /** @type {any} */ (document.activeElement)?.dataset.act : undefined;
    this.el.replaceChildren(heading(card.prompt || word(card.modality ?? "title"), this.level), this.facts(card), ...this.body(card), ...this.more(card));
    if (focused) (this.el.querySelector(`[data-act="${focused}"]`) ?? this.el.querySelector(".prompt"))?.focus();
  }

  /** @param {Obj} card @returns {any[]} */
  body(card) {
    switch (card.state) {
      case "success": return this.results(card);
      case "failed":
      case "unknown": return this.failure(card);
      case "cancelled": return [h("p", { className: "note" }, say("ended")), this.actions(card)];
      case "missing": return [h("p", { className: "trouble" }, say("missing_text"))];
    }
    return this.progress(card);
  }

  /** @param {Obj} card */
  progress(card) {
    const { cancel } = this.reach;
    return [
      h("div", { className: "progress" },
        h("progress", { "aria-label": say("progress"), max: 1, ...(card.progress !== undefined ? { value: card.progress } : {}) }),
        h("span", { className: "clock" }, this.clockText()),
        cancel && card.can_cancel ? button(say("cancel"), "cancel", () => cancel(card), { "data-act": "cancel" }) : null),
      card.waiting_for ? h("p", { className: "note" }, card.waiting_for) : null,
      card.cancel_requested ? h("p", { className: "note" }, say("kept")) : null,
      places(card.count ?? 1, card.modality, card.shape, true),
    ].filter(Boolean);
  }

  /** @param {Obj} card */
  failure(card) {
    const error = card.error ?? {}, charged = ["yes", "no"].includes(error.charged) ? `charged_${error.charged}` : "charged_unknown";
    const kind = error.category !== "unknown" && isWord(error.category) ? say(error.category) : "";  // what the gateway says is in its own language
    const rows = [[say("cause"), [kind, error.message, error.code ? `(${error.code})` : ""].filter(Boolean).join(" · ")], [say("fix"), adviceOf(card.state === "unknown" ? { ...error, advice: card.next_step } : error)], [say("charged"), word(charged)]];
    return [h("dl", { className: "trouble" }, rows.filter(([, text]) => text).map(([name, text]) => h("div", null, h("dt", null, name), h("dd", null, text)))), this.actions(card)];
  }

  /** @param {Obj} card */
  results(card) {
    const all = card.results ?? [], chosen = all[this.chosen] ?? all[0];
    if (!chosen) return [h("p", { className: "note" }, card.next_step ?? say("empty"))];
    const parts = [h("div", { className: "stage" }, this.shown(card, chosen, all.length))];
    if (all.length > 1) parts.push(this.strip(card, all));
    parts.push(this.actions(card, chosen));
    const facts = [chosen.mime_type, chosen.width ? `${chosen.width} × ${chosen.height}` : "", chosen.duration_seconds ? time(chosen.duration_seconds) : "", chosen.bytes ? size(chosen.bytes) : ""];
    parts.push(h("p", { className: "facts" }, facts.filter(Boolean).map((one) => h("span", null, one))));
    return parts;
  }

  /** @param {Obj} card @param {Obj} result @param {number} of */
  shown(card, result, of) {
    if (!result.file) return h("p", { className: "note" }, say("id_only", { text: result.asset_id ?? "" }));
    if (result.file === "saving" && !result.url) return h("p", { className: "note" }, say("saving"));
    const { bytes, small } = this.reach;
    return media({ kind: card.modality, ...result }, this.alt(card, result, of), { bytes: bytes && ((one) => bytes(card, one)), poster: small && ((one) => small(card, one)) });
  }

  /** @param {Obj} card @param {Obj} result @param {number} of */
  alt(card, result, of) {
    const kind = word(kindOf(result.mime_type, card.modality));
    return `${of > 1 ? say("numbered", { kind, n: result.index + 1, of }) : kind}: ${card.prompt ?? ""}`.slice(0, 300);
  }

  /** @param {Obj} card @param {Obj[]} all */
  strip(card, all) {
    const pick = (/** @type {number} */ place) => {
      this.chosen = (place + all.length) % all.length;
      this.draw();
      /** @type {any} */ (this.el.querySelector('.thumb[aria-pressed="true"]'))?.focus();
    };
    const keyed = (/** @type {KeyboardEvent} */ event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (!step) return;
      event.preventDefault();
      pick(this.chosen + step);
    };
    return h("div", { className: "strip", role: "group", "aria-label": say("results"), onkeydown: keyed }, all.map((result, place) => {
      const kind = kindOf(result.mime_type, card.modality);
      const one = h("button", { type: "button", className: "thumb", "data-act": `thumb${place}`, "aria-pressed": String(place === this.chosen), "aria-label": say("show", { kind: word(kind), n: place + 1, of: all.length }), onclick: () => pick(place) }, String(place + 1));
      if (kind !== "audio" && this.reach.small && result.file === "saved") {
        const key = `${card.task_id}/${result.index}`;
        if (!this.thumbs.has(key)) this.thumbs.set(key, this.reach.small(card, result));
        this.thumbs.get(key)?.then((source) => one.replaceChildren(h("img", { alt: "", src: source })), () => this.thumbs.delete(key));
      }
      return one;
    }));
  }

  /** @param {Obj} card @param {Obj} [result] */
  actions(card, result) {
    const { reach } = this, url = result?.link ?? result?.url, row = [];
    if (result?.file) {
      if (url || result.file === "saved") row.push(button(say("download"), "download", () => reach.save(card, result), { className: "main", "data-act": "download" }));
      const text = url ?? result.path;
      if (text) row.push(button(url ? say("copy") : say("copy_path"), "copy", () => reach.copy(text), { "data-act": "copy" }));
      if (url && reach.open) row.push(button(say("open"), "open", () => reach.open?.(url), { "data-act": "open" }));
      if (reach.full) row.push(button(reach.isFull?.() ? say("inline") : say("full"), "full", () => reach.full?.(), { "data-act": "full" }));
    }
    for (const offer of (reach.offer && card.offers) ?? [])
      row.push(button(word(offer.how), offer.how, () => reach.offer?.(this, offer, result?.index ?? 0), { "data-act": offer.how }));
    const panel = h("div", { className: "panel-place" });
    this.panelPlace = panel;
    return row.length ? h("div", null, h("div", { className: "row", role: "group", "aria-label": say("actions") }, row), panel) : panel;
  }

  /** @param {Obj} card */
  more(card) {
    const settings = Object.entries(card.settings ?? {});
    return [
      ...(card.notes ?? []).map((/** @type {string} */ note) => h("p", { className: "note" }, note)),
      settings.length ? h("details", null, h("summary", null, say("settings")), h("dl", { className: "settings" }, settings.map(([name, value]) => h("div", null, h("dt", null, name), h("dd", null, typeof value === "object" ? JSON.stringify(value) : String(value)))))) : "",
    ].filter(Boolean);
  }
}
