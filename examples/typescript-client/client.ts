// Makes a picture with nothing but the MCP client of the TypeScript SDK: no model, no framework.
import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const OPEN = ["submitting", "pending", "processing"];

const client = new Client({ name: "my-client", version: "1.0.0" });
await client.connect(
  new StdioClientTransport({
    command: process.env.APIXO_MCP_COMMAND ?? "apixo-mcp",
    env: process.env as Record<string, string>, // APIXO_API_KEY among them
  }),
);
try {
  const { tools } = await client.listTools();
  console.log("Tools:", tools.map((tool) => tool.name).join(", "));

  let task = await call("generate_image", { model: "nano-banana", prompt: "a red fox in the snow" });
  while (OPEN.includes(task.state)) {
    const pause = /in about (\d+) s/.exec(task.next_step);
    if (pause) await new Promise((resolve) => setTimeout(resolve, Math.min(Number(pause[1]), 3) * 1000));
    // Or let the server wait: up to 50 seconds a call, below this client's own limit of 60.
    task = await call("check_task", { task_id: task.task_id, wait_seconds: 20 });
  }
  if (task.state !== "success") throw new Error("It did not work; the text above says why and what to do.");
  console.log("Saved:", ...task.results.map((result: { path: string }) => result.path));
} finally {
  await client.close();
}

async function call(name: string, args: Record<string, unknown>): Promise<any> {
  const answer = await client.callTool({ name, arguments: args });
  const first = answer.content[0];
  const text = first.type === "text" ? first.text : "";
  console.log(text);
  if (answer.isError) throw new Error(text);
  return answer.structuredContent;
}
