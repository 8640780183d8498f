// @ts-check
/** The list of tasks, page by page. Of pages that are far away only their place is kept: their tasks are asked for anew. */
import { ask } from "./server.js";
import { given } from "./address.js";

/** @typedef {Record<string, any>} Obj */
/** @typedef {{before: string, edge: Edge | null, tasks: Obj[] | null, asking: Promise<void> | null, height: number, boxes: import("./rows.js").Box[], count: number, isLaidOut: boolean}} Page
 *  `before` is the place in the whole list that it begins behind, `edge` its last task once another page follows; `tasks` is null while they are not here. */
/** @typedef {{id: string, at: string}} Edge */

export const PAGE = 100;
const FULL = PAGE * 1.5;

/** @param {string} before @param {Edge | null} [edge] @returns {Page} */
const page_ = (before, edge = null) => ({ before, edge, tasks: [], asking: null, height: 0, boxes: [], count: 0, isLaidOut: false });
/** @param {Obj | undefined} task @returns {Edge | null} */
const edgeAt = (task) => (task ? { id: task.task_id, at: task.created_at } : null);

export class Entries {
  /** @param {URLSearchParams} filters @param {() => any} changed */
  constructor(filters, changed) {
    this.filters = filters;
    this.changed = changed;
    /** @type {Page[]} */
    this.pages = [];
    /** @type {string | null} what the next page begins behind; null: there is none */
    this.next = "";
    this.isAsking = false;
    this.ends = new AbortController();
    /** @type {Map<string, number>} tasks that are here, and when (by this machine's clock) they were heard of */
    this.heard = new Map();
  }

  end() {
    this.ends.abort();
  }

  get isWhole() {
    return this.next === null;
  }

  get count() {
    return this.pages.reduce((sum, page) => sum + page.count, 0);
  }

  /** @param {string} before @param {number} limit */
  async fetched(before, limit) {
    const asked = new URLSearchParams(this.filters);
    asked.set("limit", String(limit));
    if (before) asked.set("before", before);
    return ask(`api/tasks?${asked}`, { signal: this.ends.signal });
  }

  /** Asks for the page behind the last one. */
  async more() {
    if (this.isAsking || this.next === null) return;
    this.isAsking = true;
    try {
      const before = this.next, told = await this.fetched(before, PAGE), last = this.pages.at(-1);
      if (this.next === before) {  // else the last page has grown meanwhile, and something else comes behind it
        if (told.tasks.length || !last) {
          if (last && !last.edge) last.edge = edgeAt(last.tasks?.at(-1));
          const page = page_(before);
          this.pages.push(page);
          this.put(page, told.tasks);
        }
        this.next = told.next ?? null;
      }
    } finally {
      this.isAsking = false;
    }
    this.changed();
  }

  /** Asks anew for the tasks of a page that was let go, or that may have changed. @param {Page} page */
  fill(page) {
    page.asking ??= (async () => {
      try {
        const told = await this.fetched(page.before, Math.min(200, Math.max(PAGE, page.count + 20))), index = this.pages.indexOf(page), edge = page.edge;
        if (index < 0) return;
        const tasks = /** @type {Obj[]} */ (told.tasks), found = edge ? tasks.findIndex((one) => one.task_id === edge.id) : -1;
        // The task at the edge may be gone: then what was asked for earlier is behind it.
        const upTo = !edge ? tasks.length : found >= 0 ? found + 1 : tasks.filter((one) => one.created_at > edge.at).length;
        if (edge && upTo === tasks.length && found < 0 && told.next) {  // more has come than one answer holds
          const rest = page_(told.next, edge);
          this.pages.splice(index + 1, 0, rest);
          page.edge = edgeAt(tasks.at(-1));
          this.put(page, tasks);
          await this.fill(rest);
        } else this.put(page, tasks.slice(0, upTo));
        if (!edge && index === this.pages.length - 1) this.next = told.next ?? null;
        this.changed();
      } finally {
        page.asking = null;
      }
    })();
    return page.asking;
  }

  /** @param {Page} page @param {Obj[]} tasks */
  put(page, tasks) {
    for (const one of page.tasks ?? []) this.heard.delete(one.task_id);
    page.tasks = tasks;
    page.count = tasks.length;
    page.isLaidOut = false;
    for (const one of tasks) this.heard.set(one.task_id, performance.now());
  }

  /** Lets go of the tasks of a page; its place stays. @param {Page} page */
  drop(page) {
    for (const one of page.tasks ?? []) this.heard.delete(one.task_id);
    page.tasks = null;
    page.boxes = [];
  }

  /** @param {string} id @returns {{page: Page, index: number, task: Obj} | null} */
  find(id) {
    if (this.heard.has(id))
      for (const page of this.pages) {
        const index = page.tasks?.findIndex((one) => one.task_id === id) ?? -1;
        if (index >= 0) return { page, index, task: /** @type {Obj} */ (page.tasks?.[index]) };
      }
    return null;
  }

  /** The tasks that are here, as one list. */
  get here() {
    return this.pages.flatMap((page) => page.tasks ?? []);
  }

  /** Whether a task is one of this list, as far as can be told without the server; null where it alone knows. @param {Obj} task */
  holds(task) {
    for (const name of ["state", "modality", "model"]) if (given(name) && task[name] !== given(name)) return false;
    if (given("day") && task.created_at?.slice(0, 10) !== given("day")) return false;
    return given("query") || given("like") ? null : true;
  }

  /** Takes in a task that is new or has changed. @param {Obj} task @returns {boolean} whether the list has to be asked for */
  set(task) {
    const known = this.find(task.task_id);
    if (known) {
      if (this.holds(task) === false) this.remove(task.task_id);
      else {
        /** @type {Obj[]} */ (known.page.tasks)[known.index] = task;
        known.page.isLaidOut = false;
        this.heard.set(task.task_id, performance.now());
        this.changed();
      }
      return false;
    }
    const holds = this.holds(task);
    if (holds !== true) return holds === null;
    const page = this.pages.find((one) => (one.edge ? one.edge.at <= task.created_at : this.next === null || (one.tasks?.at(-1)?.created_at ?? "~") <= task.created_at));
    if (page?.tasks) {
      const at = page.tasks.findIndex((one) => one.created_at <= task.created_at);  // the one told last is the newer one
      this.put(page, page.tasks.toSpliced(at < 0 ? page.tasks.length : at, 0, task));
      if (page.count > FULL) this.split(page);
      this.changed();
    }
    return false;
  }

  /** Makes two pages of the first one, once it has grown: its end has to be known to the server. @param {Page} page */
  async split(page) {
    const index = this.pages.indexOf(page), head = page.count - PAGE;
    const told = await this.fetched(page.before, head).catch(() => null), tasks = page.tasks;
    if (!told?.next || !tasks || page.count - PAGE !== head || this.pages[index] !== page || told.tasks.at(-1)?.task_id !== tasks[head - 1]?.task_id) return;
    const rest = page_(told.next, page.edge);
    this.pages.splice(index + 1, 0, rest);
    page.edge = edgeAt(tasks[head - 1]);
    this.put(page, tasks.slice(0, head));
    this.put(rest, tasks.slice(head));
    this.changed();
  }

  /** @param {string} id */
  remove(id) {
    const known = this.find(id);
    if (!known) return;
    this.put(known.page, /** @type {Obj[]} */ (known.page.tasks).toSpliced(known.index, 1));
    this.heard.delete(id);
    this.changed();
  }

  /** Asks anew for the newest tasks, and for those of the pages that are here. */
  async renew() {
    if (!this.pages.length) return this.more();
    await Promise.all(this.pages.filter((page) => page.tasks).map((page) => this.fill(page)));
  }
}
