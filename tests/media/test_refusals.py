"""What is refused where a file was paid for: pages and errors, and nothing else."""

import json
import os
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.amounts import here

from apixo_mcp.media import refusals
from apixo_mcp.media.probing.signatures import HEAD

PAGES = (
    b"<!DOCTYPE html><html><body>Sign in</body></html>",
    b"<HTML><HEAD></HEAD></HTML>",
    b"\xef\xbb\xbf<!doctype HTML>",
    b"\xef\xbb\xbf \n\t<html lang='en'>",
    b"\r\n\r\n\f<html\n>",
    b"<!-- a comment --><!-- another --><html>",
    b"<!--" + b"x" * 5000 + b"-->\n<!DOCTYPE html>",
    b"<?xml version='1.0'?><!DOCTYPE html PUBLIC '-//W3C//DTD XHTML 1.0 Strict//EN'><html/>",
    b"<?xml version='1.0'?>\n<!-- x -->\n<html xmlns='http://www.w3.org/1999/xhtml'>",
    b"<script>location='/login'</script>",
    b"<h1>502 Bad Gateway</h1>",
    b"<center>nginx</center>",
    b"<title>Access denied</title>",
    b"<body>",
    b"<p>Not found",
    "<!DOCTYPE html>".encode("utf-16"),
    b"\xfe\xff" + "\n<html>".encode("utf-16-be"),
    b"<html>" + os.urandom(2000),
)
ERRORS = (
    {"error": "busy"},
    {"error": {"code": 1}},
    {"errors": [1]},
    {"Error": {"Code": "AccessDenied"}},
    {"error_code": 7},
    {"errorMessage": "no"},
    {"code": 500, "message": "busy"},
    {"code": "404", "msg": "no such file"},
    {"status": 403, "detail": "signature expired"},
    {"success": False, "message": "no"},
    {"statusCode": 500, "message": "x"},
    {"data": {"error": "x"}},
    {"failMsg": "no credits", "failCode": "X"},
    {"error_message": "no"},
    {"status": "failed", "message": "expired", "request_id": "7"},
    {"code": -1, "msg": "no"},
    {"code": "AccessDenied", "message": "no", "requestId": "7"},
    [{"error": "x"}],
)
KEPT = (
    {"error": None, "words": ["a"]},
    {"error": "", "data": {"url": "x"}},
    {"error": False},
    {"code": 200, "message": "success", "data": [1]},
    {"code": 0, "msg": "ok"},
    {"lyrics": "la la"},
    {"status": "completed", "message": "done"},
    {"status": "transcribed", "title": "A song", "words": [{"w": "hi"}]},
    {"title": "a", "code": "print(1)", "ok": True},
    {"error_rate": 0.1, "transcript": "hello"},
    {"terror": "a film", "errorless": True},
    {"code": 500, "message": "a line of the song", "words": [1]},
    {"success": False, "message": "x", "segments": ["paid for"]},
    {"status": "failed", "title": "the name of a song"},
    {"success": False, "message": "x", "data": [1]},
    {"success": False, "message": "x", "data": {"lyrics": "la"}},
    {"success": False, "message": "x", "result": "la la"},
    [{"w": "hi"}, {"error": "x"}],
    {"code": "x = 1", "message": "a commit"},
    {"scene": {"error": "the name of a node"}},
    {"v": "5.5", "layers": [], "meta": {"errors": ["a"]}},
    [],
    {},
    [1, 2, 3],
)
XML_ERRORS = (
    b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>",
    b"<Error/>",
    b"<ns:Fault xmlns:ns='x'>no</ns:Fault>",
    b"<response><error>no</error><status>1</status></response>",
    b"<?xml version='1.0'?><ServiceExceptionReport/>",
    b"<soap:Envelope xmlns:soap='x'><soap:Fault>no</soap:Fault></soap:Envelope>",
    b"\xef\xbb\xbf<?xml version='1.0'?>\n<ErrorResponse></ErrorResponse>",
)
WANTED = (
    b"<svg xmlns='http://www.w3.org/2000/svg'><title>error</title></svg>",
    b"<?xml version='1.0'?><!DOCTYPE svg PUBLIC '-//W3C//DTD SVG 1.1//EN' 'x'><svg/>",
    b"<!-- made by a tool --><svg/>",
    b"<tt xmlns='http://www.w3.org/ns/ttml'><body/></tt>",
    b"<?xml version='1.0'?><score-partwise/>",
    b"<?xml version='1.0'?><COLLADA><exception/><fault/></COLLADA>",
    b"<?xml version='1.0'?><COLLADA><asset/><exception/><fault/></COLLADA>",
    b"<?xml version='1.0'?><score-partwise><part><note/><error-margin>1</error-margin></part></score-partwise>",
    b"<score-partwise><error-margin>1</error-margin></score-partwise>",
    b"<svg:svg xmlns:svg='x'><svg:error/></svg:svg>",
    b"1\n00:00:01,000 --> 00:00:02,000\nAn error\n",
    b"WEBVTT\n\n00:01.000 --> 00:02.000\nerror",
    b"An error occurred, sings the choir",
    b"[00:12.00]A line of lyrics",
    b'{"error": "cut',
    b"[" * 60_000,
    b'{"a":' * 9000,
    b'{"error": ' + b"9" * 5000 + b"}",
    b"{\\rtf1 text}",
    b"<",
    b" ",
    b"\0",
)


def whole(body: bytes) -> str | None:
    return refusals.content_refusal(body, is_whole=True) if refusals.is_text(body[:HEAD]) else ""


@pytest.mark.parametrize("page", PAGES)
def test_a_page_is_refused(page: bytes):
    assert whole(page) == "a web page"
    assert whole(page + b" " * 200_000) == "a web page"


@pytest.mark.parametrize("value", ERRORS)
def test_a_document_with_an_error_is_refused(value: object):
    text = json.dumps(value)
    for body in (text.encode(), b"\xef\xbb\xbf\n " + text.encode(), text.encode("utf-16")):
        assert whole(body) == "a JSON document"
    assert whole(text.encode() + b" " * refusals.LARGEST_DOCUMENT) == ""


@pytest.mark.parametrize("value", KEPT)
def test_a_document_without_an_error_is_kept(value: object):
    assert whole(json.dumps(value).encode()) == ""


@pytest.mark.parametrize("body", XML_ERRORS)
def test_an_error_in_xml_is_refused(body: bytes):
    assert whole(body) == "an XML document"
    assert whole(body + b" " * refusals.LARGEST_DOCUMENT) == ""


@pytest.mark.parametrize("body", WANTED, ids=lambda body: repr(body[:30]))
def test_other_text_is_kept(body: bytes):
    assert whole(body) == ""


@given(st.binary(max_size=2000), st.booleans())
def test_whatever_comes_is_judged(body: bytes, is_whole: bool):
    assert refusals.content_refusal(body, is_whole=is_whole) in (
        None,
        "",
        "a web page",
        "a JSON document",
        "an XML document",
    )
    if is_whole:
        assert refusals.content_refusal(body, is_whole=True) is not None


@given(st.text(alphabet="<!->?xml hte{}[]\"':error/\n", max_size=400))
def test_whatever_text_comes_is_judged(text: str):
    assert whole(text.encode()) is not None


@given(st.binary(min_size=1, max_size=500).filter(lambda body: body[:1] not in b"<{[ \t\r\n\f\x0b\xef\xff\xfe"))
def test_what_is_no_text_is_never_refused(body: bytes):
    assert whole(body) == ""


def test_a_document_of_nothing_but_comments_is_judged_at_once():
    began = time.perf_counter()
    assert whole(b"<!---->" * 9000 + b"<html>") == "a web page"
    assert whole(b" <!---->\n" * 7000) == ""
    assert time.perf_counter() - began < here(0.5)
