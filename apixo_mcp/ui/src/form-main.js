// @ts-check
/** A form to start a task with, as a page beside the gallery: one of its own, so that neither has to carry the other. */
import { followSystemTheme, h, voice } from "./ui.js";
import { say, speak } from "./words.js";
import { form } from "./form.js";
import { Refused, ask } from "./gallery/server.js";
import { tell } from "./gallery/words.js";

const OURS = { "X-Apixo-Mcp": "1" };

followSystemTheme();
speak(navigator.language);
document.title = `${tell("making")} – ${say("title")}`;

const trouble = h("div", { className: "banner", role: "alert" });

/** Says why there is no answer, and how there will be one. @param {unknown} error */
function lost(error) {
  if (!(error instanceof Refused)) throw error;
  const isOut = error.status === 401;
  const how = isOut ? error.byOwnKey ? tell("reopen") : h("a", { className: "button main", href: "sign-in" }, tell("sign_in")) : error.message || tell("dead_how");
  trouble.replaceChildren(h("div", { className: "trouble" }, h("p", null, tell(isOut ? "signed_out" : "dead")), how));
}

/** @param {string} path @param {Record<string, any>} body */
const post = (path, body) => ask(path, { method: "POST", headers: { ...OURS, "Content-Type": "application/json" }, body: JSON.stringify(body) });

/** Hands a file to the server, by a link that works once. @param {File} file */
async function upload(file) {
  const { link } = await post("api/uploads", {});
  return (await ask(link, { method: "PUT", body: file })).url;
}

const given = new URLSearchParams(location.search);
const made = (/** @type {string} */ id) => location.assign(`./?task=${encodeURIComponent(id)}`);
const view = form({ ask, post, upload, lost, well: () => trouble.replaceChildren(), made }, { model: given.get("model") ?? "", again: given.get("again") ?? "" });
const tabs = h("nav", { "aria-label": tell("views") }, h("a", { href: "./" }, tell("pictures")), h("a", { href: "spending" }, tell("spending")), h("a", { href: "new", "aria-current": "page" }, tell("making")));
document.body.classList.add("gallery");
document.body.append(h("header", null, h("h1", null, say("title")), tabs), trouble, h("main", null, view), voice);
