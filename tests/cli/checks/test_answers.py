"""What each hop's answer says, and which part in between it blames."""

import json

import pytest

from apixo_mcp.cli.checks import answers
from apixo_mcp.cli.checks.answers import HopReading
from apixo_mcp.net.response import Answered, Broken, NotReached

MCP = "https://team.example/mcp"
CHALLENGE = (
    'Bearer resource_metadata="https://team.example/.well-known/oauth-protected-resource", scope="read generate"'
)
RESOURCE = {
    "resource": MCP,
    "authorization_servers": ["https://team.example"],
    "scopes_supported": ["read", "generate", "admin"],
}
ISSUER = {
    "issuer": "https://team.example",
    "authorization_endpoint": "https://team.example/authorize",
    "token_endpoint": "https://team.example/token",
    "registration_endpoint": "https://team.example/register",
    "code_challenge_methods_supported": ["S256"],
}


def said(document: object, status: int = 200, **headers: str) -> Answered:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answered(status, {"content-type": "application/json", **named}, json.dumps(document).encode())


@pytest.mark.parametrize(
    ("reply", "blamed"),
    [
        (NotReached("team.example could not be reached"), "the certificate"),
        (Broken("no whole answer came back"), "time-outs"),
        (said({}, 421), "APIXO_MCP_ALLOWED_HOSTS"),
        (said({}, 502), "does not reach the server behind it"),
        (said({}, 308, location="https://www.team.example/healthz"), "follow no redirect"),
        (said({}, 404), "hand on this path"),
        (said({"status": "ok"}, 500), "log"),
        (said({"hello": "world"}), "hand on this path"),
        (Answered(200, {}, b"<html>"), "hand on this path"),
    ],
)
def test_a_server_that_is_not_reached_is_told_with_the_hop(reply: Answered, blamed: str):
    assert blamed in answers.health(reply).fix


def test_a_server_that_is_well():
    assert answers.health(said({"status": "ok", "version": "1.2"})) == HopReading("apixo-mcp 1.2 answers")
    assert not answers.sent_away(said({}, 401, www_authenticate=CHALLENGE), with_token=False).fix
    assert not answers.sent_away(
        said({}, 401, www_authenticate=f'{CHALLENGE}, error="invalid_token"'), with_token=True
    ).fix
    assert not answers.resource_metadata(said(RESOURCE), MCP).fix
    assert answers.issuer_metadata(said(ISSUER), "https://team.example/") == HopReading("takes registration")
    assert not answers.registration(said({"client_id": "abc"}, 201)).fix
    assert not answers.sign_in_page(Answered(302, {"location": "/sign-in?request=1"}, b""), MCP).fix
    assert not answers.sign_in_page(Answered(200, {"content-type": "text/html; charset=utf-8"}, b""), MCP).fix
    assert not answers.token_refusal(said({"error": "invalid_grant"}, 400)).fix
    assert not answers.stream(Broken("", b"event: endpoint\r\ndata: /messages/?session_id=1\r\n"), "/messages/").fix


@pytest.mark.parametrize(
    ("reading", "blamed"),
    [
        (answers.sent_away(said({}), with_token=False), "owners add"),
        (answers.sent_away(said({}, 401), with_token=False), "WWW-Authenticate"),
        (answers.sent_away(said({}, 401, www_authenticate=CHALLENGE), with_token=True), "Authorization"),
        (answers.resource_metadata(said({**RESOURCE, "resource": "http://127.0.0.1:8000/mcp"}), MCP), "PUBLIC_URL"),
        (answers.resource_metadata(said({}), MCP), "hand on this path"),
        (answers.resource_metadata(said({**RESOURCE, "scopes_supported": ["read"]}), MCP), "Update"),
        (answers.issuer_metadata(said(ISSUER), "https://other.example"), "the same address"),
        (answers.issuer_metadata(said({**ISSUER, "token_endpoint": ""}), "https://team.example"), "cannot sign in"),
        (answers.issuer_metadata(said({**ISSUER, "code_challenge_methods_supported": []}), ISSUER["issuer"]), "refuse"),
        (answers.issuer_metadata(said({**ISSUER, "registration_endpoint": ""}), ISSUER["issuer"]), "built-in sign-in"),
        (answers.registration(said({}, 201)), "log"),
        (answers.sign_in_page(Answered(302, {"location": "https://elsewhere.example/"}, b""), MCP), "redirect"),
        (answers.token_refusal(said({"error": "teapot"}, 400)), "as they come"),
        (answers.result(Answered(200, {"content-type": "text/event-stream"}, b": ping\n")), "unbuffered"),
        (answers.stream(Broken("silent"), "/messages/"), "proxy_buffering off"),
        (answers.stream(Broken("", b"event: endpoint\ndata: /messages/?s=1\n"), "/apixo/messages/"), "with the path"),
    ],
)
def test_what_breaks_is_blamed(reading: HopReading, blamed: str):
    assert blamed in reading.fix


def test_the_first_message_of_a_stream_is_the_answer():
    stream = b'event: message\r\ndata: {"jsonrpc":"2.0","id":1,"result":{"tools":[]}}\r\n\r\n'
    assert answers.message(Answered(200, {"content-type": "text/event-stream"}, stream)) == {
        "jsonrpc": "2.0",
        "id": 1,
        "result": {"tools": []},
    }
