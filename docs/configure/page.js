// The form on "Make a configuration". Everything stays in this page: no request, no storage, no address is changed.
import { HOSTS, KEYS, SETTINGS } from "./hosts.js";
import { fileText, link, whereText } from "./output.js";

const PLATFORMS = { linux: "Linux", macos: "macOS", windows: "Windows" };
const STYLE = `
  #configuration { display: grid; grid-template-columns: minmax(0, 1fr); gap: 1rem; overflow-wrap: anywhere; }
  #configuration fieldset { border: 1px solid currentcolor; border-radius: 4px; display: grid;
    grid-template-columns: minmax(0, 1fr); gap: .6rem; padding: .8rem; min-width: 0; }
  #configuration legend { font-weight: 700; padding: 0 .3rem; }
  #configuration label { display: grid; gap: .15rem; }
  #configuration label.line { display: flex; gap: .4rem; align-items: center; }
  #configuration :is(select, input:not([type=checkbox])) { font: inherit; padding: .35rem; border: 1px solid currentcolor;
    border-radius: 3px; background: Canvas; color: CanvasText; color-scheme: light dark; max-width: 36rem; width: 100%; }
  #configuration :is(button, a.button) { font: inherit; padding: .35rem .8rem; border: 1px solid currentcolor; border-radius: 3px; cursor: pointer; }
  #configuration :focus-visible { outline: 3px solid #3f6ec6; outline-offset: 1px; }
  #configuration .row { display: flex; gap: .6rem; flex-wrap: wrap; align-items: center; }
  #configuration [hidden] { display: none; }
  #configuration pre { overflow: auto; margin: 0; }
`;

const root = document.getElementById("configuration");
root.append(make("style", { textContent: STYLE }));

const host = select("Host", Object.fromEntries(HOSTS.map((one) => [one.name, one.title])));
const platform = select("System", PLATFORMS);
platform.value = /win/i.test(navigator.platform) ? "windows" : /mac/i.test(navigator.platform) ? "macos" : "linux";
const start = select("How it is started", {
  uvx: "by uvx, from the published package",
  path: "an installed program, by its path (starts quickest)",
});
const path = field("Path of apixo-mcp", { placeholder: "/home/me/.local/bin/apixo-mcp" });
const sandbox = make("input", { type: "checkbox" });
group("Where", [host.label, platform.label, start.label, path.label]);

const keys = KEYS.map(({ variable, title }) => ({
  variable,
  ...field(`Key of ${title} (${variable})`, { type: "password", autocomplete: "off" }),
}));
group("Keys", [labelled("Without a key: an imitation of the gateways, at no cost", sandbox, "line"), ...keys.map((one) => one.label)]);

const settings = SETTINGS.map(({ variable, title, ...attributes }) => ({
  variable,
  ...field(`${title} (${variable})`, attributes),
}));
group("Settings, all of which may be left empty", settings.map((one) => one.label));

const where = make("p");
const output = make("code");
const shown = make("pre", { tabIndex: 0, role: "region" });
shown.setAttribute("aria-label", "The file");
shown.append(output);
const copy = make("button", { type: "button", textContent: "Copy" });
const download = make("button", { type: "button", textContent: "Download" });
const enter = make("a", { className: "button", rel: "noreferrer" });
const note = make("p");
const copied = make("span", { role: "status" });
const buttons = make("div", { className: "row" });
buttons.append(copy, download, enter, copied);
group("The file", [where, shown, buttons, note]);

function chosenHost() {
  return HOSTS.find((one) => one.name === host.value);
}

function choices() {
  const env = {};
  for (const one of [...(sandbox.checked ? [] : keys), ...settings]) {
    if (one.input.value.trim()) env[one.variable] = one.input.value.trim();
  }
  const run = sandbox.checked ? ["serve", "--sandbox"] : [];
  if (start.value === "uvx") return { command: "uvx", args: ["apixo-mcp", ...run], env };
  return { command: path.input.value.trim() || "apixo-mcp", args: run, env };
}

function draw() {
  const one = chosenHost();
  path.label.hidden = start.value === "uvx";
  for (const key of keys) key.input.disabled = sandbox.checked;
  output.textContent = fileText(one, choices());
  where.textContent = whereText(one, one.files[platform.value]);
  note.textContent = `${one.after} The same is done, without losing anything that stands there, by: apixo-mcp install ${one.name}`;
  const address = link(one, choices(), KEYS.filter(({ isFirst }) => isFirst));
  enter.hidden = !address;
  enter.textContent = `Add to ${one.title} (no key is in the link)`;
  if (address) enter.href = address;
  else enter.removeAttribute("href");
  copied.textContent = "";
}

copy.addEventListener("click", async () => {
  try {
    await navigator.clipboard.writeText(output.textContent);
    copied.textContent = "Copied.";
  } catch {
    getSelection().selectAllChildren(output);
    copied.textContent = "Selected: copy it with the keyboard.";
  }
});

download.addEventListener("click", () => {
  const address = URL.createObjectURL(new Blob([output.textContent], { type: "text/plain" }));
  make("a", { href: address, download: chosenHost().files[platform.value].split("/").at(-1) }).click();
  URL.revokeObjectURL(address);
});

root.addEventListener("input", draw);
draw();

function make(tag, properties = {}) {
  return Object.assign(document.createElement(tag), properties);
}

function labelled(words, input, className = "") {
  const label = make("label", { className });
  const text = make("span", { textContent: words });
  label.append(...(className === "line" ? [input, text] : [text, input]));
  return label;
}

function field(words, attributes) {
  const input = make("input", { type: "text", spellcheck: false, ...attributes });
  return { input, label: labelled(words, input) };
}

function select(words, options) {
  const input = make("select");
  for (const [value, title] of Object.entries(options)) input.append(make("option", { value, textContent: title }));
  return Object.defineProperty({ input, label: labelled(words, input) }, "value", {
    get: () => input.value,
    set: (value) => { input.value = value; },
  });
}

function group(title, parts) {
  const fieldset = make("fieldset");
  fieldset.append(make("legend", { textContent: title }), ...parts);
  root.append(fieldset);
}
