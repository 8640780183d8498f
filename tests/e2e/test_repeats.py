"""A call that is given up and made again: one task, paid for once."""

import json
from pathlib import Path

import pytest
from support.driver import Process, server_env
from support.imitation import Imitation

pytestmark = pytest.mark.process

FOX = {"model": "nano-banana", "prompt": "a fox", "wait_seconds": 20}


def call(number: int) -> dict[str, object]:
    params = {"name": "generate_image", "arguments": FOX}
    return {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}


def cancel(number: int) -> dict[str, object]:
    params = {"requestId": number, "reason": "too slow"}
    return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}


def in_one_burst(server: Process, *messages: dict[str, object]) -> None:
    server.send_line(b"\n".join(json.dumps(message).encode() for message in messages))


@pytest.mark.parametrize("warm", [False, True], ids=["while it loads", "once it has loaded"])
def test_a_call_cancelled_and_repeated_in_one_burst_is_one_task(gateway: Imitation, tmp_path: Path, warm: bool):
    with Process(server_env(gateway, tmp_path)) as server:
        server.start()
        if warm:
            server.ask("tools/list")
        in_one_burst(server, call(101), cancel(101), call(102))
        again = server.answer(102)["result"]["structuredContent"]
        assert again["state"] == "success"
        assert again["deduplicated"] is True
    assert len(gateway.posts()) == 1


def test_calls_repeated_again_and_again_are_one_task(gateway: Imitation, tmp_path: Path):
    with Process(server_env(gateway, tmp_path)) as server:
        server.start()
        last = 120
        burst = [message for number in range(101, last) for message in (call(number), cancel(number))]
        in_one_burst(server, *burst, call(last))
        again = server.answer(last)["result"]["structuredContent"]
        assert again["state"] == "success"
    assert len(gateway.posts()) == 1


def test_equal_calls_that_all_wait_are_as_many_tasks(gateway: Imitation, tmp_path: Path):
    with Process(server_env(gateway, tmp_path)) as server:
        server.start()
        in_one_burst(server, *(call(number) for number in range(101, 105)))
        found: dict[int, str] = {}
        while len(found) < 4:
            message = json.loads(server.queue.get(timeout=90))
            if "result" in message:
                found[message["id"]] = message["result"]["structuredContent"]["task_id"]
    assert len(set(found.values())) == len(gateway.posts()) == 4
