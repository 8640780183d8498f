// An agent of the Vercel AI SDK that makes a picture.
import { openai } from "@ai-sdk/openai";
import { createMCPClient } from "@ai-sdk/mcp";
import { Experimental_StdioMCPTransport as StdioTransport } from "@ai-sdk/mcp/mcp-stdio";
import { generateText, isStepCount } from "ai";

const MODEL = openai("gpt-5"); // any model of the AI SDK

const client = await createMCPClient({
  transport: new StdioTransport({
    command: process.env.APIXO_MCP_COMMAND ?? "apixo-mcp",
    env: process.env as Record<string, string>, // APIXO_API_KEY among them
  }),
});
try {
  const { text } = await generateText({
    model: MODEL,
    tools: await client.tools(),
    stopWhen: isStepCount(30),
    prompt: "Make a picture of a red fox in the snow.",
  });
  console.log(text);
} finally {
  await client.close();
}
