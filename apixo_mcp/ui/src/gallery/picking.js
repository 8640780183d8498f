// @ts-check
/** Chooses earlier results by their pictures. */
import { button, h } from "../ui.js";
import { say } from "../words.js";
import { put } from "./making-words.js";

/** @typedef {Record<string, any>} Obj */

const PAGE = 40;

/** @param {string} kind @param {(path: string) => Promise<Obj>} ask @returns {Promise<string[]>} references to what was chosen */
export function pick(kind, ask) {
  return new Promise((done) => {
    /** @type {string[]} */
    let chosen = [];
    let next = "";
    const list = h("div", { className: "strip" }), said = h("p", { className: "note", role: "status" });
    const more = button(put("pick_more"), "forth", () => load(), { hidden: true });
    const take = (/** @type {Obj} */ task, /** @type {Obj} */ one) => h("button", { type: "button", className: "thumb large", "aria-label": `${(task.prompt ?? task.task_id).slice(0, 160)} ${one.index + 1}`, title: (task.prompt ?? "").slice(0, 160), onclick: () => {
      chosen = [`task:${task.task_id}/${one.index}`];
      dialog.close();
    } }, one.thumbnail ? h("img", { src: one.thumbnail, alt: "", loading: "lazy" }) : "♫");
    const load = async () => {
      try {
        const told = await ask(`api/tasks?state=success&modality=${kind}&limit=${PAGE}${next ? `&before=${encodeURIComponent(next)}` : ""}`);
        for (const task of told.tasks) for (const one of task.results ?? []) if (one.src) list.append(take(task, one));
        next = told.next ?? "";
        more.hidden = !next;
        said.textContent = list.children.length ? "" : put("pick_none");
      } catch (error) {
        said.textContent = /** @type {Error} */ (error).message || put("dead");
      }
    };
    const dialog = h("dialog", { className: "question", "aria-label": put("pick") }, h("div", { className: "row" }, button(say("close"), "close", () => dialog.close())), list, said, more);
    dialog.addEventListener("close", () => {
      dialog.remove();
      done(chosen);
    });
    document.body.append(dialog);
    dialog.showModal();
    load();
  });
}
