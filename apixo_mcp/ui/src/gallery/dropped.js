// @ts-check
/** A file that somebody drops on the page, or chooses: what it tells of itself, read by the server, and the task where it is known. */
import { h } from "../ui.js";
import { say, speaker, when } from "../words.js";
import { at } from "./address.js";
import { ask } from "./server.js";
import { tell } from "./words.js";

const HALF = 1 << 19;  // bytes of its beginning and of its end: what a file tells stands there

const word = speaker({
  choose: "Where is a file from?", title: "What the file tells", reading: "Reading…", nothing: "This file tells nothing of how it was made.", anybody: "The file says so; anybody may write into a file.",
  prompt: "Prompt", known: "Open its task",
}, {
  choose: "文件从何而来？", title: "文件的来历", reading: "正在读取…", nothing: "此文件没有记录它是如何生成的。", anybody: "以上内容来自文件本身，任何人都可能写入。",
  prompt: "提示词", known: "打开它的任务",
});

/** @param {File} file @returns {Promise<Record<string, any>>} */
const read = (file) => ask(`api/told?size=${file.size}`, { method: "POST", headers: { "X-Apixo-Mcp": "1" }, body: new Blob([file.slice(0, HALF), file.slice(Math.max(HALF, file.size - HALF))].slice(0, file.size > HALF ? 2 : 1)) });

/** Shows what a file tells. @param {File} file */
async function show(file) {
  const said = h("div", { role: "status" }, h("p", null, word("reading"))), close = h("button", { type: "button", className: "button", onclick: () => dialog.close() }, say("close"));
  const dialog = h("dialog", { className: "question", "aria-label": word("title") }, h("h2", { className: "words" }, file.name), said, h("div", { className: "row" }, close));
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  close.focus();
  try {
    const told = await read(file), line = (/** @type {[string, any]} */ [name, value]) => value == null || value === "" ? null : h("div", null, h("dt", null, name), h("dd", null, typeof value === "object" ? JSON.stringify(value) : String(value)));
    const made = Number.isNaN(Date.parse(told.created_at)) ? told.created_at : when(told.created_at);
    said.replaceChildren(...(told.task_id ? [
      h("dl", { className: "settings" }, [[word("prompt"), told.prompt], [say("model"), told.model], [tell("gateway"), told.gateway], [tell("task"), told.task_id], [tell("made"), made], ...Object.entries(told.inputs ?? {})].map((one) => line(/** @type {any} */ (one)))),
      h("p", { className: "note" }, word("anybody")),
      told.known ? h("p", null, h("a", { className: "button main", href: at({ task: told.task_id, view: "" }), onclick: () => dialog.close() }, word("known"))) : "",
    ] : [h("p", null, word("nothing"))]));
  } catch (error) {
    said.replaceChildren(h("p", { className: "trouble" }, /** @type {Error} */ (error).message || tell("dead")));
  }
}

/** Makes the page take files that are dropped on it. @returns {HTMLElement} what a file is chosen with, by hand or keyboard */
export function dropped() {
  const choose = h("input", { type: "file", className: "unseen", accept: "image/*,video/*,audio/*", onchange: () => {
    if (choose.files[0]) void show(choose.files[0]);
    choose.value = "";
  } });
  const brings = (/** @type {DragEvent} */ event) => event.dataTransfer?.types.includes("Files");
  const over = (/** @type {boolean} */ is) => document.body.classList.toggle("drop", is);
  addEventListener("dragover", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    over(!document.querySelector("dialog[open]"));
  });
  addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) over(false);
  });
  addEventListener("drop", (event) => {
    if (!brings(event)) return;
    event.preventDefault();
    over(false);
    const file = event.dataTransfer?.files[0];
    if (file && !document.querySelector("dialog[open]")) void show(file);
  });
  return h("label", { className: "button chooser" }, choose, word("choose"));
}
