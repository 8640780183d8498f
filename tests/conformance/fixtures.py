"""What the official conformance suite expects a server to hold: its `test_*` tools, resources and prompts.

They are mounted on the real server, for the suite only; no package holds them.
"""

import base64
import json
from collections.abc import Callable
from typing import Annotated, Any

import anyio
from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.mcpserver import Context, UserMessage
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import (
    MISSING_REQUIRED_CLIENT_CAPABILITY,
    AudioContent,
    EmbeddedResource,
    EmptyResult,
    ImageContent,
    SamplingMessage,
    SetLevelRequestParams,
    TextContent,
    TextResourceContents,
)
from pydantic import BaseModel, Field, JsonValue

PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
WAV = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAIA+AAACABAAZGF0YQAAAAA="
BETWEEN = 0.05  # seconds: the suite looks whether messages arrive while a tool runs

SCHEMA_2020_12: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {
        "address": {
            "$anchor": "addressDef",
            "type": "object",
            "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
        }
    },
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}


def tool(server: MCPServer[Any], name: str) -> Callable[[Any], Any]:
    """Registers a fixture tool."""
    return server.tool(name=name, description=f"{name}: for the conformance suite.", structured_output=False)


def embedded(uri: str, mime_type: str, text: str) -> EmbeddedResource:
    return EmbeddedResource(resource=TextResourceContents(uri=uri, mime_type=mime_type, text=text))


def add_fixtures(server: MCPServer[Any]) -> None:
    _add_content(server)
    _add_talkative(server)
    _add_changing(server)
    _add_schemas(server)
    _add_resources(server)
    _add_prompts(server)


def _add_content(server: MCPServer[Any]) -> None:
    @tool(server, "test_simple_text")
    def simple_text() -> str:
        return "This is a simple text response for testing."

    @tool(server, "test_image_content")
    def image() -> list[ImageContent]:
        return [ImageContent(data=PNG, mime_type="image/png")]

    @tool(server, "test_audio_content")
    def audio() -> list[AudioContent]:
        return [AudioContent(data=WAV, mime_type="audio/wav")]

    @tool(server, "test_embedded_resource")
    def resource() -> list[EmbeddedResource]:
        return [embedded("test://embedded-resource", "text/plain", "This is an embedded resource content.")]

    @tool(server, "test_multiple_content_types")
    def several() -> list[TextContent | ImageContent | EmbeddedResource]:
        return [
            TextContent(text="Multiple content types test:"),
            ImageContent(data=PNG, mime_type="image/png"),
            embedded("test://mixed-content-resource", "application/json", '{"test":"data","value":123}'),
        ]

    @tool(server, "test_error_handling")
    def error() -> str:
        raise ToolError("This tool intentionally returns an error for testing")


class _Person(BaseModel):
    username: str = Field(description="User's response")
    email: str = Field(description="User's email address")


class _Defaults(BaseModel):
    name: str = "John Doe"
    age: int = 30
    score: float = 95.5
    status: str = Field("active", json_schema_extra={"enum": ["active", "inactive", "pending"]})
    verified: bool = True


def _titled(*pairs: tuple[str, str]) -> list[JsonValue]:
    return [{"const": value, "title": title} for value, title in pairs]


_VALUES = _titled(("value1", "First Option"), ("value2", "Second Option"), ("value3", "Third Option"))


class _Enums(BaseModel):
    untitledSingle: Annotated[str, Field(json_schema_extra={"enum": ["option1", "option2", "option3"]})]
    titledSingle: Annotated[str, Field(json_schema_extra={"oneOf": _VALUES})]
    legacyEnum: Annotated[
        str,
        Field(
            json_schema_extra={
                "enum": ["opt1", "opt2", "opt3"],
                "enumNames": ["Option One", "Option Two", "Option Three"],
            }
        ),
    ]
    untitledMulti: Annotated[
        list[str], Field(json_schema_extra={"items": {"type": "string", "enum": ["option1", "option2", "option3"]}})
    ]
    titledMulti: Annotated[list[str], Field(json_schema_extra={"items": {"anyOf": _VALUES}})]


def _add_talkative(server: MCPServer[Any]) -> None:
    async def logging(context: Context) -> str:
        for message in ("Tool execution started", "Tool processing data", "Tool execution completed"):
            await context.info(message)
            await anyio.sleep(BETWEEN)
        return "Logged three times."

    tool(server, "test_tool_with_logging")(logging)
    tool(server, "test_logging_tool")(logging)

    @tool(server, "test_reconnection")
    async def reconnection(context: Context) -> str:
        await context.close_sse_stream()  # nothing, as the server keeps no events for a client that comes back
        return "Reconnection test completed"

    @tool(server, "test_tool_with_progress")
    async def progress(context: Context) -> str:
        for done in (0, 50, 100):
            await context.report_progress(done, 100, f"{done} of 100")
            await anyio.sleep(BETWEEN)
        return "Told its progress three times."

    @tool(server, "test_sampling")
    async def sampling(prompt: str, context: Context) -> str:
        asked = [SamplingMessage(role="user", content=TextContent(text=prompt))]
        answer = await context.session.create_message(messages=asked, max_tokens=100)
        return f"LLM response: {getattr(answer.content, 'text', '')}"

    async def elicited(context: Context, message: str, schema: type[BaseModel]) -> str:
        answer = await context.elicit(message, schema)
        content = answer.data.model_dump_json() if answer.action == "accept" else "{}"
        return f"action={answer.action}, content={content}"

    @tool(server, "test_elicitation")
    async def elicitation(message: str, context: Context) -> str:
        return f"User response: {await elicited(context, message, _Person)}"

    @tool(server, "test_elicitation_sep1034_defaults")
    async def defaults(context: Context) -> str:
        return f"Elicitation completed: {await elicited(context, 'Who are you?', _Defaults)}"

    @tool(server, "test_elicitation_sep1330_enums")
    async def enums(context: Context) -> str:
        return f"Elicitation completed: {await elicited(context, 'Choose.', _Enums)}"


def _add_changing(server: MCPServer[Any]) -> None:
    @tool(server, "test_trigger_tool_change")
    async def tools(context: Context) -> str:
        await context.notify_tools_changed()
        return "Told that the list of tools changed."

    @tool(server, "test_trigger_prompt_change")
    async def prompts(context: Context) -> str:
        await context.notify_prompts_changed()
        return "Told that the list of prompts changed."

    @tool(server, "test_missing_capability")
    async def sampling_only(context: Context) -> str:
        declared = context.client_capabilities
        if declared is None or declared.sampling is None:
            needed = {"requiredCapabilities": {"sampling": {}}}
            raise MCPError(MISSING_REQUIRED_CLIENT_CAPABILITY, "Missing required client capability", needed)
        return "The client can sample."


def _add_schemas(server: MCPServer[Any]) -> None:
    @tool(server, "json_schema_2020_12_tool")
    def schema() -> str:
        return "ok"

    registered = server._tool_manager.get_tool("json_schema_2020_12_tool")
    assert registered
    registered.parameters = SCHEMA_2020_12

    @tool(server, "test_custom_header")
    def header(region: Annotated[str, Field(json_schema_extra={"x-mcp-header": "Region"})]) -> str:
        return region


def _add_resources(server: MCPServer[Any]) -> None:
    @server.resource("test://static-text", name="static_text", description="A text.", mime_type="text/plain")
    def text() -> str:
        return "This is the content of the static text resource."

    @server.resource("test://static-binary", name="static_binary", description="A picture.", mime_type="image/png")
    def picture() -> bytes:
        return base64.b64decode(PNG)

    @server.resource(
        "test://template/{id}/data", name="template_data", description="A template.", mime_type="application/json"
    )
    def template(id: str) -> str:
        return json.dumps({"id": id, "templateTest": True, "data": f"Data for ID: {id}"})

    @server.resource("test://watched-resource", name="watched", description="Watched.", mime_type="text/plain")
    def watched() -> str:
        return "Watched resource content"

    async def accept(*_: Any) -> EmptyResult:
        return EmptyResult()

    # Of the handshake era; the SDK's high-level class has no way to serve it, and the real server logs to nobody.
    server._lowlevel_server.add_request_handler("logging/setLevel", SetLevelRequestParams, accept)


def _add_prompts(server: MCPServer[Any]) -> None:
    @server.prompt(name="test_simple_prompt", description="A prompt.")
    def simple() -> str:
        return "This is a simple prompt for testing."

    @server.prompt(name="test_prompt_with_arguments", description="A prompt with arguments.")
    def arguments(arg1: str, arg2: str) -> str:
        return f"Prompt with arguments: arg1='{arg1}', arg2='{arg2}'"

    @server.prompt(name="test_prompt_with_embedded_resource", description="A prompt with a resource.")
    def resource(resourceUri: str) -> list[UserMessage]:
        content = embedded(resourceUri, "text/plain", "Embedded resource content for testing.")
        return [UserMessage(content), UserMessage("Please process the embedded resource above.")]

    @server.prompt(name="test_prompt_with_image", description="A prompt with a picture.")
    def image() -> list[UserMessage]:
        picture = ImageContent(data=PNG, mime_type="image/png")
        return [UserMessage(picture), UserMessage("Please analyze the image above.")]
