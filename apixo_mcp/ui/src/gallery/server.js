// @ts-check
/** What the page asks of its own server, beneath its own address. */

/** @typedef {Record<string, any>} Obj */

/** An answer that is no answer. */
export class Refused extends Error {
  /** @param {number} status 0 where nothing came @param {string} text @param {boolean} [byOwnKey] whether the page is opened by a key, and not by a sign-in @param {Obj} [told] all of the answer */
  constructor(status, text, byOwnKey = false, told = {}) {
    super(text);
    this.status = status;
    this.byOwnKey = byOwnKey;
    this.told = told;
  }
}

const TAKES = 30000;

/** @param {string} path @param {RequestInit} [how] @returns {Promise<Obj>} */
export async function ask(path, how = {}) {
  let answer;
  const ends = AbortSignal.timeout(TAKES);
  try {
    answer = await fetch(path, { ...how, signal: how.signal ? AbortSignal.any([how.signal, ends]) : ends });
  } catch (error) {
    if (how.signal?.aborted) throw error;
    throw new Refused(0, String(/** @type {Error} */ (error).message));
  }
  const isJson = answer.headers.get("content-type")?.startsWith("application/json");
  const told = isJson ? await answer.json().catch(() => ({})) : {};
  if (!answer.ok) throw new Refused(answer.status, told.error ?? "", answer.status === 401 && !answer.headers.has("www-authenticate"), told);
  return told;
}

/** Changes something: with the header that no page of another origin can send. @param {string} path @param {string} method */
export const change = (path, method) => ask(path, { method, headers: { "X-Apixo-Mcp": "1" } });
