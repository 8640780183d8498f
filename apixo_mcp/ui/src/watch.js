// @ts-check
/** Asks about tasks that go on: all at once, at the server's pace, not while nobody sees them, ever more rarely without an answer. */

/** @typedef {Record<string, any>} Obj */

const GIVES_UP = 5;

export class Watch {
  /** @param {{ask: () => Promise<number>, lost: (error: Error) => void}} io `ask` returns milliseconds until the next question, 0 where none is left. */
  constructor(io) {
    this.io = io;
    this.timer = 0;
    this.failures = 0;
    this.isAsking = false;
    this.isWanted = false;  // by whoever came while it was being asked: that answer may be older than their wish
    this.isSeen = true;
    this.isOver = false;
    this.wake = () => this.now();
    document.addEventListener("visibilitychange", this.wake);
    this.sight = new IntersectionObserver((entries) => {
      const wasSeen = this.isSeen;
      this.isSeen = entries[entries.length - 1]?.isIntersecting ?? true;
      if (this.isSeen && !wasSeen) this.now();
    });
    this.sight.observe(document.documentElement);
  }

  /** Asks at once, also after having given up. */
  now() {
    this.failures = 0;
    this.isWanted = true;
    this.later(0);
  }

  /** @param {number} milliseconds */
  later(milliseconds) {
    clearTimeout(this.timer);
    if (!this.isOver) this.timer = window.setTimeout(() => this.ask(), milliseconds);
  }

  async ask() {
    if (this.isAsking || this.isOver || document.hidden || !this.isSeen) return;
    this.isAsking = true;
    this.isWanted = false;
    try {
      const next = await this.io.ask();
      this.failures = 0;
      if (this.isWanted || next) this.later(this.isWanted ? 0 : next);
    } catch (error) {
      if (this.isOver) return;
      if (++this.failures < GIVES_UP) this.later(400 * 2 ** this.failures);
      else this.io.lost(/** @type {Error} */ (error));
    } finally {
      this.isAsking = false;
    }
  }

  end() {
    this.isOver = true;
    clearTimeout(this.timer);
    this.sight.disconnect();
    document.removeEventListener("visibilitychange", this.wake);
  }
}
