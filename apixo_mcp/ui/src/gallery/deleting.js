// @ts-check
/** Asks what of a task is to be deleted, says what stays, and has it deleted. */
import { h, notice } from "../ui.js";
import { change } from "./server.js";
import { tell } from "./words.js";

/** @typedef {Record<string, any>} Obj */

/** @param {Obj} task @returns {Promise<string>} what was deleted; empty: nothing */
export function askToDelete(task) {
  const hasFiles = (task.results ?? []).some((/** @type {Obj} */ one) => one.src);
  const kinds = [hasFiles && "file", task.can_delete && "entry", hasFiles && task.can_delete && "both"].filter(Boolean);
  return new Promise((done) => {
    const choices = kinds.map((kind) => {
      const one = h("input", { type: "radio", name: "what", value: kind, id: `what-${kind}`, checked: kind === kinds.at(-1), "aria-describedby": `what-${kind}-how` });
      return h("div", { className: "choice" }, one, h("label", { htmlFor: one.id }, tell(/** @type {any} */ (`delete_${kind}`))), h("p", { className: "note", id: `what-${kind}-how` }, tell(/** @type {any} */ (`delete_${kind}_how`))));
    });
    const trouble = h("p", { className: "trouble", role: "alert", hidden: true });
    const keep = h("button", { type: "button", className: "button", onclick: () => dialog.close() }, tell("keep"));
    const remove = h("button", { type: "submit", className: "button danger", hidden: !kinds.length }, tell("delete_now"));
    let deleted = "";
    const form = h("form", { onsubmit: async (/** @type {SubmitEvent} */ event) => {
      event.preventDefault();
      if (remove.disabled) return;
      remove.disabled = true;
      const what = String(new FormData(form).get("what"));
      try {
        await change(`api/tasks/${task.task_id}?what=${what}`, "DELETE");
        deleted = what;
        notice(tell("deleted"));
        dialog.close();
      } catch (error) {
        trouble.textContent = /** @type {Error} */ (error).message || tell("dead");
        trouble.hidden = false;
        remove.disabled = false;
      }
    } }, kinds.length ? h("fieldset", null, h("legend", null, tell("delete_title")), choices) : h("p", null, tell("delete_nothing")),
      task.can_delete ? h("p", { className: "note" }, tell("delete_stays")) : h("p", { className: "note" }, tell("delete_running")), trouble, h("div", { className: "row" }, keep, remove));
    const dialog = h("dialog", { className: "question", "aria-label": tell("delete_title") }, h("p", { className: "words" }, task.prompt ?? task.task_id), form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      done(deleted);
    });
    document.body.append(dialog);
    dialog.showModal();
    keep.focus();
  });
}
