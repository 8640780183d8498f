// @ts-check
/** The view's side of MCP Apps (protocol 2026-01-26): JSON-RPC 2.0 over postMessage. Nothing leaves before the handshake. */

/** @typedef {Record<string, any>} Obj */
/** @typedef {{context?: (context: Obj) => void, partial?: (given: Obj) => void, input?: (given: Obj) => void, result?: (result: Obj) => void,
 *   cancelled?: (reason: string) => void, teardown?: () => any}} Handlers */

const PROTOCOL = "2026-01-26";
const OWN_MODES = ["inline", "fullscreen"];

export class Bridge {
  /** @param {{name: string, version: string}} info @param {Handlers} handlers */
  constructor(info, handlers) {
    this.info = info;
    this.handlers = handlers;
    /** @type {Obj} what the host can do */
    this.can = {};
    /** @type {Obj} how the host shows us */
    this.context = {};
    this.host = window.parent;
    this.last = 0;
    /** @type {Map<number, {resolve: (value: any) => void, reject: (error: Error) => void, timer: number}>} */
    this.open = new Map();
    /** @param {MessageEvent} event */
    this.hear = (event) => {
      if (event.source === this.host && event.data?.jsonrpc === "2.0") this.take(event.data);
    };
  }

  async connect() {
    if (this.host === window) throw new Error("no host");
    addEventListener("message", this.hear);
    const answer = await this.ask("ui/initialize", {
      appInfo: this.info,
      protocolVersion: PROTOCOL,
      appCapabilities: { availableDisplayModes: OWN_MODES },
    }, 30000);
    this.can = answer?.hostCapabilities ?? {};
    this.context = answer?.hostContext ?? {};
    this.handlers.context?.(this.context);
    this.tell("ui/notifications/initialized", {});
    this.watchSize();
  }

  /** @param {string} method @param {Obj} params @param {number} [within] milliseconds @returns {Promise<any>} */
  ask(method, params, within = 60000) {
    const id = ++this.last;
    return new Promise((resolve, reject) => {
      const timer = window.setTimeout(() => {
        this.open.delete(id);
        reject(new Error(`${method}: no answer`));
      }, within);
      this.open.set(id, { resolve, reject, timer });
      this.host.postMessage({ jsonrpc: "2.0", id, method, params }, "*");
    });
  }

  /** @param {string} method @param {Obj} params */
  tell(method, params) {
    this.host.postMessage({ jsonrpc: "2.0", method, params }, "*");
  }

  /** @param {Obj} message */
  async take(message) {
    if (message.method === undefined) return this.settle(message);
    const { params = {} } = message, on = this.handlers;
    switch (message.method) {
      case "ui/notifications/tool-input-partial": return on.partial?.(params.arguments ?? {});
      case "ui/notifications/tool-input": return on.input?.(params.arguments ?? {});
      case "ui/notifications/tool-result": return on.result?.(params);
      case "ui/notifications/tool-cancelled": return on.cancelled?.(params.reason ?? "");
      case "ui/notifications/host-context-changed":
        Object.assign(this.context, params);  // the host tells what changed alone
        return on.context?.(params);
    }
    if (message.id === undefined) return;
    let body = /** @type {Obj} */ ({ error: { code: -32601, message: "Method not found" } });
    if (message.method === "ping") body = { result: {} };
    if (message.method === "ui/resource-teardown") {
      await on.teardown?.();
      body = { result: {} };
    }
    this.host.postMessage({ jsonrpc: "2.0", id: message.id, ...body }, "*");
    if (message.method === "ui/resource-teardown") this.close();
  }

  /** @param {Obj} answer */
  settle(answer) {
    const asked = this.open.get(answer.id);
    if (!asked) return;
    this.open.delete(answer.id);
    clearTimeout(asked.timer);
    if (answer.error) asked.reject(new Error(answer.error.message || "the host refused"));
    else asked.resolve(answer.result);
  }

  close() {
    removeEventListener("message", this.hear);
    this.watcher?.disconnect();
    for (const { reject, timer } of this.open.values()) {
      clearTimeout(timer);
      reject(new Error("closed"));
    }
    this.open.clear();
  }

  /** Tells the height of what is shown: once a frame, and only where it changed. */
  watchSize() {
    let told = 0, queued = false;
    const send = () => {
      queued = false;
      const height = Math.ceil(document.body.getBoundingClientRect().height);
      if (height && height !== told) this.tell("ui/notifications/size-changed", { height: (told = height) });
    };
    this.watcher = new ResizeObserver(() => {
      if (queued) return;
      queued = true;
      requestAnimationFrame(send);
    });
    this.watcher.observe(document.body);
    send();
  }

  /** Calls a tool of our server. An error of it is thrown in its own words. @param {string} name @param {Obj} given @param {number} [within] */
  async call(name, given, within) {
    const result = await this.ask("tools/call", { name, arguments: given }, within);
    if (result?.isError || !result) throw new Error(wordsOf(result) || name);
    return result;
  }
}

/** @param {Obj | undefined} result @returns {string} */
export const wordsOf = (result) => result?.content?.find((/** @type {Obj} */ part) => part.type === "text")?.text ?? "";
