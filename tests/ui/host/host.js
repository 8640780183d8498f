// A host of apps in a chat, made from the protocol's own AppBridge. The test drives it through `window.host`.
import { AppBridge, PostMessageTransport } from "@modelcontextprotocol/ext-apps/app-bridge";

const given = window.hostOptions;
document.documentElement.dataset.theme = given.context.theme ?? "light";
const said = (window.hostSaid = []);
const note = (kind, value) => said.push({ kind, value });

const frame = document.getElementById("app");
await new Promise((ready) => {
  addEventListener("message", function hear({ source, data }) {
    if (source !== frame.contentWindow || data?.method !== "ui/notifications/sandbox-proxy-ready") return;
    removeEventListener("message", hear);
    ready();
  });
  frame.src = given.sandbox;
});

const bridge = new AppBridge(null, { name: "a host", version: "1" }, given.can, { hostContext: given.context });
const initialized = new Promise((ready) => { bridge.oninitialized = ready; });
bridge.onsizechange = ({ height }) => {
  note("size", height);
  if (height) frame.style.height = `${height}px`;
};
bridge.oncalltool = (asked) => window.callTool(asked.name, asked.arguments ?? {});
if (given.can.serverResources) bridge.onreadresource = ({ uri }) => window.readResource(uri);
if (given.can.openLinks) bridge.onopenlink = async ({ url }) => (note("link", url), {});
if (given.can.downloadFile) bridge.ondownloadfile = async (asked) => (note("download", asked.contents), {});
if (given.can.updateModelContext) bridge.onupdatemodelcontext = async (asked) => (note("context", asked.content), {});
bridge.onrequestdisplaymode = async ({ mode }) => (note("mode", mode), { mode });
await bridge.connect(new PostMessageTransport(frame.contentWindow, frame.contentWindow));
await bridge.sendSandboxResourceReady({ html: given.html, csp: given.csp });
await initialized;

window.host = {
  partial: (arguments_) => bridge.sendToolInputPartial({ arguments: arguments_ }),
  input: (arguments_) => bridge.sendToolInput({ arguments: arguments_ }),
  result: (result) => bridge.sendToolResult(result),
  cancelled: (reason) => bridge.sendToolCancelled({ reason }),
  context: (changed) => bridge.sendHostContextChange(changed),
  teardown: () => bridge.teardownResource({}),
  raw: (message) => frame.contentWindow.postMessage(message, "*"),
};
