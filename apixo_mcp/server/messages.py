"""Messages of clients, made small enough for the SDK to read in no time, and the answer to what is no message.

The SDK reads a message on the event loop, and takes seconds for one of a million values; one that is nested hundreds
deep, or holds a number of thousands of digits, it drops without an answer. In such a message each part that is too much
is replaced by a small one of its kind that is too much as well: the tool refuses it, and says why.
"""

import json
import re
from typing import Any, cast

from mcp.types import INVALID_REQUEST, PARSE_ERROR, ErrorData, jsonrpc_message_adapter
from mcp.types.jsonrpc import JSONRPCError
from pydantic import ValidationError

from apixo_mcp.foreign import DEEPEST, LONGEST_GIVEN, LONGEST_SEEN, MOST_GIVEN, excess, read_beginning

_FEW_BRACKETS = 50  # so few are never nested too deeply
_DIGITS = re.compile(r"[0-9]{300}")
_ODD_ID = re.compile(r'"id"\s{0,9}:\s{0,9}(?:[ntf{\[]|-?[0-9]{1,300}[.eE])')  # neither text nor a whole number
_ARGUMENTS = 2  # how deep they stand
_ON_THE_WAY = {0: "params", 1: "arguments"}
_KEPT = 200  # fields of an object that has too many: more than any tool has arguments

_MANY = [0] * (MOST_GIVEN + 1)
_LARGE_NUMBER = 2**65
_NOT_JSON, _NO_MESSAGE = "{\n", "{}\n"


def bounded(line: str) -> str:
    """Returns a message as it came, or in its place one that is refused for the same reason.

    What is not JSON, or no message, becomes something short that is not, either. So does a request whose id is neither
    text nor a whole number: the SDK would take it for a notification.
    """
    if _ODD_ID.search(line) is not None and _has_odd_id(line):
        return _NO_MESSAGE
    brackets = line.count("[") + line.count("{")
    is_small = len(line) <= LONGEST_GIVEN and brackets <= _FEW_BRACKETS and brackets + line.count(",") <= MOST_GIVEN
    if is_small and _DIGITS.search(line) is None:
        return line
    message, is_cut = read_beginning(line)
    if isinstance(message, dict):
        smaller = _smaller(message, 0, is_cut)
        return line if smaller is message else _line(smaller)
    if isinstance(message, list) and not is_cut:  # a batch
        return _line([_smaller(one, 0, is_cut) for one in cast("list[Any]", message)])
    return _NOT_JSON if message is None else _NO_MESSAGE


def bounded_body(body: bytes) -> bytes:
    """Returns the body of a request as `bounded` does a line."""
    text = body.decode(errors="replace")
    smaller = bounded(text)
    return body if smaller is text else smaller.encode(errors="surrogatepass")


def refusal_of_body(body: bytes) -> JSONRPCError | None:
    """Returns the answer to the body of a request, as `refusal_of` does; None for a message."""
    try:
        jsonrpc_message_adapter.validate_json(body, by_name=False)
    except ValidationError as error:
        return refusal_of(error)
    return None


def refusal_of(error: Exception) -> JSONRPCError | None:
    """Returns the answer to a line that the SDK did not take for a message; None where nobody waits for one.

    Nobody waits behind an empty line, a notification or an answer.
    """
    if not isinstance(error, ValidationError):
        return None
    details = error.errors(include_url=False)
    kind, line = details[0]["type"], details[0]["input"]
    if kind == "json_invalid":
        return _refusal(PARSE_ERROR, "Parse error: this is not JSON") if line.strip() else None
    if len(details[0]["loc"]) == 1 and isinstance(line, list):
        return _refusal(INVALID_REQUEST, "Invalid request: no list of messages is taken here; send them one by one")
    # What one kind of message lacks another kind has, and of a field that lacks the whole message is told.
    wholes = [one["input"] for one in details if one["type"] == "missing" and len(one["loc"]) == 2]
    message: dict[str, Any] = wholes[0] if wholes else {}
    is_notification = isinstance(message.get("method"), str) and "id" not in message
    if is_notification or ("method" not in message and not message.keys().isdisjoint(("result", "error"))):
        return None
    return _refusal(INVALID_REQUEST, "Invalid request: this is not a message of JSON-RPC 2.0", message.get("id"))


def _refusal(code: int, message: str, request_id: Any = None) -> JSONRPCError:
    is_id = isinstance(request_id, int | str) and not isinstance(request_id, bool)
    return JSONRPCError(jsonrpc="2.0", id=request_id if is_id else None, error=ErrorData(code=code, message=message))


def _has_odd_id(line: str) -> bool:
    message = read_beginning(line)[0]
    if not isinstance(message, dict) or "id" not in message or "method" not in message:
        return False
    return not isinstance(message["id"], int | str) or isinstance(message["id"], bool)


def _line(message: Any) -> str:
    return json.dumps(message) + "\n"


def _smaller(value: Any, depth: int, is_cut: bool) -> Any:
    """Returns a value without what is too much about it; `is_cut`: parts of the message are missing already."""
    too_much = excess(value)
    if not too_much and not is_cut:
        return value
    is_container = isinstance(value, dict | list)
    if isinstance(value, dict) and depth <= _ARGUMENTS:
        members = list(cast("dict[str, Any]", value).items())[:_KEPT]
        cut = is_cut and depth == _ARGUMENTS
        on_the_way = _ON_THE_WAY.get(depth) if is_cut else None
        return {name: _smaller(member, depth + 1, cut or name == on_the_way) for name, member in members}
    if is_container and (is_cut or "values" in too_much):
        return _in_kind(value, _MANY)
    if is_container and "nested" in too_much:
        return _in_kind(value, _deep())
    if isinstance(value, dict):
        return {name: _smaller(member, depth, False) for name, member in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_smaller(member, depth, False) for member in cast("list[Any]", value)]
    if isinstance(value, str):
        longest = LONGEST_GIVEN if depth > _ARGUMENTS else LONGEST_SEEN  # a name or an address is shown to its caller
        return value[: longest + 1] if too_much else value
    return _LARGE_NUMBER if too_much else value


def _in_kind(value: Any, items: list[Any]) -> Any:
    return {"": items} if isinstance(value, dict) else items


def _deep() -> list[Any]:
    deep: list[Any] = []
    for _ in range(DEEPEST + 1):
        deep = [deep]
    return deep
