// @ts-check
/** One task among the others: its pictures, and beside them what it was asked for, by whom, of which model and what it costs. */
import { h, kindOf } from "../ui.js";
import { isLive, word } from "../task.js";
import { money, say, time, when } from "../words.js";
import { at } from "./address.js";
import { tell } from "./words.js";

/** @typedef {Record<string, any>} Obj */

const MOST_PICTURES = 9;
const USUAL = /** @type {Record<string, number>} */ ({ image: 1, video: 16 / 9, audio: 2.2 });

/** What a task costs, and by what that is known. Never a zero for what has no price. @param {Obj} task */
export function costOf(task) {
  if (task.state === "cancelled" || task.error?.charged === "no") return say("free");
  if (!task.cost) return "";
  return task.cost.amount === undefined ? say("no_price") : say("cost", { usd: money(task.cost.amount) });
}

/** @param {Obj[]} tasks one, or several of one prompt */
const pictures = (tasks) => tasks.flatMap((task) => (task.results ?? []).map((/** @type {Obj} */ result) => ({ task, result })));

/** @param {Obj} task @param {Obj} [result] */
function shapeOf(task, result) {
  if (result?.width && result?.height) return result.width / result.height;
  const [w, h] = (task.shape ?? "").split(":").map(Number);
  return w && h ? w / h : USUAL[task.modality] ?? 1;
}

/** In how many columns some pictures stand, and the shape that all of them take together. @param {Obj[]} tasks */
export function mosaic(tasks) {
  const all = pictures(tasks), n = Math.min(MOST_PICTURES, Math.max(1, all.length)), one = shapeOf(/** @type {Obj} */ (tasks[0]), all[0]?.result);
  let best = { columns: 1, shape: one };
  for (let columns = 1; columns <= Math.min(n, 4); columns++) {
    const lines = Math.ceil(n / columns), shape = (one * columns) / lines;
    const off = Math.abs(Math.log(shape / 1.4)) + 0.4 * (columns * lines - n);
    if (columns === 1 || off < Math.abs(Math.log(best.shape / 1.4)) + 0.4 * (best.columns * Math.ceil(n / best.columns) - n)) best = { columns, shape };
  }
  return best;
}

/** @param {Obj} task @param {Obj} result */
function picture(task, result) {
  const kind = kindOf(result.mime_type, result.kind);
  const mark = kind === "image" ? null : h("span", { className: "mark" }, kind === "video" ? "▶" : "♪", result.duration_seconds ? ` ${time(result.duration_seconds)}` : "");
  const sign = kind !== "image" && result.src ? h("span", { className: "sound", "aria-hidden": "true" }, kind === "video" ? "▶" : "♫") : null;
  const inside = result.thumbnail ? h("img", { src: result.thumbnail, alt: "", loading: "lazy", decoding: "async", draggable: false })
    : sign ?? h("span", { className: "without" }, result.file === "saving" ? say("saving") : result.problem || result.asset_id || tell("no_file"));
  inside.addEventListener?.("error", () => inside.replaceWith(sign ?? h("span", { className: "without" }, tell("no_file"))), { once: true });
  return h("span", { className: `picture ${kind}` }, inside, mark);
}

/** The line that a running task is told by; it is kept up to the second. @param {Obj} task @param {number} since milliseconds since it was told */
export function clockOf(task, since) {
  const past = since / 1000, said = [say("elapsed", { time: time((task.elapsed_seconds ?? 0) + past) })];
  const left = (task.eta_seconds ?? 0) - past;
  if (left >= 1) said.push(say("left", { time: time(left) }));
  else if (task.usual_seconds && task.elapsed_seconds + past > task.usual_seconds[1]) said.push(say("late"));
  return said.join(" · ");
}

/** @param {Obj} task */
function without(task) {
  if (isLive(task)) return h("span", { className: "running place runs" }, h("span", { className: "clock" }), h("progress", { max: 1, "aria-label": say("progress"), ...(task.progress !== undefined ? { value: task.progress } : {}) }));
  const text = task.error ? [task.error.message, task.error.code && `(${task.error.code})`].filter(Boolean).join(" ") : "";
  return h("span", { className: `without ${task.state}` }, text || word(task.state));
}

/** What stands beside the pictures. @param {Obj[]} tasks */
function caption(tasks) {
  const task = /** @type {Obj} */ (tasks[0]), many = tasks.length > 1 ? tell("of_prompt", { n: tasks.length }) : "";
  const facts = [task.model, task.seed !== undefined ? say("seed", { n: task.seed }) : "", costOf(task), task.owner ? tell("by", { owner: task.owner }) : "", when(task.created_at)];
  const charged = task.error?.charged === "yes" ? say("charged_yes") : "";
  return h("span", { className: "caption" }, h("span", { className: "words" }, task.prompt || word(task.modality)),
    h("span", { className: "facts" }, many ? h("b", null, many) : null, task.state === "success" ? null : h("span", { className: `badge ${isLive(task) ? "live" : task.state}` }, word(task.state)), charged ? h("b", null, charged) : null,
      facts.filter(Boolean).map((one) => h("span", null, one))));
}

/** @param {Obj[]} tasks one, or several of one prompt @returns {HTMLElement} */
export function tile(tasks) {
  const task = /** @type {Obj} */ (tasks[0]), all = pictures(tasks), shown = all.slice(0, MOST_PICTURES), { columns } = mosaic(tasks);
  const pics = h("span", { className: "pictures", "data-columns": String(columns) }, shown.length ? shown.map(({ task: of, result }) => picture(of, result)) : without(task), all.length > shown.length ? h("span", { className: "mark" }, say("more", { n: all.length - shown.length })) : null);
  const to = tasks.length > 1 ? at({ like: task.task_id, query: "", group: "" }) : at({ task: task.task_id });
  return h("li", { className: "tile", "data-id": task.task_id, "data-state": task.state }, h("a", { href: to, tabIndex: -1, draggable: false }, pics, caption(tasks)));
}
