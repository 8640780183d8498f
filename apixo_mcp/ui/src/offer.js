// @ts-check
/** What can be made of a task: what it would cost, and the click on the price that buys it. */
import { button, h, notice, speakUp } from "./ui.js";
import { money, say, speaker } from "./words.js";
import { word } from "./task.js";

/** @typedef {Record<string, any>} Obj */
/** @typedef {{task_id: string, how: string, index: number, prompt?: string, model?: string, click: string, seen?: string}} Offer
 *  What a person is about to buy. `click` is one of its own for each price that was shown: however often it arrives, it buys once. */
/** @typedef {{price: (offer: Offer) => Promise<Obj>, buy: (offer: Offer) => Promise<any>}} Ways */

const offered = speaker({ what_edit: "What should change?", what_animate: "What should happen?", pricing: "Asking for the price…", make: "Make it for {usd}", make_unpriced: "Make it (price not known)", had: "Show it (already bought)", bought: "Started." },
  { what_edit: "要改什么？", what_animate: "画面里要发生什么？", pricing: "正在询价…", make: "以 {usd} 生成", make_unpriced: "生成（价格未知）", had: "显示（已购买）", bought: "已开始。" });

const token = () => [...crypto.getRandomValues(new Uint8Array(16))].map((one) => one.toString(16).padStart(2, "0")).join("");

/** Shows what something further would cost, and buys it after a click on the price. @param {import("./task.js").TaskView} view @param {Ways} ways @param {Obj} offer @param {number} index */
export function showOffer(view, ways, offer, index) {
  const card = /** @type {Obj} */ (view.card), place = /** @type {HTMLElement} */ (view.panelPlace);
  let click = "", seen = "null", asked = 0, timer = 0, isBuying = false;
  const wants = offer.words ? h("textarea", { rows: 2, id: `words-${token()}`, value: offer.how === "animate" ? card.prompt ?? "" : "" }) : null;
  const models = offer.models?.length > 1 ? h("select", { id: `model-${token()}` }, offer.models.map((/** @type {Obj} */ one) => h("option", { value: one.id }, one.title))) : null;
  const line = h("p", { className: "price" }), buy = h("button", { type: "button", className: "button main", disabled: true }, h("span", null, offered("pricing")));
  const chosen = () => ({ task_id: card.task_id, how: offer.how, index, click, ...(wants ? { prompt: wants.value } : {}), ...(offer.models?.length ? { model: models?.value ?? offer.models[0].id } : {}) });
  const price = async (why = "") => {  // why: what became of a click, which is asked about once more then
    if (isBuying) return;
    const mine = ++asked;
    buy.disabled = true;
    if (wants && !wants.value.trim()) return;
    if (!why) click = token();
    line.textContent = why || offered("pricing");
    try {
      const quote = await ways.price(chosen());
      if (mine !== asked) return;
      const usd = quote.cost?.amount;
      seen = JSON.stringify(usd ?? null);
      buy.lastChild.textContent = quote.had ? offered("had") : usd !== undefined ? offered("make", { usd: money(usd) }) : offered("make_unpriced");
      line.replaceChildren(why && h("span", { className: "line" }, why), ...(quote.notes ?? []).map((/** @type {string} */ note) => h("span", { className: "line" }, note)), quote.can_buy ? "" : h("span", { className: "line" }, quote.next_step));
      buy.disabled = !quote.can_buy;
      speakUp(quote.can_buy ? buy.textContent : quote.next_step);
    } catch (error) {
      if (mine !== asked) return;
      line.textContent = /** @type {Error} */ (error).message;
      speakUp(line.textContent ?? "");
      buy.disabled = !why;
    }
  };
  const soon = () => {
    buy.disabled = true;
    asked++;
    clearTimeout(timer);
    timer = window.setTimeout(() => price(), 500);
  };
  const leave = () => {
    clearTimeout(timer);
    asked++;
    place.replaceChildren();
    /** @type {any} */ (view.el.querySelector(`[data-act="${offer.how}"]`))?.focus();
  };
  wants?.addEventListener("input", soon);
  models?.addEventListener("change", soon);
  buy.addEventListener("click", async () => {
    if (isBuying) return;
    isBuying = true;
    buy.disabled = true;
    try {
      await ways.buy({ ...chosen(), seen });
      notice(offered("bought"));
      place.replaceChildren();
    } catch (error) {
      // The same click may be sent again: whatever became of the first, it buys once, and at no other price.
      isBuying = false;
      speakUp(/** @type {Error} */ (error).message);
      await price(/** @type {Error} */ (error).message);
    } finally {
      isBuying = false;
    }
  });
  const field = (/** @type {any} */ one, /** @type {string} */ label) => one && h("div", { className: "field" }, h("label", { htmlFor: one.id }, label), one);
  place.replaceChildren(h("div", { className: "panel", role: "group", "aria-label": word(offer.how), onkeydown: (/** @type {KeyboardEvent} */ event) => { if (event.key === "Escape") leave(); } },
    field(wants, offer.how === "animate" ? offered("what_animate") : offered("what_edit")), field(models, say("model")), line,
    h("div", { className: "row" }, buy, button(say("close"), "close", leave))));
  (wants ?? models ?? place.querySelector("button:last-child"))?.focus();
  return price();
}
