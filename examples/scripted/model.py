"""A scripted model: it speaks the wire of OpenAI (Chat Completions and Responses) and of Gemini, and follows a script.

An agent is pointed at it with `OPENAI_BASE_URL` or `GOOGLE_GEMINI_BASE_URL`, and needs no key. What each request
showed it is kept in `ScriptedModel.seen`. Standard library only.
"""

import itertools
import json
import re
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PROMPT = "a red fox in the snow"
OPEN = ("submitting", "pending", "processing")


@dataclass(frozen=True)
class Shown:
    """One result of a tool, as the model was shown it."""

    tool: str
    text: str
    pictures: int = 0


@dataclass
class Request:
    """What one request showed the model."""

    wire: str
    tools: dict[str, dict[str, Any]]
    results: list[Shown]
    arrived: float
    answered: float = 0.0


@dataclass(frozen=True)
class Call:
    """A tool call that the model makes."""

    tool: str
    arguments: dict[str, Any]


def task_in(text: str) -> dict[str, Any]:
    """The task in a result: the JSON object on a line of its own, however the framework wrapped it."""
    for candidate in (text, *_strings_in(text)):
        for line in candidate.splitlines():
            if line.startswith('{"task_id"'):
                return json.loads(line)
    as_shown = text.replace("\\'", "'")  # as Python shows an object with a text in it: the first such
    place = as_shown.find('{"task_id"')
    return json.JSONDecoder().raw_decode(as_shown, place)[0] if place >= 0 else {}


def _strings_in(text: str) -> list[str]:
    """The strings inside a text that is JSON itself."""
    try:
        value = json.loads(text)
    except ValueError:
        return []
    found: list[str] = []
    waiting = [value]
    while waiting:
        match waiting.pop():
            case str() as said:
                found.append(said)
            case list() as items:
                waiting += items
            case dict() as members:
                waiting += members.values()
    return found


def own_names(offered: Iterable[str]) -> dict[str, str]:
    """The tools' own names by those that they are offered under: some frameworks put one of theirs before each."""
    names = list(offered)
    shared = len(list(itertools.takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))))
    return {name: name[shared if len(names) > 1 else 0 :] for name in names}


def decide(results: list[Shown]) -> Call | str:
    """The script: look at the models, ask for a picture, ask again for as long as it runs, tell its path."""
    if not results:
        return Call("list_models", {"modality": "image", "query": "nano-banana"})
    last = results[-1]
    if last.tool == "list_models":
        if not re.search(r"^nano-banana:|\\nnano-banana:", last.text, re.MULTILINE):
            return f"I was shown no model: {last.text[:200]}"
        return Call("generate_image", {"model": "nano-banana", "prompt": PROMPT})
    task = task_in(last.text)
    if not task:
        return f"I was shown no task: {last.text[:500]}"
    files = [result.get("file") for result in task.get("results", [])]
    if task["state"] in OPEN or "saving" in files:
        return Call("check_task", {"task_id": task["task_id"]})
    return f"Here it is: {task['results'][0]['path']}" if task["state"] == "success" else f"It ended {task['state']}."


@dataclass
class ScriptedModel:
    """The model on a free port of this machine, while it is entered."""

    seen: list[Request] = field(default_factory=list)

    def __enter__(self) -> "ScriptedModel":
        seen = self.seen

        class Handler(_Handler):
            def take(self, request: Request) -> Call | str:
                seen.append(request)
                return decide(request.results)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that lead the frameworks here."""
        url = f"http://127.0.0.1:{self._server.server_port}"
        return {
            "OPENAI_BASE_URL": f"{url}/v1",
            "OPENAI_API_KEY": "none-needed",
            "OPENAI_AGENTS_DISABLE_TRACING": "1",
            "AGNO_TELEMETRY": "false",
            "CREWAI_DISABLE_TELEMETRY": "true",
            "CREWAI_TRACING_ENABLED": "false",
            "GOOGLE_GEMINI_BASE_URL": url,
            "GOOGLE_API_KEY": "none-needed",
        }


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def take(self, request: Request) -> Call | str:
        raise NotImplementedError

    def do_POST(self) -> None:
        arrived = time.monotonic()
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        wires = {"/v1/chat/completions": _Chat, "/v1/responses": _Responses}
        wire = _Gemini if self.path.split("?")[0].endswith(":generateContent") else wires.get(self.path)
        if wire is None or body.get("stream"):
            self._send(404, {"error": {"message": f"the scripted model has no {self.path}, and does not stream"}})
            return
        offered = wire.tools(body)
        own = own_names(offered)
        tools = {own[name]: schema for name, schema in offered.items()}
        results = [replace(result, tool=own.get(result.tool, result.tool)) for result in wire.results(body)]
        request = Request(wire.__name__[1:].lower(), tools, results, arrived)
        decided = self.take(request)
        if isinstance(decided, str) and "final_answer" in tools:  # of a framework in which a model only calls tools
            decided = Call("final_answer", {"answer": decided})
        if isinstance(decided, Call):
            decided = replace(decided, tool=next((name for name in own if own[name] == decided.tool), decided.tool))
        answer = wire.answer(decided, str(len(request.results)))
        request.answered = time.monotonic()
        self._send(200, answer)

    def _send(self, status: int, answer: dict[str, Any]) -> None:
        data = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def _shown(tool: str, output: Any) -> Shown:
    """A result whose output is a text, or a list of parts."""
    if isinstance(output, str):
        return Shown(tool, output)
    texts = [part.get("text", "") for part in output]
    return Shown(tool, "\n".join(texts), sum("image" in part.get("type", "") for part in output))


class _Chat:
    """OpenAI Chat Completions."""

    @staticmethod
    def tools(body: dict[str, Any]) -> dict[str, Any]:
        return {tool["function"]["name"]: tool["function"].get("parameters", {}) for tool in body.get("tools", [])}

    @staticmethod
    def results(body: dict[str, Any]) -> list[Shown]:
        names: dict[str, str] = {}
        found: list[Shown] = []
        for message in body["messages"]:
            said = _shown("", message.get("content") or "")
            names |= {call["id"]: call["function"]["name"] for call in message.get("tool_calls") or []}
            if message["role"] == "tool":
                found.append(replace(said, tool=names[message["tool_call_id"]]))
            elif in_words := re.match(r"Calling tools:.*?'name': '(\w+)'", said.text, re.DOTALL):
                names["in words"] = in_words[1]  # smolagents tells of calls and results so
            elif said.text.startswith("Observation:\n"):
                found.append(replace(said, tool=names["in words"]))
        return found

    @staticmethod
    def answer(said: Call | str, turn: str) -> dict[str, Any]:
        message: dict[str, Any] = {"role": "assistant", "content": said if isinstance(said, str) else None}
        if isinstance(said, Call):
            function = {"name": said.tool, "arguments": json.dumps(said.arguments)}
            message["tool_calls"] = [{"id": f"call_{turn}", "type": "function", "function": function}]
        return {
            "id": f"chatcmpl-{turn}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": "scripted",
            "choices": [
                {"index": 0, "message": message, "finish_reason": "stop" if isinstance(said, str) else "tool_calls"}
            ],
            "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2},
        }


class _Responses:
    """OpenAI Responses."""

    @staticmethod
    def tools(body: dict[str, Any]) -> dict[str, Any]:
        return {tool["name"]: tool.get("parameters", {}) for tool in body.get("tools", [])}

    @staticmethod
    def results(body: dict[str, Any]) -> list[Shown]:
        items = body["input"] if isinstance(body["input"], list) else []
        names = {item["call_id"]: item["name"] for item in items if item.get("type") == "function_call"}
        told = [item for item in items if item.get("type") == "function_call_output"]
        return [_shown(names[item["call_id"]], item["output"]) for item in told]

    @staticmethod
    def answer(said: Call | str, turn: str) -> dict[str, Any]:
        if isinstance(said, str):
            part = {"type": "output_text", "text": said, "annotations": [], "logprobs": []}
            item = {
                "type": "message",
                "id": f"msg_{turn}",
                "role": "assistant",
                "status": "completed",
                "content": [part],
            }
        else:
            item = {"type": "function_call", "id": f"fc_{turn}", "call_id": f"call_{turn}", "status": "completed"}
            item |= {"name": said.tool, "arguments": json.dumps(said.arguments)}
        return {
            "id": f"resp_{turn}",
            "object": "response",
            "created_at": int(time.time()),
            "status": "completed",
            "model": "scripted",
            "output": [item],
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": [],
            "usage": {
                "input_tokens": 1,
                "input_tokens_details": {"cached_tokens": 0},
                "output_tokens": 1,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": 2,
            },
        }


class _Gemini:
    """Gemini `generateContent`."""

    @staticmethod
    def tools(body: dict[str, Any]) -> dict[str, Any]:
        declared = [one for tool in body.get("tools", []) for one in tool.get("functionDeclarations", [])]
        names = ("parametersJsonSchema", "parameters_json_schema", "parameters")
        return {one["name"]: next((one[name] for name in names if name in one), {}) for one in declared}

    @staticmethod
    def results(body: dict[str, Any]) -> list[Shown]:
        parts = [part for content in body["contents"] for part in content["parts"]]
        told = [part["functionResponse"] for part in parts if "functionResponse" in part]
        return [Shown(one["name"], json.dumps(one["response"], ensure_ascii=False)) for one in told]

    @staticmethod
    def answer(said: Call | str, turn: str) -> dict[str, Any]:
        part = (
            {"text": said} if isinstance(said, str) else {"functionCall": {"name": said.tool, "args": said.arguments}}
        )
        return {
            "candidates": [{"content": {"role": "model", "parts": [part]}, "finishReason": "STOP", "index": 0}],
            "usageMetadata": {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2},
            "modelVersion": "scripted",
            "responseId": turn,
        }
