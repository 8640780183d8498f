// @ts-check
/** What narrows the list: each part of it stands in the address. */
import { button, h } from "../ui.js";
import { FILTERS, filters, given, go, hearing } from "./address.js";
import { word } from "../task.js";
import { tell } from "./words.js";

const STATES = ["submitting", "pending", "processing", "unknown", "success", "failed", "cancelled"];
const PAUSE = 250;

export class Filters {
  constructor() {
    let timer = 0;
    this.search = h("input", { type: "search", id: "search", name: "query", maxLength: 500, autocomplete: "off", spellcheck: false, placeholder: tell("search_keys") });
    // What is being composed, as Chinese is, is no word yet.
    for (const name of ["input", "compositionend"]) this.search.addEventListener(name, (/** @type {any} */ event) => {
      clearTimeout(timer);
      if (event.isComposing) return;
      timer = window.setTimeout(() => go({ query: this.search.value.trim() }, { replace: given("query") !== "" }), PAUSE);
    });
    this.models = h("datalist", { id: "models" });
    /** @type {Set<string>} */
    this.known = new Set();
    this.fields = /** @type {Record<string, any>} */ ({
      state: this.select("state", STATES), modality: this.select("modality", ["image", "video", "audio"]),
      model: h("input", { id: "model", name: "model", type: "text", autocomplete: "off", spellcheck: false, size: 16 }), day: h("input", { id: "day", name: "day", type: "date" }),
    });
    this.fields.model.setAttribute("list", "models");
    for (const [name, field] of Object.entries(this.fields)) field.addEventListener("change", () => go({ [name]: field.value.trim() }));
    this.group = h("input", { type: "checkbox", id: "group", name: "group" });
    this.group.addEventListener("change", () => go({ group: this.group.checked ? "1" : "" }));
    this.clear = button(tell("clear"), "close", () => {
      go(Object.fromEntries(FILTERS.map((name) => [name, ""])));
      this.search.focus();
    }, { "data-act": "clear" });
    this.like = h("p", { className: "note" }, tell("like"));
    const label = (/** @type {string} */ text, /** @type {any} */ field) => h("div", { className: "filter" }, h("label", { htmlFor: field.id }, text), field);
    this.el = h("form", { className: "filters", role: "search", "aria-label": tell("filters"), onsubmit: (/** @type {Event} */ event) => event.preventDefault() },
      label(tell("search"), this.search), label(tell("state"), this.fields.state), label(tell("kind"), this.fields.modality), label(tell("model"), this.fields.model), label(tell("day"), this.fields.day),
      h("div", { className: "filter check" }, this.group, h("label", { htmlFor: "group" }, tell("grouped"))), this.clear, this.like, this.models);
    hearing(() => this.read());
    this.read();
  }

  /** @param {string} name @param {string[]} values */
  select(name, values) {
    return h("select", { id: name, name }, h("option", { value: "" }, tell("all")), values.map((one) => h("option", { value: one }, word(one))));
  }

  /** Shows what the address says. */
  read() {
    if (document.activeElement !== this.search || this.search.value.trim() !== given("query")) this.search.value = given("query");
    for (const [name, field] of Object.entries(this.fields)) field.value = given(name);
    this.group.checked = given("group") === "1";
    this.clear.hidden = !filters().size;
    this.like.hidden = !given("like");
  }

  /** Offers the models of tasks that were seen. @param {Record<string, any>[]} tasks */
  offer(tasks) {
    for (const { model } of tasks)
      if (!this.known.has(model) && this.known.size < 500) {
        this.known.add(model);
        this.models.append(h("option", { value: model }));
      }
  }
}
