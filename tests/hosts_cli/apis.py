"""The APIs over which hosts ask a model, as far as a scripted one needs them: what is asked, and how an answer streams.

Their makers' references tell of them: docs.anthropic.com/en/api/messages-streaming, ai.google.dev/api/generate-content,
platform.openai.com/docs/api-reference (responses-streaming, chat-streaming).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

_ID = "call_"  # and the tool's name: so that a result tells what it is of
_MODEL = "scripted"


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool that a host offers; Codex has those of a server in a namespace."""

    name: str
    namespace: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """An answer that calls a tool."""

    tool: Tool
    arguments: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """What a host asks.

    Attributes:
        tools: that it offers.
        results: what its tools gave back so far, as JSON, by their names.
    """

    tools: Sequence[Tool]
    results: Mapping[str, str]


class Api(NamedTuple):
    """How one API says both.

    Attributes:
        read: of a request's body.
        write: an answer (a text, or a call) as the bytes of its stream.
    """

    read: Callable[[Any], Turn]
    write: Callable[[Call | str], bytes]


def _turn(tools: Sequence[Tool], results: Sequence[tuple[str, Any]]) -> Turn:
    return Turn(tools, {name.removeprefix(_ID): json.dumps(result) for name, result in results})


def _stream(*events: Mapping[str, Any]) -> bytes:
    lines = [
        (f"event: {event['type']}\n" if "type" in event else "") + f"data: {json.dumps(event)}" for event in events
    ]
    return "".join(f"{line}\n\n" for line in lines).encode()


# Anthropic's Messages.


def _messages_turn(body: Any) -> Turn:
    blocks = [
        block for message in body["messages"] if isinstance(message["content"], list) for block in message["content"]
    ]
    results = [(block["tool_use_id"], block["content"]) for block in blocks if block["type"] == "tool_result"]
    return _turn([Tool(tool["name"]) for tool in body.get("tools", ())], results)


def _messages_stream(answer: Call | str) -> bytes:
    if isinstance(answer, Call):
        name = answer.tool.name
        block = {"type": "tool_use", "id": f"{_ID}{name}", "name": name, "input": {}}
        delta = {"type": "input_json_delta", "partial_json": json.dumps(answer.arguments)}
        reason = "tool_use"
    else:
        block, delta, reason = {"type": "text", "text": ""}, {"type": "text_delta", "text": answer}, "end_turn"
    message = {"id": "msg_1", "type": "message", "role": "assistant", "model": _MODEL, "content": []}
    usage = {"input_tokens": 1, "output_tokens": 1}
    return _stream(
        {"type": "message_start", "message": {**message, "stop_reason": None, "stop_sequence": None, "usage": usage}},
        {"type": "content_block_start", "index": 0, "content_block": block},
        {"type": "content_block_delta", "index": 0, "delta": delta},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": reason, "stop_sequence": None}, "usage": usage},
        {"type": "message_stop"},
    )


# OpenAI's Responses.


def _responses_turn(body: Any) -> Turn:
    tools: list[Tool] = []
    for tool in body.get("tools", ()):
        if tool["type"] == "namespace":
            tools += [Tool(inner["name"], tool["name"]) for inner in tool["tools"]]
        elif tool["type"] == "function":
            tools.append(Tool(tool["name"]))
    outputs = [
        (item["call_id"], item["output"]) for item in body["input"] if item.get("type") == "function_call_output"
    ]
    return _turn(tools, outputs)


def _responses_stream(answer: Call | str) -> bytes:
    item: dict[str, Any]
    if isinstance(answer, Call):
        tool = answer.tool
        item = {"type": "function_call", "id": "fc_1", "call_id": f"{_ID}{tool.name}", "name": tool.name}
        item |= {"arguments": json.dumps(answer.arguments)} | ({"namespace": tool.namespace} if tool.namespace else {})
    else:
        item = {"type": "message", "id": "msg_1", "role": "assistant"}
        item["content"] = [{"type": "output_text", "text": answer}]
    usage = {"input_tokens": 1, "output_tokens": 1, "total_tokens": 2}
    return _stream(
        {"type": "response.created", "response": {"id": "resp_1"}},
        {"type": "response.output_item.done", "output_index": 0, "item": item},
        {"type": "response.completed", "response": {"id": "resp_1", "usage": usage}},
    )


# OpenAI's Chat Completions, which other providers speak too.


def _chat_turn(body: Any) -> Turn:
    tools = [Tool(tool["function"]["name"]) for tool in body.get("tools", ())]
    messages = [message for message in body["messages"] if message["role"] == "tool"]
    return _turn(tools, [(message["tool_call_id"], message["content"]) for message in messages])


def _chat_stream(answer: Call | str) -> bytes:
    delta: dict[str, Any] = {"role": "assistant"}
    if isinstance(answer, Call):
        name = answer.tool.name
        function = {"name": name, "arguments": json.dumps(answer.arguments)}
        delta["tool_calls"] = [{"index": 0, "id": f"{_ID}{name}", "type": "function", "function": function}]
    else:
        delta["content"] = answer
    head = {"id": "chat_1", "object": "chat.completion.chunk", "created": 1, "model": _MODEL}
    reason = "tool_calls" if isinstance(answer, Call) else "stop"
    usage = {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}
    chunks = (
        {**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {**head, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": usage},
    )
    return _stream(*chunks) + b"data: [DONE]\n\n"


# Gemini's.


def _gemini_turn(body: Any) -> Turn:
    tools = [Tool(one["name"]) for group in body.get("tools", ()) for one in group.get("functionDeclarations", ())]
    parts = [
        part["functionResponse"]
        for content in body["contents"]
        for part in content["parts"]
        if "functionResponse" in part
    ]
    return _turn(tools, [(part["name"], part) for part in parts])


def _gemini_stream(answer: Call | str) -> bytes:
    is_call = isinstance(answer, Call)
    part = {"functionCall": {"name": answer.tool.name, "args": answer.arguments}} if is_call else {"text": answer}
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    return _stream({"candidates": [candidate], "usageMetadata": usage, "modelVersion": _MODEL})


APIS = {
    "/v1/messages": Api(_messages_turn, _messages_stream),
    "/v1/responses": Api(_responses_turn, _responses_stream),
    "/v1/chat/completions": Api(_chat_turn, _chat_stream),
    "/v1beta/models/{method}": Api(_gemini_turn, _gemini_stream),
}
"""By the paths that they are asked on."""
