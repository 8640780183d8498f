"""Answers to a submit that name the task and are broken on the wire, or wrapped as no document says."""

import gzip
import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st
from support.scripted_gateway import chunked, head
from support.wire import answer

Broken = Callable[[str], bytes]
"""Makes the bytes of an answer that names a task id."""


def document(task: str) -> bytes:
    """The documented answer."""
    return json.dumps({"code": 200, "message": "success", "data": {"taskId": task}}).encode()


def headed(*lines: str, status: str = "HTTP/1.1 200 OK", end: str = "\r\n") -> Broken:
    """The documented answer behind any head."""

    def made(task: str) -> bytes:
        body = document(task)
        filled = [line.replace("SIZE", str(len(body))) for line in lines]
        return end.join([status, *filled, "", ""]).encode("latin-1") + body

    return made


def wrapped(value: str, **headers: str) -> Broken:
    """A body in which TASK is the id."""

    def made(task: str) -> bytes:
        told: dict[str, Any] = {name: header.replace("TASK", task) for name, header in headers.items()}
        return answer(value.replace("TASK", task), **told)

    return made


def in_chunks(*sizes: str, end: str = "0\r\n\r\n") -> Broken:
    """The documented answer in chunks whose sizes are these."""

    def made(task: str) -> bytes:
        body, pieces = document(task), b""
        for number, size in enumerate(sizes):
            piece = body[number * 20 :] if number == len(sizes) - 1 else body[number * 20 : number * 20 + 20]
            pieces += size.encode() + b"\r\n" + piece + b"\r\n"
        return head("Transfer-Encoding: chunked", "Content-Type: application/json") + pieces + end.encode()

    return made


LENGTH = "Content-Length: SIZE"
HEADS: dict[str, Broken] = {
    "no head": document,
    "a status line alone": headed(status="HTTP/1.1 200 OK"),
    "no status": headed(LENGTH, status="HTTP/1.1 OK"),
    "a status that is a word": headed(LENGTH, status="HTTP/1.1 okay okay"),
    "a status of two digits": headed(LENGTH, status="HTTP/1.1 20 OK"),
    "a status of four digits": headed(LENGTH, status="HTTP/1.1 2000 OK"),
    "a status below 100": headed(LENGTH, status="HTTP/1.1 099 OK"),
    "another version": headed(LENGTH, status="HTTP/2 200 OK"),
    "another protocol": headed(LENGTH, status="ICY 200 OK"),
    "lower case": headed(LENGTH, status="http/1.1 200 ok"),
    "a status line of CGI": headed(LENGTH, status="Status: 200 OK"),
    "header lines without a status line": headed(LENGTH, status="Content-Type: application/json"),
    "a mark before it": headed(LENGTH, status="\xef\xbb\xbfHTTP/1.1 200 OK"),
    "blank lines before it": headed(LENGTH, status="\r\n\r\nHTTP/1.1 200 OK"),
    "switching protocols": headed(LENGTH, status="HTTP/1.1 101 Switching Protocols"),
    "announced": headed(LENGTH, status="HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK"),
    "no content, with content": headed(status="HTTP/1.1 204 No Content"),
    "not modified, with content": headed(LENGTH, status="HTTP/1.1 304 Not Modified"),
    "a line without a colon": headed("Served by node 7", LENGTH),
    "a space before the colon": headed("Server : nginx", LENGTH),
    "a name in brackets": headed("X(1): a", LENGTH),
    "an empty name": headed(": a", LENGTH),
    "control characters": headed("X-A: a\0b\x07", LENGTH),
    "a folded line": headed("X-A: one", "  two", LENGTH),
    "line feeds alone": headed("X-A: one", LENGTH, end="\n"),
    "mixed line ends": headed("X-A: one\nX-B: two", LENGTH),
    "carriage returns alone": headed("X-A: one", LENGTH, end="\r"),
    "a head of 60 KB": headed(*(f"Set-Cookie: c{number}={'x' * 1000}" for number in range(60)), LENGTH),
    "a head of 300 KB": headed(*(f"Set-Cookie: c{number}={'x' * 1000}" for number in range(300)), LENGTH),
    "a header of 60 KB": headed("X-Policy: " + "x" * 60_000, LENGTH),
    "30,000 header lines": headed(*["a:b"] * 30_000, LENGTH),
    "two lengths": headed(LENGTH, "Content-Length: 7"),
    "a length that is a word": headed("Content-Length: many"),
    "a negative length": headed("Content-Length: -1"),
    "a length that is too small": headed("Content-Length: 30"),
    "a length of nothing": headed("Content-Length: 0"),
    "a length of characters": wrapped(
        '{"code":200,"message":"成功成功成功成功成功","data":{"taskId":"TASK"}}', content_length="64"
    ),
    "a length that is too large": headed("Content-Length: 9000"),
    "chunked, and it is not": headed("Transfer-Encoding: chunked"),
    "chunked, and it is not, with a length": headed("Transfer-Encoding: chunked", LENGTH),
    "chunked and a length": lambda task: chunked(document(task), content_length="30"),
    "a chunk that is longer than it says": in_chunks("10"),
    "a chunk that is shorter than it says": in_chunks("fff"),
    "sizes that are none": in_chunks("14", "zz"),
    "sizes in decimal": in_chunks("20", "60"),
    "no last chunk": lambda task: chunked(document(task), size=20)[:-5],
    "chunks within chunks": in_chunks("5", "14", "14", "14"),
    "packed, without a status": lambda task: (
        headed("Content-Encoding: gzip", status="HTTP/1.1 OK")("x")[: -len(document("x"))]
        + gzip.compress(document(task))
    ),
    "packed, with a wrong sum at its end": lambda task: answer(
        gzip.compress(document(task))[:-8] + b"wrongsum", content_encoding="gzip"
    ),
    "packed, and broken behind it": lambda task: answer(
        zlib.compress(document(task) + b" " * 300)[:-4] + b"no", content_encoding="deflate"
    ),
    "no blank line": lambda task: b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" + document(task),
}

ACCEPTED = '"code":200,"message":"success"'
WRAPPINGS: dict[str, Broken] = {
    "the id of a task": wrapped(f'{{{ACCEPTED},"task":{{"id":"TASK"}}}}'),
    "the id of a task in data": wrapped(f'{{{ACCEPTED},"data":{{"task":{{"state":"pending","id":"TASK"}}}}}}'),
    "the id behind what is inside": wrapped(f'{{{ACCEPTED},"data":{{"task":{{"model":{{"id":"m1"}},"id":"TASK"}}}}}}'),
    "a list of ids": wrapped(f'{{{ACCEPTED},"data":{{"taskIds":["TASK"]}}}}'),
    "a list in the field of one": wrapped(f'{{{ACCEPTED},"data":{{"task_id":["TASK"]}}}}'),
    "a list of tasks": wrapped(f'{{{ACCEPTED},"tasks":[{{"id":"TASK","state":"pending"}}]}}'),
    "a list of tasks that are ids": wrapped(f'{{{ACCEPTED},"tasks":["TASK"]}}'),
    "a task that is an id": wrapped(f'{{{ACCEPTED},"data":{{"task":"TASK"}}}}'),
    "information about a task": wrapped(f'{{{ACCEPTED},"data":{{"taskInfo":{{"id":"TASK"}}}}}}'),
    "JSON in JSON": wrapped(f'{{{ACCEPTED},"data":"{{\\"task\\":{{\\"id\\":\\"TASK\\"}}}}"}}'),
    "cut behind it": wrapped(f'{{{ACCEPTED},"data":{{"task":{{"id":"TASK","sta'),
    "a form": wrapped("code=200&task[id]=TASK&state=pending"),
    "XML": wrapped("<r><code>200</code><task><id>TASK</id></task></r>"),
    "an attribute": wrapped('<r code="200"><task state="new" id="TASK"/></r>'),
    "X-Task-Id": wrapped(f"{{{ACCEPTED}}}", x_task_id="TASK"),
    "Task-Id": wrapped("accepted", task_id="TASK"),
    "X-Gateway-Task-ID": wrapped("", X_Gateway_Task_ID="TASK"),
    "Location": wrapped(f"{{{ACCEPTED}}}", location="/api/v1/tasks/TASK"),
    "Location of a query": wrapped("", location="https://elsewhere.example/api/v1/tasks/query/TASK/"),
    "Content-Location": wrapped("", content_location="/work/TASK?x=1"),
    "a header before what is cut": wrapped('{"code":2', x_task_id="TASK", content_length="400"),
    "a header in a head that is broken": lambda task: headed(f"X-Task-Id: {task}", "no colon")("")[:-60],
    "behind 6 MB": wrapped('{"code":200,"echo":"' + "e" * 6_000_000 + '","data":{"taskId":"TASK"}}'),
    "at the 5 MB": wrapped('{"code":200,"echo":"' + "e" * (5 * 1024 * 1024 - 40) + '","data":{"taskId":"TASK"}}'),
    "behind 40 MB, packed": lambda task: answer(
        gzip.compress(
            b'{"code":200,"echo":"' + b"task e" * 7_000_000 + b'","data":{"task":{"id":"%s"}}}' % task.encode(), 1
        ),
        content_encoding="gzip",
    ),
}

SEVERAL: dict[str, Broken] = {
    "a list of two": wrapped(f'{{{ACCEPTED},"data":{{"taskIds":["TASK","task_other_5"]}}}}'),
    "two tasks": wrapped(f'{{{ACCEPTED},"tasks":[{{"id":"TASK"}},{{"id":"task_other_5"}}]}}'),
    "two fields": wrapped(f'{{{ACCEPTED},"data":[{{"taskId":"TASK"}},{{"taskId":"task_other_5"}}]}}'),
    "a header and a place": wrapped("", x_task_id="TASK", location="/tasks/task_other_5"),
}


@dataclass(frozen=True)
class Made:
    """One answer of the strategy: printable where a test fails."""

    status: str
    lines: tuple[str, ...]
    end: str
    before: str
    behind: str
    shape: str
    packed: bool

    def __call__(self, task: str) -> bytes:
        body = (self.before + self.shape.replace("TASK", task) + self.behind).encode()
        if self.packed:
            body = gzip.compress(body)
        lines = [line.replace("SIZE", str(len(body))) for line in self.lines]
        lines += ["Content-Encoding: gzip"] if self.packed else []
        if any("chunked" in line for line in lines):
            body = b"".join(
                b"%x\r\n%s\r\n" % (len(body[at : at + 33]), body[at : at + 33]) for at in range(0, len(body), 33)
            )
            body += b"0\r\n\r\n"
        return self.end.join([self.status, *lines, "", ""]).encode("latin-1") + body


def broken_answers() -> st.SearchStrategy[Made]:
    """Broken heads and odd wrappings, in any mixture."""
    word = st.text("abcXYZ-_ ;=(), \t\x01\xe9", min_size=1, max_size=12)
    odd = st.one_of(word, st.builds(lambda name, value: f"{name}: {value}", word, word), st.just(" folded"))
    framing = st.sampled_from(
        [("Content-Length: SIZE",), ("Transfer-Encoding: chunked",), (), ("Content-Length: SIZE", "Content-Length: 9")]
    )
    shapes = [
        '{"code":200,"data":{"taskId":"TASK"}}',
        '{"data":{"task":{"id":"TASK"}}}',
        '{"task_ids":["TASK"]}',
        '[{"tasks":[{"id":"TASK","x":{}}]}]',
        "{'code':200,'data':{'task_id':'TASK'}}",
        '{"code":500,"data":"{\\"taskId\\":\\"TASK\\"}"}',
    ]
    return st.builds(
        Made,
        status=st.sampled_from(
            ["HTTP/1.1 200 OK", "HTTP/1.0 201 ", "HTTP/1.1 OK", "HTTP/2 200", "X/1 2", "HTTP/1.1 502 B"]
        ),
        lines=st.builds(
            lambda before, lines, behind: (*before, *lines, *behind),
            st.lists(odd, max_size=3).map(tuple),
            framing,
            st.lists(odd, max_size=3).map(tuple),
        ),
        end=st.sampled_from(["\r\n", "\n"]),
        before=st.sampled_from(["", "\ufeff", "<p>ok</p>", "  \n", "/* a */"]),
        behind=st.sampled_from(["", "\n<!-- a -->", "}", ",", "\r\n\r\n"]),
        shape=st.sampled_from(shapes),
        packed=st.booleans(),
    )
