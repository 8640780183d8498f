"""Makes a picture with nothing but the MCP client of the Python SDK: no model, no framework."""

import asyncio
import os
import re

from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from mcp.types import CallToolResult

OPEN = ("submitting", "pending", "processing")


def text_of(answer: CallToolResult) -> str:
    return next(part.text for part in answer.content if part.type == "text")


async def main() -> None:
    command = os.environ.get("APIXO_MCP_COMMAND", "apixo-mcp")
    server = StdioServerParameters(command=command, env=dict(os.environ))  # APIXO_API_KEY among them
    async with Client(stdio_client(server)) as client:
        tools = (await client.list_tools()).tools
        print("Tools:", ", ".join(tool.name for tool in tools))

        answer = await client.call_tool("generate_image", {"model": "nano-banana", "prompt": "a red fox in the snow"})
        print(text_of(answer))
        while not answer.is_error and answer.structured_content["state"] in OPEN:
            task = answer.structured_content
            if pause := re.search(r"in about (\d+) s", task["next_step"]):
                await asyncio.sleep(min(int(pause[1]), 3))
            # Or let the server wait: up to 50 seconds a call, as long as this client has no shorter limit.
            answer = await client.call_tool("check_task", {"task_id": task["task_id"], "wait_seconds": 20})
            print(text_of(answer))

        if answer.is_error or answer.structured_content["state"] != "success":
            raise SystemExit("It did not work; the text above says why and what to do.")
        print("Saved:", *(result["path"] for result in answer.structured_content["results"]))


asyncio.run(main())
