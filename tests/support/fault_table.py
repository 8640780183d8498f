"""The table of faults: what goes wrong, and what the user then sees.

`python -m support.fault_table`, in tests/, writes it into faults/README.md.
"""

import base64
import gzip
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.wire import Bytes, answer, envelope, picture

README = Path(__file__).parents[1] / "faults" / "README.md"
EMBEDDED = f"data:image/png;base64,{base64.b64encode(picture()).decode()}"
BEGIN, END = "<!-- the table: written by support/fault_table.py -->", "<!-- end of the table -->"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One fault.

    Attributes:
        what: in words.
        marks: what the sandbox is asked for; or
        submits, looks, files: what a bare wire answers, in order.
        state: the state that the caller is told, once there is nothing to wait for.
        error: `error.category` and `error.code`.
        file: of the first result; `failed → saved` where `check_task` fetches it after all.
        posts: how often the submit was sent.
        goes_on: whether the state is one that it stays in, as the caller is told meanwhile.
        disk: what is done to the download folder.
        brief: which time limit is shortened for the test.
        retry: the setting of further attempts.
        nobody: whether the gateway's port is closed.
        limit: the setting of the day's task limit.
    """

    what: str
    marks: str = ""
    submits: tuple[Bytes, ...] = ()
    looks: tuple[Bytes, ...] = ()
    files: tuple[Bytes, ...] = ()
    model: str = "nano-banana"
    state: str = "success"
    error: str = ""
    charged: str = ""
    file: str = ""
    posts: int = 1
    goes_on: bool = False
    disk: str = ""
    brief: str = ""
    retry: int = 2
    nobody: bool = False
    limit: int | None = None

    @property
    def on_wire(self) -> bool:
        return bool(self.submits or self.looks or self.files)

    def cells(self) -> tuple[str, ...]:
        return (self.what, self.state, self.error, self.charged, self.file, str(self.posts))


def _refused(status: int, category: str, words: str = "", **more: Any) -> Row:
    what = f"Submit: HTTP {status}{words}, in an envelope"
    error = f"{category} `HTTP {status}`"
    return Row(what=what, marks=f"[http:{status}]", state="failed", error=error, charged="no", **more)


def _unclear(what: str, **more: Any) -> Row:
    return Row(what=what, state="unknown", error="unknown `SUBMIT_UNKNOWN`", charged="unknown", **more)


def _page(status: int) -> Row:
    return _unclear(f"Submit: HTTP {status}, a page of HTML", marks=f"[http:{status}:html]")


def _named(what: str, submit: bytes) -> Row:
    return Row(what=f"Submit: broken ({what}), and it names the task", submits=(submit,), file="saved")


def _made(what: str, result: Any, **more: Any) -> Row:
    """A task that ended well with a result in some shape; its file is fetched from a relative address."""
    data = {"taskId": "remote1", "state": "success", "resultJson": result} | more
    return Row(what=f"Task: success, {what}", looks=(envelope(data),) * 7, file="saved")


def _told(what: str, data: dict[str, Any], error: str) -> Row:
    look = envelope({"taskId": "remote1", **data})
    return Row(what=f"Task: {what}", looks=(look,), state="failed", error=error, charged="unknown", retry=2)


def _turned_away(status: int, category: str = "unavailable") -> Row:
    return Row(
        what=f"Submit: HTTP {status}, a page of HTML",
        marks=f"[http:{status}:html]" if status >= 400 else "",
        submits=(answer("<h1>elsewhere</h1>", status, "text/html", location="/elsewhere"),) if status < 400 else (),
        state="failed",
        error=f"{category} `HTTP {status}`",
        charged="no",
    )


def _ended(code: str, category: str, **more: Any) -> Row:
    return Row(
        what=f"Task: failed, `{code}`",
        marks=f"[fail:{code}]",
        state="failed",
        error=f"{category} `{code}`",
        charged="unknown",
        **more,
    )


def _look(what: str, **more: Any) -> Row:
    return Row(what=f"Poll: {what}", file="saved", **more)


def _file(what: str, file: str, **more: Any) -> Row:
    return Row(what=f"File: {what}", file=file, **more)


def _chunked(body: bytes) -> bytes:
    return answer(b"ffff\r\n" + body, kind="image/png", transfer_encoding="chunked")


def _chunks(body: bytes, **headers: str) -> bytes:
    sent = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in (body[:50], body[50:])) + b"0\r\n\r\n"
    return answer(sent, 200, "image/png", transfer_encoding="chunked", **headers)


def _odd(body: bytes) -> bytes:
    start = b"HTTP/1.1 200\r\nX Odd: 1\r\nno colon\r\nX-Nul: a\0b\r\nContent-Length: abc\r\nConnection: close\r\n\r\n"
    return start + body


SUBMIT = (
    _refused(400, "invalid_input"),
    _refused(401, "auth"),
    _refused(402, "insufficient_credits"),
    _refused(403, "auth"),
    _refused(404, "invalid_input"),
    _refused(422, "invalid_input"),
    _refused(405, "unknown"),
    _refused(413, "invalid_input"),
    _unclear("Submit: HTTP 408, in an envelope", marks="[http:408]"),
    _unclear("Submit: HTTP 409, in an envelope", marks="[http:409]"),
    _unclear("Submit: HTTP 500, in an envelope", marks="[http:500]"),
    _unclear("Submit: HTTP 502, in an envelope", marks="[http:502]"),
    _unclear("Submit: HTTP 504, in an envelope", marks="[http:504]"),
    Row(what="Submit: HTTP 429 once, in an envelope", marks="[http:429x1]", file="saved", posts=2),
    Row(what="Submit: HTTP 503 once, in an envelope", marks="[http:503x1]", file="saved", posts=2),
    Row(what="Submit: HTTP 429 with Retry-After: 2, once", marks="[http:429:after=2x1]", file="saved", posts=2),
    Row(
        what="Submit: HTTP 429 for 15 minutes (seen meanwhile)",
        marks="[http:429:after=60]",
        state="submitting",
        goes_on=True,
    ),
    *(_turned_away(status) for status in (301, 307, 308, 405, 406, 407, 410, 411, 415, 417, 421, 426)),
    *(_turned_away(status) for status in (428, 451, 501, 505, 511)),
    *(_turned_away(status, "invalid_input") for status in (400, 404, 413, 414, 422, 431)),
    *(_turned_away(status, "auth") for status in (401, 403)),
    _turned_away(402, "insufficient_credits"),
    Row(what="Submit: HTTP 429 once, a page of HTML", marks="[http:429:htmlx1]", file="saved", posts=2),
    *(_page(status) for status in (408, 409, 412, 418, 425, 499, 500, 502, 503, 504, 520, 530)),
    *(_unclear(f"Submit: HTTP {status}", submits=(answer("", status),)) for status in (300, 302, 303, 304)),
    _unclear("Submit: HTTP 200, a page of HTML", marks="[http:200:html]"),
    Row(
        what="Submit: HTTP 200 with code 400",
        marks="[code:400]",
        state="failed",
        error="invalid_input `HTTP 400`",
        charged="no",
    ),
    Row(
        what="Submit: HTTP 200 with code 402",
        marks="[code:402]",
        state="failed",
        error="insufficient_credits `HTTP 402`",
        charged="no",
    ),
    Row(what="Submit: HTTP 200 with code 429 once", marks="[code:429x1]", file="saved", posts=2),
    _unclear("Submit: HTTP 200 with code 500", marks="[code:500]"),
    _unclear("Submit: accepted, then the line is cut", marks="[cut]"),
    _unclear("Submit: cut before it is accepted", marks="[cut-early]"),
    _unclear("Submit: accepted and never answered", marks="[hang]", brief="submit"),
    Row(what="Submit: answered late", marks="[slow-submit:1]", file="saved"),
    _unclear("Submit: success with data null", marks="[null-data]"),
    _unclear("Submit: success without a task id", submits=(envelope({}),)),
    _unclear("Submit: success, the task id is an object", submits=(envelope({"taskId": {}}),)),
    _unclear("Submit: success, data is a list", submits=(envelope([]),)),
    Row(what="Submit: success, the code is a text", submits=(envelope({"taskId": "t"}, code="200"),), file="saved"),
    *(
        _named(f"HTTP {status}, in an envelope", envelope({"taskId": "t"}, status, "no", status))
        for status in (400, 403, 413, 429, 500)
    ),
    _named("HTTP 502, a page", answer('<pre>{"taskId": "t"}</pre>', 502, "text/html")),
    _named("cut behind it", answer('{"code":200,"data":{"taskId":"t"', content_length="4096")),
    _named("the end of its JSON is missing", answer('{"code":200,"data":{"taskId":"t"')),
    _named("a comment behind its JSON", answer('{"code":200,"data":{"taskId":"t"}} // cached')),
    _named("in Latin-1", answer('{"code":200,"message":"grün","data":{"taskId":"t"}}'.encode("latin-1"))),
    _named("data is a text of JSON", envelope('{"taskId": "t"}')),
    _named("data is a list", envelope([{"taskId": "t"}])),
    _named("it redirects to it", answer("", 303, location="/api/v1/statusTask/nano-banana?taskId=t-1")),
    _named("without the head of HTTP", b'{"code":200,"data":{"taskId":"t"}}'),
    _named("no status in its head", b'HTTP/1.1 OK\r\nA: b\r\n\r\n{"code":200,"data":{"taskId":"t"}}'),
    _named("a head of 60 KB", answer('{"code":200,"data":{"taskId":"t"}}', 500, x_policy="x" * 60_000)),
    _named("two lengths", answer('{"code":200,"data":{"taskId":"t"}}', content_length="34, 9")),
    _named("longer than its head says", answer('{"code":200,"data":{"taskId":"t"}}', content_length="20")),
    _named("its chunks have no sizes", answer('zz\r\n{"data":{"taskId":"t"}}\r\n0', transfer_encoding="chunked")),
    _named("only a header tells it", answer("", x_task_id="t")),
    _named("Location leads to it", answer("accepted", 202, "text/plain", location="/api/v1/tasks/task_1")),
    _named("as the id of a task", envelope({"task": {"id": "t"}})),
    _named("in a list of one", envelope({"taskIds": ["t"]})),
    _named("behind 6 MB", envelope({"echo": "x" * 6_000_000, "taskId": "t"})),
    _unclear("Submit: success, several task ids", submits=(envelope({"taskIds": ["t1", "t2"]}),)),
    _unclear(
        "Submit: broken, with a task that the gateway does not know",
        submits=(envelope({"taskId": "t"}, 500, "oops", 500),),
        looks=(envelope(None, 404, "Task not found", 404),) * 40,
    ),
    _unclear(
        "Submit: broken, with a task that is older than the request",
        submits=(envelope({"taskId": "t"}, 500, "oops", 500),),
        looks=(envelope({"taskId": "t", "state": "success", "createTime": 1700000000000}),) * 40,
    ),
    _unclear(
        "Submit: broken, with a task of which the gateway answers about another",
        submits=(envelope({"taskId": "t"}, 500, "oops", 500),),
        looks=(envelope({"taskId": "another", "state": "success"}),) * 40,
    ),
    _unclear("Submit: success, the task id is the API key", submits=(envelope({"taskId": "sk-test"}),)),
    _unclear("Submit: HTTP 200 without any body", submits=(answer(""),)),
    _unclear("Submit: not JSON", submits=(answer("ok"),)),
    _unclear("Submit: JSON cut half way", submits=(answer('{"code":200,"data":{"taskId"'),)),
    _unclear("Submit: 5 MB of small objects", submits=(answer('{"code":200,"data":[' + "{}," * 1_600_000 + "{}]}"),)),
    _unclear("Submit: nested 100,000 deep", submits=(answer('{"data":' * 100_000),)),
    _unclear("Submit: an integer of 5,000 digits", submits=(answer('{"code":' + "9" * 5_000 + "}"),)),
    _unclear("Submit: shorter than its declared length", submits=(answer('{"code":200', content_length="4096"),)),
    _unclear("Submit: broken compression", submits=(answer("not gzip", content_encoding="gzip"),)),
    _unclear("Submit: not HTTP", submits=(b"SSH-2.0-OpenSSH_9.6\r\n",)),
    _unclear("Submit: the connection is closed without an answer", submits=(None,)),
    _unclear("Submit: larger than 5 MB", submits=(answer(b" " * 6_000_000),)),
    Row(
        what="Submit: HTTP 400 that tells of content rules",
        submits=(envelope(None, 400, "prompt violates our content policy", 400),),
        state="failed",
        error="content_policy `HTTP 400`",
        charged="no",
    ),
    Row(
        what="Submit: nobody listens (seen meanwhile)",
        state="submitting",
        posts=0,
        goes_on=True,
        nobody=True,
    ),
)

TASK = (
    *(
        _ended(code, category)
        for code, category in (
            ("CONTENT_VIOLATION", "content_policy"),
            ("NSFW_DETECTED", "content_policy"),
            ("InputImageSensitiveContentDetected", "content_policy"),
            ("PROMPT_TOO_LONG", "invalid_input"),
            ("INVALID_PROMPT", "invalid_input"),
            ("INVALID_IMAGE_URL", "media_input"),
            ("IMAGE_TOO_LARGE", "media_input"),
            ("IMAGE_DOWNLOAD_FAILED", "media_input"),
            ("GENERATION_FAILED", "generation_failed"),
            ("INSUFFICIENT_CREDITS", "insufficient_credits"),
            ("SOMETHING_NEW", "generation_failed"),
        )
    ),
    _ended("PROCESSING_TIMEOUT", "timeout", retry=0),
    _ended("MODEL_UNAVAILABLE", "unavailable", retry=0),
    Row(
        what="Task: failed, `PROCESSING_TIMEOUT`, and well at the next attempt",
        marks="[fail-once:PROCESSING_TIMEOUT]",
        file="saved",
        posts=2,
    ),
    Row(
        what="Task: failed, `PROCESSING_TIMEOUT`, and a day's limit of one paid request",
        marks="[fail-once:PROCESSING_TIMEOUT]",
        state="failed",
        error="timeout `PROCESSING_TIMEOUT`",
        charged="unknown",
        limit=1,
    ),
    Row(
        what="Task: failed, `MODEL_UNAVAILABLE`, at the second attempt too",
        marks="[fail:MODEL_UNAVAILABLE]",
        state="failed",
        error="unavailable `MODEL_UNAVAILABLE`",
        charged="unknown",
        posts=2,
        retry=1,
    ),
    Row(
        what="Task: failed, and its further attempt is refused with HTTP 402",
        submits=(envelope({"taskId": "remote"}), envelope(None, 402, "Insufficient credits", 402)),
        looks=(envelope({"taskId": "remote", "state": "failed", "failCode": "PROCESSING_TIMEOUT", "failMsg": "slow"}),),
        state="failed",
        error="insufficient_credits `HTTP 402`",
        charged="unknown",
        posts=2,
    ),
    Row(what="Task: a state that nobody documented, then success", marks="[state:thinking]", file="saved"),
    Row(what="Task: never ends (seen meanwhile)", marks="[never]", state="processing", goes_on=True),
    Row(
        what="Task: success without any result",
        marks="[empty-result]",
        state="failed",
        error="generation_failed `EMPTY_RESULT`",
        charged="unknown",
    ),
    Row(
        what="Task: success, resultJson is missing",
        marks="[no-result]",
        state="failed",
        error="generation_failed `EMPTY_RESULT`",
        charged="unknown",
    ),
    Row(
        what="Task: success, resultJson is not JSON",
        marks="[broken-result]",
        state="failed",
        error="generation_failed `EMPTY_RESULT`",
        charged="unknown",
    ),
    Row(what="Task: success, resultJson is an object", marks="[object-result]", file="saved"),
    _made("resultUrls is a text of JSON", {"resultUrls": '["/file.png"]'}),
    _made("resultUrls is a text of lines", {"resultUrls": "/file.png\n/file2.png"}),
    _made("resultJson is encoded three times", '"\\"[\\\\\\"/file.png\\\\\\"]\\""'),
    _made("images", {"images": ["/file.png"]}),
    _made("output", {"output": "/file.png"}),
    _made("data[].url", {"data": [{"url": "/file.png"}]}),
    _made("a list", ["/file.png"]),
    _made("an address with a space", {"resultUrls": ["/file 1.png"]}),
    _made("a file in the answer itself", {"images": [EMBEDDED]}),
    _made("a file in the answer as bare Base64", {"data": [{"b64_json": EMBEDDED.partition(",")[2]}]}),
    _made("beside addresses that are no results", {"output": "/file.png"}, status_url="/status", docs_url="/docs"),
    _made("its state is `done`", {"resultUrls": ["/file.png"]}, state="done"),
    _made("its state is new, with the time that it ended", ["/file.png"], state="odd", completeTime=1900000000000),
    _told(
        "success with a failCode in place of results",
        {"state": "success", "resultJson": "", "failCode": "CONTENT_VIOLATION", "failMsg": "not allowed"},
        "content_policy `CONTENT_VIOLATION`",
    ),
    _told("`canceled`, with a failMsg", {"state": "canceled", "failMsg": "by the operator"}, "unknown `TASK_FAILED`"),
    _told("`timeout`, with a failMsg", {"state": "timeout", "failMsg": "timed out"}, "timeout `TASK_FAILED`"),
    _told("`rejected`, with a failMsg", {"state": "rejected", "failMsg": "unsafe"}, "content_policy `TASK_FAILED`"),
    *(
        _told(f"failed, `{code}`: not sent again", {"state": "failed", "failCode": code, "failMsg": "no"}, error)
        for code, error in (
            ("CALLBACK_TIMEOUT", "timeout `CALLBACK_TIMEOUT`"),
            ("USER_BILLING_UNAVAILABLE", "unavailable `USER_BILLING_UNAVAILABLE`"),
            ("MODERATION_TIMEOUT", "content_policy `MODERATION_TIMEOUT`"),
        )
    ),
)

LOOK = (
    *(_look(f"HTTP {status} twice", marks=f"[look:{status}x2]") for status in (400, 404, 422, 500, 502, 503, 504)),
    *(
        _look(f"HTTP {status} once: polls with this key pause for five minutes", marks=f"[look:{status}x1]")
        for status in (401, 402, 403)
    ),
    _look("HTTP 429 once", marks="[look:429x1]"),
    _look("HTTP 200 with code 500, twice", marks="[look:code:500x2]"),
    _look("a page of HTML, twice", marks="[look:htmlx2]"),
    _look("success with data null, twice", marks="[look:nullx2]"),
    _look("cut, twice", marks="[look:cutx2]"),
    _look("never answered, once", marks="[look:hangx1]", brief="look"),
    _look("answered late", marks="[look:slow:0.5x2]"),
    _look("the connection is closed without an answer", looks=(None, None)),
    _look("HTTP 404 just after the submit, in an envelope", looks=(envelope(None, 404, "Task not found", 404),)),
    _look("not JSON", looks=(answer("ok"), answer("[]"), answer("1e999"))),
    _look("data is a list", looks=(envelope([]),)),
    _look("about another task", looks=(envelope({"taskId": "another", "state": "failed", "failMsg": "no"}),)),
    _look("without a state", looks=(envelope({"taskId": "t"}),)),
    _look("the state is a number", looks=(envelope({"state": 7}),)),
    _look("deeply nested JSON", looks=(answer("[" * 100_000),)),
    _look("5 MB of small objects", looks=(answer('{"code":200,"data":[' + "{}," * 1_600_000 + "{}]}"),)),
    _look("5 MB of quotes", looks=(answer('{"code":200,"data":{"state":"' + '\\"' * 2_400_000 + '"}}'),)),
    _look("5 MB of blanks", looks=(answer(" " * 5_000_000),)),
    _look("an integer of 5,000 digits", looks=(answer('{"code":200,"data":' + "9" * 5_000 + "}"),)),
    _look("redirected", looks=(answer("", 302, location="/elsewhere"),)),
)

FILE = (
    _file("HTTP 404 once", "saved", marks="[file:404x1]"),
    _file("HTTP 404, three times", "failed → saved", marks="[file:404x3]"),
    _file("HTTP 404 for ever", "failed → failed", marks="[file:404]"),
    _file("HTTP 403: its URL has expired", "failed → failed", marks="[expired]"),
    _file("HTTP 410 for ever", "failed → failed", marks="[file:410]"),
    _file("HTTP 500 once", "saved", marks="[file:500x1]"),
    _file("HTTP 500 for ever", "failed → failed", marks="[file:500]"),
    _file("cut half way, once", "saved", marks="[file:cutx1]"),
    _file("cut half way, for ever", "failed → failed", marks="[file:cut]"),
    _file("cut in the middle of a chunk, once", "saved", files=(_chunked(picture()[:40]),)),
    _file("slow", "saved", marks="[file:slow:1]"),
    _file("never answered, once", "saved", marks="[file:hangx1]", brief="file"),
    _file("without end", "failed → failed", marks="[file:endless]", brief="cap"),
    _file("declares 100 GB", "failed → failed", marks="[file:huge]"),
    _file("without bytes", "failed → failed", marks="[file:empty]"),
    _file("a page of HTML", "failed → failed", marks="[file:html]"),
    _file("a page of HTML under the file's own type", "failed → failed", marks="[file:html-as-file]"),
    _file("sent as text/plain", "saved", marks="[file:wrong-type]"),
    _file("not what its type says", "saved", marks="[file:wrong-bytes]"),
    _file("bytes of no known kind", "saved", files=(answer(b"\x01\x02\x03\x04" * 500, kind=""),)),
    _file(
        "a drawing in SVG", "saved", files=(answer("<svg xmlns='http://www.w3.org/2000/svg'/>", kind="image/svg+xml"),)
    ),
    _file("a JSON document without an error", "saved", files=(answer('{"words": []}'),)),
    _file("a JSON document with an error", "failed → saved", files=(answer('{"error": "busy"}'),)),
    _file("an XML document with an error", "failed → saved", files=(answer("<Error><Code>Slow</Code></Error>"),)),
    _file("chunked, with a Content-Length too", "saved", files=(_chunks(picture(), content_length="7"),)),
    _file("declared gzip, and plain", "saved", files=(answer(picture(), kind="image/png", content_encoding="gzip"),)),
    _file("packed as x-gzip", "saved", files=(answer(gzip.compress(picture()), content_encoding="x-gzip"),)),
    _file("HTTP 203", "saved", files=(answer(picture(), 203, kind="image/png"),)),
    _file("HTTP 206 without Content-Range", "saved", files=(answer(picture(), 206, kind="image/png"),)),
    _file(
        "a Content-Range of 5,000 digits",
        "saved",
        files=(answer(picture(), 206, content_range="bytes 0-1/" + "9" * 5000),) * 3,
    ),
    _file("header lines that are none", "saved", files=(_odd(picture()),)),
    _file("HTTP 503 with Retry-After: 1, once", "saved", files=(answer("busy", 503, retry_after="1"),)),
    _file("cut, with the length of what is left, once", "saved", files=(answer(picture()[:-30], kind="image/png"),)),
    _file("cut, with the length of what is left, always", "saved", files=(answer(picture()[:-30]),) * 9),
    _file("redirected", "saved", marks="[file:redirect]"),
    _file("redirected to a private address", "failed → failed", marks="[file:redirect-private]", disk="guarded"),
    _file("not HTTP, once", "saved", files=(b"SSH-2.0-OpenSSH_9.6\r\n",)),
    _file("redirected in a circle", "failed → saved", files=(answer("", 302, location="/file.png"),) * 18),
    Row(what="Folder: a file stands where it should be", file="failed → failed", disk="file in the way"),
    Row(what="Folder: a file stands where it should be, until it is moved", file="failed → saved", disk="moved later"),
    Row(what="Folder: its path is too long", file="failed → failed", disk="too long"),
    Row(what="Folder: may not be written to", file="failed → failed", disk="read-only"),
    Row(what="Folder: another file has the name already", marks="[took:0.3]", file="saved", disk="taken name"),
    Row(what="Folder: the saved file was deleted", file="saved → saved", disk="deleted"),
    Row(what="Folder: the saved file was cut short", file="saved → saved", disk="shortened"),
)

ROWS = (*SUBMIT, *TASK, *LOOK, *FILE)


def as_text() -> str:
    """The table in Markdown."""
    head = ("What goes wrong", "state", "error", "charged", "file", "submits")
    lines = [head, ("---",) * len(head), *(row.cells() for row in ROWS)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def whole(readme: str) -> str:
    """The README with the table as it is now."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{as_text()}\n{END}{after}"


if __name__ == "__main__":
    README.write_text(whole(README.read_text(encoding="utf-8")), encoding="utf-8")
