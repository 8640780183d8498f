// @ts-check
/** The address of the page: which tasks are shown, which one is open, which view. Going back and forth in it is going back and forth in the page. */

/** What narrows the list, as the server takes it. */
export const FILTERS = ["query", "state", "modality", "model", "day", "like"];

const HEARS = /** @type {Set<() => any>} */ (new Set());

export const asked = () => new URLSearchParams(location.search);
/** @param {string} name */
export const given = (name) => asked().get(name) ?? "";

/** The parameters that narrow the list, and no others. */
export const filters = () => new URLSearchParams(FILTERS.flatMap((name) => (given(name) ? [[name, given(name)]] : [])));

/** The address with some of it changed; what is empty is left out. @param {Record<string, string>} changes */
export function at(changes) {
  const next = asked();
  for (const [name, value] of Object.entries(changes))
    if (value) next.set(name, value);
    else next.delete(name);
  const text = next.toString();
  return text ? `?${text}` : location.pathname;
}

/** Goes to another address within the page. @param {Record<string, string>} changes @param {{replace?: boolean}} [how] */
export function go(changes, { replace = false } = {}) {
  const to = at(changes);
  if (replace) history.replaceState(history.state, "", to);
  else history.pushState({ ours: true }, "", to);
  for (const hear of HEARS) hear();
}

/** Leaves what was opened: back where the page itself opened it, so that the history does not grow. @param {Record<string, string>} changes */
export function leave(changes) {
  if (history.state?.ours) history.back();
  else go(changes, { replace: true });
}

/** @param {() => any} hear is told of each change, whoever made it. */
export const hearing = (hear) => void HEARS.add(hear);

addEventListener("popstate", () => {
  for (const hear of HEARS) hear();
});
