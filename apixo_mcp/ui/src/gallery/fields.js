// @ts-check
/** The fields of a form, each made from its part of a model's schema. What is left empty is not sent. */
import { button, h, icon } from "../ui.js";
import { put } from "./making-words.js";

/** @typedef {Record<string, any>} Obj */
/** @typedef {{get: () => any, set: (value: any) => void, nodes: any[], first: () => HTMLElement}} Control `get` returns undefined where nothing is given. */
/** @typedef {{pick: (kind: string) => Promise<string[]>, upload: ((file: File) => Promise<string>) | null}} Files */

const LONG = /prompt|text|lyrics|script/i;
const EARLIER = /^task:(tsk_[a-z2-7]{26})\/(\d+)$/;
let made = 0;

/** A name on the wire as a label. @param {string} name */
const labelOf = (name) => (name === "prompt" ? put("prompt") : name.replaceAll("_", " ").replace(/([a-z])([A-Z])/g, "$1 $2").replace(/^./, (one) => one.toUpperCase()));

/** @param {Obj} field */
function hintOf(field) {
  const { minimum: a, maximum: b, maxItems, maxLength, description = "" } = field;
  const bounds = a !== undefined && b !== undefined ? put("from_to", { a, b }) : b !== undefined ? put("at_most", { b }) : a !== undefined ? put("at_least", { a }) : "";
  return [description, bounds, maxItems ? put("items", { n: maxItems }) : "", maxLength ? put("characters", { n: maxLength }) : ""].filter(Boolean).join(" ");
}

/** Whether a value is written as text that only JSON says. @param {Obj} field */
const isPlain = (field) => ["string", "integer", "number", "boolean"].includes(field.type);

/** @param {string} text */
function parsed(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;  // the server says what is wrong with it
  }
}

/** A choice, the first where one is needed; what is chosen may be a number or a yes. @param {string} id @param {boolean} isNeeded @param {any[]} values @param {(value: any) => string} word @returns {Control} */
function choice(id, isNeeded, values, word) {
  const none = isNeeded ? JSON.stringify(values[0]) : "";
  const one = h("select", { id }, isNeeded ? null : h("option", { value: "" }, put("left_out")), values.map((value) => h("option", { value: JSON.stringify(value) }, word(value))));
  return { nodes: [one], first: () => one, get: () => (one.value ? JSON.parse(one.value) : undefined), set: (value) => { one.value = value === undefined ? none : JSON.stringify(value); } };
}

/** @param {any} one @param {(text: string) => any} read @param {(value: any) => string} [write] @returns {Control} */
const written = (one, read, write = String) => ({ nodes: [one], first: () => one, get: () => (one.validity.badInput ? "?" : one.value.trim() ? read(one.value) : undefined), set: (value) => { one.value = value === undefined ? "" : write(value); } });

/** Files: addresses, earlier results picked by their pictures, uploads. @param {string} id @param {Obj} field @param {Files} io @param {() => any} changed @returns {Control} */
function files(id, field, io, changed) {
  const isList = field.type === "array", kind = /video/i.test(field.name) ? "video" : /audio|voice|sound/i.test(field.name) ? "audio" : "image";
  const rows = h("div", null), label = labelOf(field.name), said = h("p", { className: "note", role: "status" });
  const inputs = () => /** @type {HTMLInputElement[]} */ ([...rows.querySelectorAll("input")]);
  const number = () => [...rows.children].forEach((row, n) => {
    const [input, remove] = [row.querySelector("input"), row.querySelector("button")];
    input.id = n ? `${id}-${n}` : id;
    input.setAttribute("aria-label", put("file", { label, n: n + 1 }));
    input.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
    remove.setAttribute("aria-label", put("take", { n: n + 1 }));
    remove.title = put("take", { n: n + 1 });
  });
  const row = (value = "") => {
    const picture = h("img", { alt: "", width: 48, height: 48, hidden: true, onerror: () => { picture.hidden = true; } });
    const input = h("input", { type: "text", value, autocomplete: "off", spellcheck: false });
    const look = () => {
      const found = EARLIER.exec(input.value.trim());
      picture.hidden = !found;
      if (found) picture.src = `thumbnails/${found[1]}/${found[2]}`;
    };
    const line = h("div", { className: "file" }, picture, input, h("button", { type: "button", className: "button", onclick: () => {
      const at = [...rows.children].indexOf(line);
      line.remove();
      if (!rows.children.length) row();
      number();
      (inputs()[Math.max(0, at - 1)] ?? inputs()[0])?.focus();
      changed();
    } }, icon("close")));
    input.addEventListener("input", look);
    rows.append(line);
    number();
    look();
    return input;
  };
  const give = (/** @type {string[]} */ values) => {
    if (!isList) rows.replaceChildren();
    for (const value of isList ? values : values.slice(0, 1)) {
      const empty = inputs().find((one) => !one.value.trim());
      if (empty) {
        empty.value = value;
        empty.dispatchEvent(new Event("input", { bubbles: true }));
      } else row(value);
    }
    if (!rows.children.length) row();
    changed();
  };
  const chosen = h("input", { type: "file", accept: `${kind}/*`, multiple: isList, className: "unseen", tabIndex: -1, "aria-hidden": "true", onchange: async () => {
    for (const file of /** @type {File[]} */ ([...chosen.files])) {
      said.textContent = put("uploading", { name: file.name });
      try {
        give([await /** @type {any} */ (io.upload)(file)]);
        said.textContent = "";
      } catch (error) {
        said.textContent = put("no_upload", { text: /** @type {Error} */ (error).message });
      }
    }
    chosen.value = "";
  } });
  row();
  return {
    nodes: [rows, h("div", { className: "row" }, isList ? button(put("add"), "forth", () => row().focus()) : null, button(put("pick"), "open", async () => {
      const picked = await io.pick(kind);
      if (picked.length) give(picked);
    }, { "data-act": "pick" }), io.upload ? button(put("upload"), "download", () => chosen.click(), { "data-act": "upload" }) : null, chosen), said],
    first: () => /** @type {HTMLElement} */ (inputs()[0]),
    get: () => {
      const given = inputs().map((one) => one.value.trim()).filter(Boolean);
      return given.length ? (isList ? given : given[0]) : undefined;
    },
    set: (value) => {
      rows.replaceChildren();
      for (const one of [value ?? []].flat()) row(one);
      if (!rows.children.length) row();
    },
  };
}

export class Field {
  /** @param {Obj} field @param {Files} io @param {() => any} changed */
  constructor(field, io, changed) {
    const id = `f${++made}`;
    this.name = field.name;
    this.isNeeded = field.required === true;
    this.isFirst = this.isNeeded || field.name === "prompt" || field.files === true;
    this.label = field.label ?? labelOf(field.name);
    this.control = this.made(id, field, io, changed);
    this.error = h("p", { className: "error", id: `${id}-error` });
    const hint = [hintOf(field), ...(field.files ? [put("address"), io.upload ? "" : put("path")] : []), field.type === "array" && !field.files ? (field.items?.type === "string" ? put("a_line") : "") : "", this.isJson ? put("as_json") : ""].filter(Boolean).join(" ");
    const label = h("label", { htmlFor: id }, this.label, this.isNeeded ? h("span", { className: "needed" }, ` (${put("needed")})`) : "");
    this.el = h("div", { className: "field" }, label, this.control.nodes, h("p", { className: "note", id: `${id}-hint` }, hint), this.error);
    const first = this.control.first();
    first.setAttribute("aria-describedby", `${id}-hint ${id}-error`);
    if (this.isNeeded) first.setAttribute("aria-required", "true");
  }

  /** @param {string} id @param {Obj} field @param {Files} io @param {() => any} changed @returns {Control} */
  made(id, field, io, changed) {
    const { type } = field;
    if (field.files) return files(id, field, io, changed);
    if (field.enum) return choice(id, this.isNeeded, field.enum, String);
    if (type === "boolean") return choice(id, this.isNeeded, [true, false], (value) => put(value ? "yes" : "no"));
    if (type === "integer" || type === "number") return written(h("input", { id, type: "number", min: field.minimum, max: field.maximum, step: type === "integer" ? 1 : "any" }), Number);
    if (type === "string") return written(LONG.test(field.name) || field.maxLength > 300 ? h("textarea", { id, rows: field.name === "prompt" ? 4 : 2 }) : h("input", { id, type: "text", autocomplete: "off" }), (text) => text);
    if (type === "array" && isPlain(field.items ?? {}) && field.items.type === "string")
      return written(h("textarea", { id, rows: 2 }), (text) => text.split("\n").map((one) => one.trim()).filter(Boolean), (value) => [value].flat().join("\n"));
    this.isJson = true;
    return written(h("textarea", { id, rows: 2, spellcheck: false }), parsed, (value) => JSON.stringify(value));
  }

  /** Tells what is wrong with it, and that nothing is where that is empty. @param {string} text */
  tell(text) {
    this.error.textContent = text;
    if (text) this.control.first().setAttribute("aria-invalid", "true");
    else this.control.first().removeAttribute("aria-invalid");
  }
}
