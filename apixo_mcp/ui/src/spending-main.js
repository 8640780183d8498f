// @ts-check
/** What was spent, as a page beside the gallery: one of its own, so that neither has to carry the other. */
import { followSystemTheme, h, voice } from "./ui.js";
import { say, speak } from "./words.js";
import { Refused, ask } from "./gallery/server.js";
import { spending } from "./gallery/spending.js";
import { tell } from "./gallery/words.js";

followSystemTheme();
speak(navigator.language);
document.title = tell("spending");

const trouble = h("div", { className: "banner", role: "alert" });

/** Says why there is no answer, and how there will be one. @param {unknown} error */
function lost(error) {
  if (!(error instanceof Refused)) throw error;
  const isOut = error.status === 401;
  const how = isOut ? error.byOwnKey ? tell("reopen") : h("a", { className: "button main", href: "sign-in" }, tell("sign_in")) : tell("dead_how");
  trouble.replaceChildren(h("div", { className: "trouble" }, h("p", null, tell(isOut ? "signed_out" : "dead")), how));
}

const view = spending({ ask, lost, well: () => trouble.replaceChildren() });
const tabs = h("nav", { "aria-label": tell("views") }, h("a", { href: "./" }, tell("pictures")), h("a", { href: "spending", "aria-current": "page" }, tell("spending")), h("a", { href: "new" }, tell("making")));
document.body.classList.add("gallery");
document.body.append(h("header", null, h("h1", null, say("title")), tabs), trouble, h("main", null, view.el), voice);

const changes = new EventSource("api/events");
let opened = 0;
changes.addEventListener("open", () => opened++ && view.later());  // what happened meanwhile is told by nobody
for (const name of ["task", "reset"]) changes.addEventListener(name, view.later);
