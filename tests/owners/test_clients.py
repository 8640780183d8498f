"""Where an answer may be sent, which client has a document, and how often an address may ask."""

import pytest

from apixo_mcp.owners.clients import is_same_redirect, redirect_problem
from apixo_mcp.owners.documents import is_document
from apixo_mcp.owners.rates import Rates


@pytest.mark.parametrize(
    "uri",
    [
        "https://claude.ai/api/mcp/auth_callback",
        "https://app.example:8443/cb?x=1",
        "http://localhost/cb",
        "http://127.0.0.1:33418/",
        "http://[::1]:7/cb",
        "cursor://anysphere.cursor-mcp/oauth/callback",
        "com.example.app:/cb",
    ],
)
def test_an_answer_is_sent_there(uri: str) -> None:
    assert redirect_problem(uri) == ""


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "/cb",
        "https:///cb",
        "http://example.com/cb",
        "http://localhost.example/cb",
        "http://127.0.0.1.example/cb",
        "http://0.0.0.0/cb",
        "https://a@app.example/cb",
        "https://app.example/cb#",
        "https://app.example/cb#x",
        "https://app.example\\@evil.example/cb",
        "https://app.example/a b",
        "https://app.example:0/cb",
        "https://app.example:x/cb",
        "https://app.example/" + "x" * 2000,
        "javascript:alert(1)",
        "JavaScript://x/%0aalert(1)",
        "data:text/html,x",
        "file:///etc/passwd",
        "blob:https://app.example/x",
        "view-source:https://app.example",
    ],
)
def test_no_answer_is_sent_there(uri: str) -> None:
    assert redirect_problem(uri)


@pytest.mark.parametrize(
    ("asked", "registered", "is_same"),
    [
        ("https://app.example/cb", "https://app.example/cb", True),
        ("https://app.example/cb/", "https://app.example/cb", False),
        ("https://app.example:8443/cb", "https://app.example/cb", False),
        ("https://app.example/cb?x=1", "https://app.example/cb", False),
        ("http://localhost:5/cb", "http://localhost/cb", True),
        ("http://127.0.0.1:5/", "http://127.0.0.1", True),
        ("http://[::1]:5/cb", "http://[::1]:6/cb", True),
        ("http://localhost:5/cb", "http://127.0.0.1/cb", False),
        ("http://localhost:5/other", "http://localhost/cb", False),
        ("http://a@localhost:5/cb", "http://localhost/cb", False),
        ("https://localhost:5/cb", "https://localhost/cb", False),
        ("https://app.example/", "https://app.example", True),
        ("https://app.example/?x=1", "https://app.example", False),
        ("https://other.example/", "https://app.example", False),
        ("app://x/cb", "app://y/cb", False),
    ],
)
def test_an_address_is_the_registered_one_but_for_the_port_on_ones_own_machine(
    asked: str, registered: str, is_same: bool
) -> None:
    assert is_same_redirect(asked, registered) is is_same


@pytest.mark.parametrize(
    ("client", "has_one"),
    [
        ("https://app.example/client.json", True),
        ("https://app.example:8443/a/b?c=1", True),
        ("https://app.example", False),
        ("https://app.example/", False),
        ("http://app.example/client.json", False),
        ("https://a:b@app.example/client.json", False),
        ("https://app.example/client.json#x", False),
        ("https://app.example/a/../client.json", False),
        ("https://app.example/a/%2e%2e/client.json", False),
        ("https://app.example/./client.json", False),
        ("https://app.example:0/x", False),
        ("https://app.example/" + "x" * 500, False),
        ("https://app.éxample/x", False),
        ("7e57ed", False),
    ],
)
def test_the_id_of_a_client_may_be_the_address_of_its_document(client: str, has_one: bool) -> None:
    assert is_document(client) is has_one


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_an_address_has_a_rate_and_others_have_theirs() -> None:
    clock = Clock()
    rates = Rates(2, 60.0, clock)
    assert [rates.wait_for("203.0.113.7") for _ in range(2)] == [0, 0]
    clock.now = 10.0
    assert rates.wait_for("203.0.113.7") == 50.0
    assert rates.wait_for("203.0.113.8") == 0
    clock.now = 61.0
    assert rates.wait_for("203.0.113.7") == 0


def test_a_network_of_ipv6_has_one_rate() -> None:
    rates = Rates(1, 60.0)
    assert rates.wait_for("2001:db8::1") == 0
    assert rates.wait_for("2001:db8::2") > 0
    assert rates.wait_for("2001:db8:0:1::2") == 0


def test_what_is_kept_of_addresses_is_bounded() -> None:
    rates = Rates(1, 60.0)
    for number in range(10_001):
        assert rates.wait_for(f"10.{number // 65536}.{number // 256 % 256}.{number % 256}") == 0
    assert rates.wait_for("10.0.0.0") == 0, "the one that was silent for longest is forgotten"
