// @ts-check
/** Changes as they happen: told by the server, and asked for where it cannot tell them. Not while nobody looks. */
import { Watch } from "../watch.js";
import { Refused } from "./server.js";

/** @typedef {Record<string, any>} Obj */

const SOON = 1500, SELDOM = 20000, AGAIN = 8000;

export class Live {
  /** @param {{task: (task: Obj) => any, gone: (id: string) => any, renew: () => Promise<any>, isRunning: () => boolean, lost: (error: unknown) => any, back: () => any}} io */
  constructor(io) {
    this.io = io;
    /** @type {EventSource | null} */
    this.source = null;
    this.isOpen = false;
    this.wasLost = false;
    this.watch = new Watch({
      ask: async () => {
        const wasOpen = this.isOpen;  // what happened before it was open is told by nobody
        try {
          await io.renew();
        } catch (error) {
          if (!(error instanceof Refused && error.status === 401)) throw error;
          io.lost(error);
          return 0;
        }
        if (!this.source) this.open();
        this.found();
        return wasOpen && this.isOpen ? (io.isRunning() ? SOON * 3 : SELDOM) : SOON;
      },
      lost: (error) => {
        this.wasLost = true;
        io.lost(error);
        setTimeout(() => this.watch.now(), AGAIN);
      },
    });
    // A browser has few connections to one server: whoever does not look holds none.
    document.addEventListener("visibilitychange", () => (document.hidden ? this.close() : this.open()));
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", (event) => {
      if (event.persisted) this.watch.now();
    });
    addEventListener("online", () => this.watch.now());
    if (!document.hidden) this.open();
    this.watch.later(SOON);
  }

  open() {
    if (this.source) return;
    const source = new EventSource("api/events");
    this.source = source;
    let opened = 0;
    source.addEventListener("open", () => {
      this.isOpen = true;
      if (opened++) this.watch.now();  // what happened meanwhile is told by nobody
    });
    source.addEventListener("error", () => {
      this.isOpen = false;
      if (source.readyState === EventSource.CLOSED) this.close();
      this.watch.later(SOON / 3);
    });
    source.addEventListener("task", (event) => this.io.task(JSON.parse(event.data)));
    source.addEventListener("gone", (event) => this.io.gone(JSON.parse(event.data).task_id));
    source.addEventListener("reset", () => this.watch.now());
  }

  close() {
    this.source?.close();
    this.source = null;
    this.isOpen = false;
  }

  /** The server has answered. */
  found() {
    if (this.wasLost) this.io.back();
    this.wasLost = false;
  }
}

