// What a host's file holds, from what was chosen. Pure: the same text as `apixo-mcp install` writes into an empty file
// (apixo_mcp/hosts), which a test compares for every host.

/**
 * @typedef {object} Choices
 * @property {string} command the program that starts the server
 * @property {string[]} args
 * @property {Record<string, string>} env
 */

/** The entry of a host: its own fields as the table of hosts has them, with what was chosen. */
export function entryOf(host, choices) {
  const { command, args, env } = host.fields;
  const words = args ? { [command]: choices.command, [args]: choices.args } : { [command]: [choices.command, ...choices.args] };
  return { ...host.entry, ...words, [env]: choices.env };
}

/** The whole file, as if nothing else were in it. */
export function fileText(host, choices) {
  const entry = entryOf(host, choices);
  const keys = [...host.keys, "apixo"];
  if (host.format === "toml") return tomlTable(keys, entry).join("\n") + "\n";
  if (host.format === "yaml") return yamlLines({ [host.keys[0]]: { apixo: entry } }, 0).join("\n") + "\n";
  const nested = keys.reduceRight((value, key) => ({ [key]: value }), entry);
  return JSON.stringify(nested, null, 2) + "\n";
}

/** How the file's text gets into a file of the host, which may hold other things: for whoever does it by hand. */
export function whereText(host, file) {
  const table = host.keys.join(".");
  const how = {
    toml: `add all lines below at its end, or put them in place of the tables [${table}.apixo] and below it`,
    yaml: `copy the lines below from "apixo:" on, as they are indented, to directly below its line "${table}:", or in place of an "apixo" that is there. If it has no such line, add all lines below at its end`,
  }[host.format] ?? `copy the lines below from "apixo": { to the } that closes it into its object "${table}", or in place of an "apixo" that is there, with a comma between one entry and the next. If it has no object "${table}", copy that object as well, into the outermost { } of the file`;
  return `${host.title} reads ${file}. If there is no such file, the lines below are all of it. If there is one, ${how}.`;
}

/** The link that enters the server into Cursor or VS Code; empty for other hosts. It holds no key, whatever was typed. */
export function link(host, choices, keyVariables) {
  const env = Object.fromEntries(Object.entries(choices.env).filter(([name]) => !/KEY|SECRET|TOKEN/.test(name)));
  const isSandbox = choices.args.includes("--sandbox");
  const asked = isSandbox ? [] : keyVariables;
  if (host.name === "cursor") {
    for (const { variable } of asked) env[variable] = `\${env:${variable}}`;
    const config = JSON.stringify({ type: "stdio", command: choices.command, args: choices.args, env });
    const bytes = String.fromCharCode(...new TextEncoder().encode(config));
    return `https://cursor.com/en/install-mcp?name=apixo&config=${encodeURIComponent(btoa(bytes))}`;
  }
  if (host.name === "vscode") {
    const inputs = asked.map(({ variable, title }) => {
      const id = variable.toLowerCase().replaceAll("_", "-");
      env[variable] = `\${input:${id}}`;
      return { id, type: "promptString", description: `${title} API key`, password: true };
    });
    const config = JSON.stringify({ type: "stdio", command: choices.command, args: choices.args, env });
    const parts = { name: "apixo", inputs: JSON.stringify(inputs), config };
    const query = Object.entries(parts).map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
    return `https://insiders.vscode.dev/redirect/mcp/install?${query.join("&")}`;
  }
  return "";
}

function tomlTable(keys, table) {
  const inner = Object.entries(table).filter(([, value]) => isObject(value));
  const flat = Object.entries(table).filter(([, value]) => !isObject(value));
  const lines = [`[${keys.map(tomlKey).join(".")}]`, ...flat.map(([key, value]) => `${tomlKey(key)} = ${oneLine(value)}`)];
  for (const [key, value] of inner) lines.push("", ...tomlTable([...keys, key], value));
  return lines;
}

function tomlKey(key) {
  return /^[A-Za-z0-9_-]+$/.test(key) ? key : oneLine(key);
}

function yamlLines(mapping, column) {
  return Object.entries(mapping).flatMap(([key, value]) => {
    const start = `${" ".repeat(column)}${yamlScalar(key)}:`;
    if (isObject(value) && Object.keys(value).length) return [start, ...yamlLines(value, column + 2)];
    return [`${start} ${yamlScalar(value)}`];
  });
}

const YAML_WORDS = new Set(["true", "false", "null", "yes", "no", "on", "off", "y", "n"]);

function yamlScalar(value) {
  const isBare = typeof value === "string" && /^(?:[a-z_]+|[A-Z]+(?:_[A-Z]+)+)$/.test(value) && !YAML_WORDS.has(value);
  return isBare ? value : oneLine(value);
}

function oneLine(value) {
  return Array.isArray(value) ? `[${value.map((one) => JSON.stringify(one)).join(", ")}]` : JSON.stringify(value);
}

function isObject(value) {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
