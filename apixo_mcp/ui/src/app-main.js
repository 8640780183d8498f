// @ts-check
/** The app in a chat: what a tool of ours was asked for, and what came of it. */
import { Bridge, wordsOf } from "./bridge.js";
import { showOffer } from "./offer.js";
import { TaskView, isLive } from "./task.js";
import { button, copied, followSystemTheme, h, notice, voice, wear } from "./ui.js";
import { say, speak, speaker, time } from "./words.js";
import { Watch } from "./watch.js";

/** @typedef {Record<string, any>} Obj */

/** What only this page says. */
const alone = speaker({ outside: "This page shows its tasks inside a chat that renders MCP Apps.", stopped: "Stopped in the chat. A task that was sent already goes on: ask the chat for it." },
  { outside: "请在支持 MCP Apps 的聊天中打开本页。", stopped: "已在聊天中停止。已发送的任务会继续，可在聊天中查询。" });

const CHUNK_TAKES = 120000, SOON = 500;
const started = performance.now();
const root = document.documentElement;
const main = h("main", null);
/** @type {Map<string, TaskView>} the tasks that are shown, by their ids */
const views = new Map();
/** @type {TaskView | null} what is shown before any task is known */
let waiting = null;
/** @type {Obj} the arguments of the call that this app belongs to */
let given = {};
/** @type {Obj | null} the structure of its result */
let told = null;
let ids = /** @type {string[]} */ ([]), isOver = false;
const toTell = new Map();
/** @type {Set<string>} the tasks that the server has told of, and not only an old answer in the chat */
const fresh = new Set();
/** @type {Set<string>} the tasks whose answer has reached the host, and so the model */
const heard = new Set();

const bridge = new Bridge({ name: "apixo-mcp", version: "1" }, {
  context, partial: asked, input: asked, result, teardown: () => watch.end(),
  cancelled: () => {
    isOver = true;
    if (!ids.length) say_only(alone("stopped"));
  },
});

/** Takes on how the host shows us; it may tell a part alone. @param {Obj} told */
function context(told) {
  if (told.theme) wear(told.theme);
  for (const [name, value] of Object.entries(told.styles?.variables ?? {})) if (value && name.startsWith("--")) root.style.setProperty(name, String(value));
  if (told.displayMode) root.dataset.mode = told.displayMode;
  if (told.safeAreaInsets) for (const side of ["top", "right", "bottom", "left"]) document.body.style.setProperty(`padding-${side}`, `${(told.safeAreaInsets[side] ?? 0) + 12}px`);
  if (told.locale) speak(told.locale);
  main.setAttribute("aria-label", say("title"));
  if (told.displayMode || told.locale) for (const view of views.values()) view.redraw();
}

const tool = () => /** @type {string} */ (bridge.context.toolInfo?.tool?.name ?? "");
const kind = () => ["video", "audio"].find((one) => tool().startsWith(`generate_${one}`)) ?? "image";
const isMaking = () => tool() === "" || tool().startsWith("generate_");

/** @param {Obj} arguments_ */
function asked(arguments_) {
  given = arguments_;
  if (ids.length || told) return;
  const many = Array.isArray(given.prompts) && given.prompts.length ? given.prompts.length : 1;
  const each = Math.max(1, Number(given.num_images) || 1);
  const prompt = typeof given.prompt === "string" && given.prompt ? given.prompt : many > 1 ? given.prompts.join("\n") : "";
  waiting ??= new TaskView(reach);
  waiting.skeleton({ prompt: String(prompt), count: Math.min(50, many * each), kind: kind(), shape: /^\d+:\d+$/.test(given.aspect_ratio) ? given.aspect_ratio : undefined });
  if (!main.contains(waiting.el)) main.replaceChildren(waiting.el);
  if (bridge.context && !isOver) watch.now();
}

/** @param {Obj} answer */
function result(answer) {
  const structure = answer?.structuredContent;
  told = structure ?? {};
  isOver = true;
  const found = structure?.task_id ? [structure.task_id] : (structure?.tasks ?? []).map((/** @type {Obj} */ one) => one.task_id).filter(Boolean);
  if (!found.length) {
    if (!ids.length) say_only(wordsOf(answer).split("\n{")[0] || say("empty"));  // words without the structure behind them
    return;
  }
  ids = found;
  for (const id of found) heard.add(id);
  watch.now();
}

/** @param {string} text */
function say_only(text) {
  waiting = null;
  main.replaceChildren(h("h1", { className: "unseen" }, say("title")), h("p", { className: "note", role: "status" }, text));
  main.setAttribute("aria-busy", "false");
}

/** @param {Obj[]} cards */
function show(cards) {
  waiting = null;
  document.querySelector(".lost")?.remove();
  for (const card of cards) {
    let view = views.get(card.task_id);
    if (!view) {
      view = new TaskView(reach, views.size ? "h2" : "h1");
      views.set(card.task_id, view);
      if (views.size === 1) main.replaceChildren(view.el);
      else main.append(view.el);
    }
    const before = view.card;
    view.set(card);
    if (before && isLive(before) && !isLive(card)) toTell.set(card.task_id, ended(card));
  }
  tell();
}

/** @param {Obj} card */
function ended(card) {
  if (card.state !== "success") return `Task ${card.task_id} ended: ${card.state}. ${card.error?.message ?? ""}`.trim();
  const files = (card.results ?? []).map((/** @type {Obj} */ one) => `- ${one.path ?? one.link ?? one.url ?? one.asset_id ?? ""}`);
  return [`Task ${card.task_id} (${card.model}) is done:`, ...files].join("\n");
}

/** Tells the model what ended since its call, without a turn: one text for all, as each replaces the one before. */
function tell() {
  if (!toTell.size || !bridge.can.updateModelContext) return;
  const text = [...toTell.values()].join("\n");
  if (text === tell.last) return;
  tell.last = text;
  bridge.ask("ui/update-model-context", { content: [{ type: "text", text }] }).catch(() => {});
}
tell.last = "";

const watch = new Watch({
  ask: async () => {
    const open = ids.filter((id) => !fresh.has(id) || isLive(views.get(id)?.card ?? {}));
    if (open.length) {
      const answer = (await bridge.call("app_tasks", { task_ids: open, look: open.some((id) => !fresh.has(id)) })).structuredContent;
      for (const card of answer.tasks) fresh.add(card.task_id);
      show(answer.tasks);
      return answer.tasks.some(isLive) ? answer.poll_after_ms : 0;
    }
    if (ids.length || isOver || !waiting) return 0;
    const named = given.task_id && given.task_id !== "last" ? [given.task_id] : Array.isArray(given.task_ids) ? given.task_ids : [];
    const prompts = Array.isArray(given.prompts) && given.prompts.length ? given.prompts : given.prompt ? [given.prompt] : [];
    if (named.length) ids = named;
    else if (isMaking() && prompts.length) {
      const seconds = Math.ceil((performance.now() - started) / 1000);
      const answer = (await bridge.call("app_tasks", { prompts, seconds })).structuredContent;
      if (answer.tasks.length >= prompts.length && !isOver) {
        ids = answer.tasks.map((/** @type {Obj} */ one) => one.task_id);
        show(answer.tasks);
      }
    }
    return ids.length ? 1 : SOON;
  },
  lost: () => {
    if (document.querySelector(".lost")) return;
    if (!views.size && told?.task_id) show([told]);  // as the chat has it, until the server says more
    const again = button(say("retry"), "again", () => watch.now(), { "data-act": "retry" });
    main.append(h("div", { className: "trouble lost", role: "alert" }, h("p", null, say("lost")), again));
  },
});

/** @param {Obj} card @param {Obj} one @returns {Promise<string>} */
async function base64(card, one) {
  // To read a resource is to have heard of its task. While the call is open only the app has: our own tool does not count.
  if (bridge.can.serverResources && one.resource_uri && heard.has(card.task_id)) {
    try {
      const read = await bridge.ask("resources/read", { uri: one.resource_uri }, CHUNK_TAKES);
      if (read?.contents?.[0]?.blob) return read.contents[0].blob;
    } catch { /* the other way */ }
  }
  const parts = [];
  for (let offset = 0, total = 1; offset < total;) {
    const { _meta, structuredContent } = await bridge.call("app_bytes", { task_id: card.task_id, index: one.index, offset }, CHUNK_TAKES);
    const part = _meta?.part ?? structuredContent;
    if (!part?.bytes) throw new Error("empty");
    parts.push(part.base64);  // each but the last has a multiple of three bytes, so they join
    offset += part.bytes;
    total = part.total;
  }
  return parts.join("");
}

/** @type {import("./offer.js").Ways} */
const ways = {
  price: async (offer) => (await bridge.call("app_make", { ...offer, quote: true })).structuredContent,
  buy: async (offer) => {
    const made = (await bridge.call("app_make", offer)).structuredContent;
    if (!made?.task_id) throw new Error(say("lost"));
    heard.add(made.task_id);
    if (!ids.includes(made.task_id)) ids = [...ids, made.task_id];
    const answer = (await bridge.call("app_tasks", { task_ids: [made.task_id] })).structuredContent;
    show(answer.tasks);
    /** @type {any} */ (views.get(made.task_id)?.el.querySelector(".prompt"))?.focus();
    watch.now();
  },
};

/** @type {import("./task.js").Reach} */
const reach = {
  bytes: async (card, one) => `data:${one.mime_type};base64,${await base64(card, one)}`,
  small: async (card, one) => {
    const part = (await bridge.call("app_bytes", { task_id: card.task_id, index: one.index, small: true })).structuredContent;
    return `data:${part.mime_type};base64,${part.base64}`;
  },
  open: async (url) => {
    try {
      const answer = await bridge.ask("ui/open-link", { url });
      if (answer?.isError) throw new Error();
      notice(say("opened"));
    } catch {
      notice(say("by_hand", { text: url }));
    }
  },
  copy: async (text) => notice(await copied(text) ? say("copied") : say("by_hand", { text })),
  save: async (card, one) => {
    const url = one.link ?? one.url;
    const name = `${card.task_id}-${one.index}.${(one.mime_type ?? "").split("/")[1] ?? "bin"}`;
    if (bridge.can.downloadFile) {
      try {
        const content = one.link ? { type: "resource_link", uri: one.link, name, mimeType: one.mime_type }
          : { type: "resource", resource: { uri: one.resource_uri ?? url, mimeType: one.mime_type, blob: await base64(card, one) } };
        const answer = await bridge.ask("ui/download-file", { contents: [content] }, 300000);
        if (!answer?.isError) return notice(say("saved"));
      } catch { /* the next way */ }
    }
    if (url && bridge.can.openLinks) return reach.open?.(url);
    notice(url ? say("by_hand", { text: url }) : say("nowhere", { text: one.path ?? "" }));
  },
  cancel: async (card) => {
    try {
      show((await bridge.call("app_cancel", { task_id: card.task_id })).structuredContent.tasks);
    } catch (error) {
      notice(/** @type {Error} */ (error).message);
    }
  },
  offer: (view, offer, index) => showOffer(view, ways, offer, index),
  get full() {
    const other = bridge.context.displayMode === "fullscreen" ? "inline" : "fullscreen";
    return bridge.context.availableDisplayModes?.includes(other) ? async () => {
      const answer = await bridge.ask("ui/request-display-mode", { mode: other });
      bridge.context.displayMode = answer.mode;
      context({ displayMode: answer.mode });
    } : undefined;
  },
  isFull: () => bridge.context.displayMode === "fullscreen",
};

setInterval(() => {
  if (waiting?.clock) waiting.clock.textContent = say("elapsed", { time: time((performance.now() - started) / 1000) });
}, 1000);
followSystemTheme();
speak(navigator.language);
waiting = new TaskView(reach);
waiting.skeleton({ prompt: "", count: 1, kind: "image" });
main.append(waiting.el);
document.body.append(main, voice);
bridge.connect().catch(() => say_only(alone("outside")));
