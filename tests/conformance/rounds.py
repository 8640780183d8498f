"""The suite's tools that need several rounds: they ask for input, and are called again with it."""

from typing import Any

from fixtures import tool
from mcp.server import MCPServer
from mcp.server.mcpserver import Context
from mcp.types import (
    CreateMessageRequest,
    CreateMessageRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    ListRootsRequest,
    SamplingMessage,
    TextContent,
)


def ask(message: str, field: str, kind: str = "string") -> ElicitRequest:
    """A question with one answer."""
    schema: dict[str, Any] = {"type": "object", "properties": {field: {"type": kind}}, "required": [field]}
    return ElicitRequest(params=ElicitRequestFormParams(message=message, requested_schema=schema))


def sample(prompt: str, tokens: int = 100) -> CreateMessageRequest:
    message = SamplingMessage(role="user", content=TextContent(text=prompt))
    return CreateMessageRequest(params=CreateMessageRequestParams(messages=[message], max_tokens=tokens))


def answered(context: Context, key: str) -> Any:
    return (context.input_responses or {}).get(key)


def told(context: Context, key: str, field: str) -> Any:
    """What was filled in; None where nothing was."""
    answer = answered(context, key)
    return (answer.content or {}).get(field) if isinstance(answer, ElicitResult) else None


def add_rounds(server: MCPServer[Any]) -> None:
    _add_single(server)
    _add_stateful(server)

    @server.prompt(name="test_input_required_result_prompt", description="A prompt that asks for its context.")
    def prompt(context: Context) -> str | InputRequiredResult:
        if (given := told(context, "user_context", "context")) is not None:
            return f"Use this context: {given}"
        question = ask("What context should the prompt use?", "context")
        return InputRequiredResult(input_requests={"user_context": question})


def _add_single(server: MCPServer[Any]) -> None:
    def elicitation(context: Context) -> str | InputRequiredResult:
        if (name := told(context, "user_name", "name")) is not None:
            return f"Hello, {name}!"
        return InputRequiredResult(input_requests={"user_name": ask("What is your name?", "name")})

    tool(server, "test_input_required_result_elicitation")(elicitation)
    tool(server, "test_streaming_elicitation")(elicitation)

    @tool(server, "test_input_required_result_sampling")
    def sampling(context: Context) -> str | InputRequiredResult:
        if (answer := answered(context, "capital_question")) is not None:
            return getattr(answer.content, "text", "")
        return InputRequiredResult(input_requests={"capital_question": sample("What is the capital of France?")})

    @tool(server, "test_input_required_result_list_roots")
    def roots(context: Context) -> str | InputRequiredResult:
        if (answer := answered(context, "client_roots")) is not None:
            return ", ".join(str(root.uri) for root in answer.roots)
        return InputRequiredResult(input_requests={"client_roots": ListRootsRequest()})

    @tool(server, "test_input_required_result_capabilities")
    def capabilities(context: Context) -> str | InputRequiredResult:
        declared = context.client_capabilities
        requests: dict[str, Any] = {}
        if declared and declared.sampling is not None:
            requests["capital_question"] = sample("What is the capital of France?")
        if declared and declared.elicitation is not None:
            requests["user_name"] = ask("What is your name?", "name")
        return "Nothing to ask with." if not requests else InputRequiredResult(input_requests=requests)


def _add_stateful(server: MCPServer[Any]) -> None:
    # The SDK seals `request_state` on its way out and refuses what it did not seal.
    def confirmed(context: Context) -> str | InputRequiredResult:
        if context.request_state == "asked" and told(context, "confirm", "ok") is not None:
            return "state-ok"
        return InputRequiredResult(
            input_requests={"confirm": ask("Please confirm", "ok", "boolean")}, request_state="asked"
        )

    tool(server, "test_input_required_result_request_state")(confirmed)
    tool(server, "test_input_required_result_tampered_state")(confirmed)

    @tool(server, "test_input_required_result_multiple_inputs")
    def several(context: Context) -> str | InputRequiredResult:
        keys = ("user_name", "greeting", "client_roots")
        if all(answered(context, key) is not None for key in keys):
            return f"{told(context, 'user_name', 'name')}: all three were answered."
        requests = (ask("What is your name?", "name"), sample("Generate a greeting", 50), ListRootsRequest())
        return InputRequiredResult(input_requests=dict(zip(keys, requests, strict=True)), request_state="asked")

    @tool(server, "test_input_required_result_multi_round")
    def rounds(context: Context) -> str | InputRequiredResult:
        name = told(context, "step1", "name")
        if name is not None:
            question = ask("Step 2: What is your favorite color?", "color")
            return InputRequiredResult(input_requests={"step2": question}, request_state=f"step2 {name}")
        if context.request_state and (colour := told(context, "step2", "color")) is not None:
            return f"{context.request_state.removeprefix('step2 ')} likes {colour}."
        question = ask("Step 1: What is your name?", "name")
        return InputRequiredResult(input_requests={"step1": question}, request_state="step1")
