// @ts-check
/** Starts a task: a model, its fields, the price of what stands in them, and the click on that price, which buys once. */
import { h, speakUp } from "./ui.js";
import { money, say } from "./words.js";
import { Field } from "./gallery/fields.js";
import { pick } from "./gallery/picking.js";
import { put } from "./gallery/making-words.js";
import { tell } from "./gallery/words.js";

/** @typedef {Record<string, any>} Obj */
/** @typedef {{ask: (path: string, how?: RequestInit) => Promise<Obj>, post: (path: string, body: Obj) => Promise<Obj>, upload: (file: File) => Promise<string>, lost: (error: any) => any, well: () => any, made: (id: string) => any}} Ways
 *  `lost` is told of what is no answer about the fields themselves, `made` the id of what was bought. */

const SOON = 450, STALE = 600000, TRIES = 3, KINDS = ["image", "video", "audio"];
const DRAFT = "apixo-form", SENT = "apixo-sent";

const newKey = () => [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");

/** What this tab keeps over being loaded anew. @param {string} name @returns {Obj} */
function kept(name) {
  try {
    return JSON.parse(sessionStorage.getItem(name) ?? "{}");
  } catch {
    return {};
  }
}
/** @param {string} name @param {Obj} value */
function keep(name, value) {
  try {
    sessionStorage.setItem(name, JSON.stringify(value));
  } catch { /* a browser that keeps nothing forgets it when it is loaded anew */ }
}

/** @param {Ways} ways @param {{model?: string, again?: string}} begin */
export function form(ways, begin) {
  /** @type {Obj[]} */
  let models = [];
  /** @type {Obj | null} */
  let model = null;
  /** @type {Field[]} */
  let fields = [];
  /** @type {{content: string, key: string, seen: Obj} | null} what a click buys: exactly what was priced */
  let offer = null;
  let canUpload = false, asked = 0, choosing = 0, timer = 0, isBuying = false, pricedAt = 0, dropped = /** @type {string[]} */ ([]);
  let key = "", keyOf = "", looked = "";

  const search = h("input", { id: "find-model", type: "search", autocomplete: "off", spellcheck: false });
  const kind = h("select", { id: "kind" }, h("option", { value: "" }, put("any")), KINDS.map((one) => h("option", { value: one }, say(/** @type {any} */ (one)))));
  const which = h("select", { id: "model", required: true, "aria-describedby": "model-hint" });
  const about = h("div", { className: "note", id: "model-hint" });
  const first = h("div", null), more = h("div", null), rest = h("details", null, h("summary", null, put("more")), more);
  const trouble = h("div", { className: "trouble", role: "alert", hidden: true });
  const line = h("div", { className: "price", id: "price" });
  const buy = h("button", { type: "submit", className: "button main", "aria-disabled": "true", "aria-describedby": "price" }, h("span", null, put("button")));
  const labelled = (/** @type {any} */ one, /** @type {string} */ text, /** @type {any[]} */ ...after) => h("div", { className: "field" }, h("label", { htmlFor: one.id }, text), one, ...after);
  const el = h("form", { className: "making", noValidate: true, "aria-label": tell("making") },
    h("div", { className: "choosing" }, labelled(kind, put("kind")), labelled(search, put("search"))), labelled(which, put("model"), about), first, rest, trouble, line, h("div", { className: "row" }, buy), h("p", { className: "note" }, put("nothing")));

  /** @param {any[]} lines */
  const wrong = (...lines) => {
    trouble.hidden = !lines.length;
    trouble.replaceChildren(...lines.map((one) => h("p", null, one)));
  };

  /** What stands in the fields, whole. @returns {Obj} */
  function inputs() {
    /** @type {Obj} */
    const given = {};
    for (const field of fields) {
      const value = field.control.get();
      if (value === undefined || field.name === " provider" || field.name === " others") continue;
      given[field.name] = value;
    }
    const others = fields.find((one) => one.name === " others")?.control.get();
    return others && typeof others === "object" && !Array.isArray(others) ? { ...others, ...given } : given;
  }
  const provider = () => fields.find((one) => one.name === " provider")?.control.get() ?? "";
  const content = () => JSON.stringify({ model: model?.id, inputs: inputs(), provider: provider() });

  /** The key of what stands in the fields: that of a click about which no answer came, where it was for the very same. @param {string} now */
  function keyFor(now) {
    if (keyOf !== now) {
      keyOf = now;
      key = kept(SENT)[now] ?? newKey();
    }
    return key;
  }

  /** @param {string} label @param {boolean} isReady */
  function button(label, isReady) {
    buy.replaceChildren(h("span", null, label));
    buy.setAttribute("aria-disabled", String(!isReady));
  }

  function changed() {
    const now = content();
    if (isBuying || !model || now === looked) return;  // leaving a field changes nothing, and must not take the price from under a click
    looked = now;
    offer = null;
    asked++;
    clearTimeout(timer);
    keep(DRAFT, { at: location.search, content: now, dropped });
    button(put("changed"), false);
    timer = window.setTimeout(price, SOON);
  }

  /** Asks what it would cost. @param {string} [why] what became of a click before */
  async function price(why = "") {
    const mine = ++asked, now = content();
    clearTimeout(timer);
    if (isBuying || !model) return;
    offer = null;
    const missing = fields.filter((one) => one.isNeeded && one.control.get() === undefined);
    for (const field of fields) field.tell("");
    wrong(...(why ? [why] : []));
    if (missing.length) {
      button(put("button"), false);
      line.replaceChildren(put("fill", { names: missing.map((one) => one.label).join(", ") }));
      return;
    }
    const mineKey = keyFor(now);
    try {
      const quote = await ways.post("api/quote", { ...JSON.parse(now), key: mineKey });
      if (mine !== asked) return;
      ways.well();
      pricedAt = Date.now();
      const usd = quote.cost?.amount;
      const label = quote.had ? put("had") : usd !== undefined ? put("make", { usd: money(usd) }) : put("make_unpriced");
      const basis = quote.had ? "" : usd !== undefined ? tell("basis_estimated", { usd: money(usd) }) : tell("basis_unknown");
      if (quote.can_buy) offer = { content: now, key: mineKey, seen: quote.seen };
      button(quote.can_buy ? label : usd !== undefined ? say("cost", { usd: money(usd) }) : say("no_price"), quote.can_buy);
      line.replaceChildren(...[basis && `${put("price")}: ${basis}`, ...(quote.notes ?? []), quote.can_buy ? "" : quote.next_step].filter(Boolean).map((/** @type {string} */ one) => h("span", { className: "line" }, one)));
      speakUp(quote.can_buy ? label : quote.next_step);
    } catch (error) {
      if (mine !== asked) return;
      button(put("button"), false);
      line.replaceChildren();
      refused(error, why);
    }
  }

  /** Tells at the fields what is wrong with them. @param {any} error @param {string} [why] */
  function refused(error, why = "") {
    const problems = /** @type {Obj[]} */ (error.told?.problems ?? []);
    if (!problems.length) {
      if (error.status === 401 || error.status === undefined) return ways.lost(error);
      wrong(...[why, error.status && error.status < 500 ? error.message : put("dead")].filter(Boolean));
      return;
    }
    const others = [];
    for (const { field: name, text } of problems) {
      const field = fields.find((one) => one.name === name) ?? fields.find((one) => name.startsWith(`${one.name}[`) || name.startsWith(`${one.name}.`));
      if (!field) others.push(text);
      else {
        field.tell([field.error.textContent, text].filter(Boolean).join(" "));
        if (!field.isFirst) rest.open = true;
      }
    }
    wrong(...[why, ...others].filter(Boolean));
    if (!why && !others.length) speakUp(put("wrong"));
  }

  async function click() {
    if (isBuying) return;
    if (!offer || offer.content !== content()) {
      const bad = fields.find((one) => one.error.textContent) ?? fields.find((one) => one.isNeeded && one.control.get() === undefined);
      if (bad && !bad.isFirst) rest.open = true;
      bad?.control.first().focus();
      if (!bad && model) price();
      speakUp(bad ? bad.error.textContent || line.textContent || "" : trouble.textContent || line.textContent || "");
      return;
    }
    isBuying = true;
    const mine = offer;
    const body = { ...JSON.parse(mine.content), key: mine.key, seen: mine.seen };
    // Kept until an answer comes, so that the same click is made again and no other, were the page loaded anew.
    keep(SENT, { ...kept(SENT), [mine.content]: mine.key });
    for (const one of el.elements) one.disabled = one !== buy;
    button(put("buying"), false);
    speakUp(put("buying"));
    let sent = 0;
    try {
      const task = await posted(body, () => sent++);
      forget(mine.content);
      keep(DRAFT, {});
      ways.made(task.task_id);
    } catch (error) {
      const { status, message, told } = /** @type {any} */ (error);
      const isAnswer = status >= 400 && status < 500 && (status === 401 || sent < 2);  // behind a lost answer it tells nothing of that one
      if (isAnswer && status !== 401) forget(mine.content);
      isBuying = false;
      for (const one of el.elements) one.disabled = false;
      buy.focus();
      if (told?.look_again) await price(message);
      else if (isAnswer) {
        await price(message);
        if (status === 401) ways.lost(error);
      } else {
        offer = mine;
        wrong(put("lost"));
        button(say("retry"), true);
        speakUp(put("lost"));
      }
    }
  }

  /** Sends a click until an answer comes: it has its key, and buys once. @param {Obj} body @param {() => any} sending */
  async function posted(body, sending) {
    for (let tries = 1; ; tries++)
      try {
        sending();
        return await ways.post("api/make", body);
      } catch (error) {
        const status = /** @type {any} */ (error).status;
        if (status === undefined || (status >= 400 && status < 500) || tries >= TRIES) throw error;
        wrong(put("again"));
        await new Promise((go) => setTimeout(go, 1000 * tries));
      }
  }

  /** @param {string} of */
  function forget(of) {
    const sent = kept(SENT);
    delete sent[of];
    keep(SENT, sent);
    key = keyOf = "";
  }

  /** Shows the models that fit what is looked for. */
  function narrow() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const fitting = models.filter((one) => (!kind.value || one.modality === kind.value) && words.every((/** @type {string} */ word) => `${one.id} ${one.title} ${one.vendor} ${one.also}`.toLowerCase().includes(word)));
    const groups = KINDS.map((name) => /** @type {[string, Obj[]]} */ ([name, fitting.filter((one) => one.modality === name)])).filter(([, those]) => those.length);
    which.replaceChildren(h("option", { value: "" }, put(fitting.length ? "choose" : "none")), ...groups.map(([name, those]) => h("optgroup", { label: say(/** @type {any} */ (name)) }, those.map((one) => h("option", { value: one.id }, `${one.title} (${one.id})`)))));
    if (model && !fitting.some((one) => one.id === model?.id)) which.append(h("option", { value: model.id }, `${model.title} (${model.id})`));
    which.value = model?.id ?? "";
    speakUp(fitting.length ? put("n_models", { n: fitting.length }) : put("none"));
  }

  /** @param {string} id @param {Obj} [given] what its fields begin with */
  async function choose(id, given) {
    const mine = ++choosing, before = given ?? { ...inputs(), provider: provider() };
    asked++;
    clearTimeout(timer);
    offer = model = null;
    looked = "";
    fields = [];
    if (!id) return show();
    try {
      const told = await ways.ask(`api/models?model=${encodeURIComponent(id)}`);
      if (mine !== choosing) return;
      ways.well();
      model = told;
      const io = { pick: (/** @type {string} */ one) => pick(one, ways.ask), upload: canUpload ? ways.upload : null };
      const more = [...(told.providers ? [{ name: " provider", enum: told.providers, label: put("provider") }] : []), ...(told.is_open ? [{ name: " others", type: "object", label: put("others"), description: put("others_how") }] : [])];
      fields = [...told.fields, ...more].map((/** @type {Obj} */ one) => new Field(one, io, changed));
      put_(before);
    } catch (error) {
      if (mine !== choosing) return;
      model = null;
      refused(error);
    }
    show();
    if (model) changed();
  }

  /** Puts values into the fields; what has no field of its own stands among the others, or is told. @param {Obj} given */
  function put_(given) {
    const { provider: by, ...values } = given, others = /** @type {Obj} */ ({});
    for (const field of fields) if (values[field.name] !== undefined) field.control.set(values[field.name]);
    for (const [name, value] of Object.entries(values)) if (!fields.some((one) => one.name === name)) others[name] = value;
    if (by) fields.find((one) => one.name === " provider")?.control.set(by);
    if (Object.keys(others).length) fields.find((one) => one.name === " others")?.control.set(others);
  }

  function show() {
    which.value = model?.id ?? "";
    about.replaceChildren(...(model ? [model.about, model.times && put("times", { text: model.times })].filter(Boolean).map((one) => h("span", { className: "line" }, one)) : []));
    if (model?.tips) about.append(h("details", null, h("summary", null, put("tips")), h("ul", null, model.tips.map((/** @type {string} */ one) => h("li", null, one)))));
    first.replaceChildren(...fields.filter((one) => one.isFirst).map((one) => one.el));
    const others = fields.filter((one) => !one.isFirst);
    more.replaceChildren(...others.map((one) => one.el));
    rest.hidden = !others.length;
    rest.open = others.some((one) => one.control.get() !== undefined);
    buy.parentElement.hidden = !model;
    if (dropped.length) first.prepend(h("p", { className: "note" }, put("missing_files", { names: dropped.join(", ") })));
    if (!model) line.replaceChildren();
  }

  async function start() {
    try {
      const told = await ways.ask("api/models");
      ways.well();
      models = told.models;
      canUpload = told.can_upload === true;
      narrow();
      const draft = kept(DRAFT);
      if (draft.content && draft.at === location.search) {
        const was = JSON.parse(draft.content);
        dropped = draft.dropped ?? [];
        await choose(was.model, { ...was.inputs, provider: was.provider });
      } else if (begin.again) {
        const was = await ways.ask(`api/tasks/${encodeURIComponent(begin.again)}/inputs`);
        dropped = was.left_out ?? [];
        await choose(was.model, { ...was.inputs, provider: was.provider });
      } else if (begin.model) await choose(begin.model, {});
      narrow();
    } catch (error) {
      refused(error);
    }
  }

  el.addEventListener("submit", (/** @type {Event} */ event) => {
    event.preventDefault();
    click();
  });
  // Enter in a line of text asks for the price; it never buys what was not looked at.
  el.addEventListener("keydown", (/** @type {KeyboardEvent} */ event) => {
    if (event.key !== "Enter" || !(/** @type {any} */ (event.target).matches("input"))) return;
    event.preventDefault();
    if (model) price();
  });
  for (const one of [first, more]) for (const name of ["input", "change"]) one.addEventListener(name, (/** @type {any} */ event) => {
    if (event.target.type !== "file") changed();
  });
  search.addEventListener("input", narrow);
  kind.addEventListener("change", narrow);
  which.addEventListener("change", () => {
    dropped = [];
    choose(which.value);
  });
  const renew = () => {
    if (!document.hidden && offer && !isBuying && Date.now() - pricedAt > STALE) price();
  };
  document.addEventListener("visibilitychange", renew);
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    isBuying = false;
    for (const one of el.elements) one.disabled = false;
    price();
  });
  show();
  start();
  return el;
}
