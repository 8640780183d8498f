import json
import logging

import pytest

from apixo_mcp.gateways.apixo import Apixo
from apixo_mcp.gateways.ruxa import Ruxa
from apixo_mcp.net.http import Http

pytestmark = pytest.mark.anyio


def answer(value) -> bytes:
    body = json.dumps(value).encode()
    return f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest.mark.parametrize(
    ("given", "segment"),
    [
        ("flux-2", "flux-2"),
        ("a/b", "a%2Fb"),
        ("../x", "..%2Fx"),
        ("a?b#c", "a%3Fb%23c"),
        ("..", "%2E%2E"),
        ("ä", "%C3%A4"),
    ],
)
async def test_ids_are_one_segment_of_the_address(wire, given, segment):
    async with wire(answer({"code": 404})) as server, Http() as http:
        await Apixo(http, "sk-a1", server.url).submit(given, {})
        await Apixo(http, "sk-a1", server.url + "/prefix").poll(given, "task&1")
        await Ruxa(http, "sk-a1", server.url + "/prefix/api/v1/").poll("m", given)
    assert [request.split(b" ")[1].decode() for request in server.requests] == [
        f"/api/v1/generateTask/{segment}",
        f"/prefix/api/v1/statusTask/{segment}?taskId=task%261",
        f"/prefix/api/v1/tasks/query/{segment}",
    ]
    assert all(b"authorization: bearer sk-a1" in request.lower() for request in server.requests)


async def test_an_undocumented_state_is_logged_once(wire, caplog):
    caplog.set_level(logging.INFO, logger="apixo_mcp.gateways.client")
    async with wire(answer({"code": 200, "data": {"state": "dreaming"}})) as server, Http() as http:
        gateway = Apixo(http, "sk-a1", server.url)
        for _ in range(3):
            await gateway.poll("m", "t")
    assert [record.getMessage() for record in caplog.records if "dreaming" in record.getMessage()] == [
        "APIXO reports the undocumented state 'dreaming'; taken as running"
    ]


async def test_no_answer_can_make_a_client_tell_its_key(wire):
    said = {"code": 500, "message": "Bearer sk-a1-secret was bad: sk-a1-secret", "data": {"taskId": "sk-a1-secret"}}
    async with wire(answer(said)) as server, Http() as http:
        gateway = Apixo(http, "sk-a1-secret", server.url)
        told = f"{await gateway.submit('m', {})} {await gateway.poll('m', 't')} {await gateway.balance()}"
    assert "secret" not in told
