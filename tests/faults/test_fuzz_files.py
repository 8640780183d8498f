"""Real files, changed at random and served in odd ways: no crash, no frozen loop, no sibling lost, every byte kept.

`FAULTS_FILES` says how many.
"""

import hashlib
import json
import logging
import random
import time
import zlib
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import pytest
from anyio.from_thread import start_blocking_portal
from mcp import Client
from mcp.types import Implementation
from support import samples
from support.amounts import FILES, SEED
from support.described import described
from support.door import FILES as FOLDER
from support.door import Holds
from support.mutations import Sent, changed_file, may_be_refused, sent
from support.program import is_open
from support.scripted_gateway import Gateway, whole
from support.wire import envelope
from support.workers import worker_beside

from apixo_mcp.app import open_app
from apixo_mcp.provenance.embedded import told_by
from apixo_mcp.server.build import build_server
from apixo_mcp.settings import read_settings

pytestmark = pytest.mark.anyio
EACH = 4
"""Changed files of one task, beside two good ones."""

AT_ONCE = 6
LONGEST = 0.5
"""Seconds that the loop may be held on a machine that does other things too; the figure is printed."""

CALLS = (
    ("generate_image", {"model": "nano-banana"}),
    ("generate_video", {"model": "ruxa/sora-2"}),
    ("generate_audio", {"model": "suno"}),
)


def corpus() -> list[tuple[str, bytes]]:
    """Files by the ending of their names."""
    found = [(path.suffix, path.read_bytes()) for path in sorted(FOLDER.iterdir()) if path.stat().st_size < 100_000]
    found += [(f".{ending}", data) for ending, (data, _) in samples.OTHERS.items()]
    for container, codec in (
        ("mp4", "mpeg4"),
        ("webm", "libvpx"),
        ("matroska", "aac"),
        ("ogg", "libopus"),
        ("mov", "mpeg4"),
        ("adts", "aac"),
        ("mp3", "libmp3lame"),
        ("mpegts", "mpeg2video"),
        ("flv", "flv"),
        ("avi", "mpeg4"),
    ):
        found.append((f".{container}", samples.recorded(container, codec, 1.0)))
    found += [
        (".png", samples.picture("PNG", (120, 90))),
        (".jpg", samples.picture("JPEG", (120, 90), progressive=True)),
        (".wav", samples.wav(0.3)),
    ]
    return found


@pytest.mark.parametrize("embed", [False, True], ids=["as they come", "telling where they came from"])
async def test_changed_files(tmp_path: Path, caplog: pytest.LogCaptureFixture, embed: bool):
    caplog.set_level(logging.ERROR)
    chance = random.Random(SEED)
    files = corpus()
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    held = Holds()
    began = time.monotonic()
    number = 0
    with start_blocking_portal() as portal, portal.wrap_async_context_manager(Gateway()) as gateway:
        values: dict[str, Any] = {
            "apixo_base_url": gateway.url,
            "apixo_api_key": "sk-test",
            "ruxa_base_url": gateway.url,
            "ruxa_api_key": "sk-test",
            "home": tmp_path / "home",
            "download_dir": tmp_path / "pictures",
            "allow_private_hosts": True,
            "poll_scale": 0.002,
            "linger": False,
            "embed": embed,
        }
        settings_here = read_settings(**values)
        async with worker_beside(settings_here), open_app(settings_here) as app:
            server = build_server(app)
            async with (
                Client(server, client_info=Implementation(name="claude-ai", version="1")) as client,
                anyio.create_task_group() as watch,
            ):
                await client.call_tool("list_models", {})
                watch.start_soon(held.watch)
                results: dict[str, list[str]] = {}
                gateway.outcome = lambda remote_id: _done(remote_id, results)

                async def one(number: int) -> None:
                    served: list[Sent] = []
                    for at in range(EACH + 2):
                        ending, data = chance.choice(files)
                        data = data if at in (0, EACH + 1) else changed_file(data, chance.choice(files)[1], chance)
                        way = Sent([whole(data)], data, how="good") if at in (0, EACH + 1) else sent(data, chance)
                        served.append(way)
                        gateway.serve(f"/{number}/{at}{ending}", *way.replies)
                    paths = [path for path in gateway.files if path.startswith(f"/{number}/")]
                    tool, given = chance.choice(CALLS)
                    name = f"task_{number}"
                    results[name] = [gateway.url + path for path in paths]
                    prompt = f"fox {number}"
                    gateway.ids[prompt] = name
                    called = await client.call_tool(tool, {**given, "prompt": prompt, "wait_seconds": 30})
                    task = called.structured_content or {}
                    for _ in range(9):
                        if not is_open(task):
                            break
                        task = (
                            await client.call_tool("check_task", {"task_id": task["task_id"], "wait_seconds": 20})
                        ).structured_content or {}
                    view = await client.call_tool(
                        "view_result", {"task_id": task["task_id"], "index": chance.randrange(EACH + 2)}
                    )
                    if view.is_error and "inside the server" in str(view.content):
                        wrong.append(f"{prompt}: {view.content}")
                    for path, way, result in zip(paths, served, task["results"], strict=True):
                        problem = _judged(way, result, counts)
                        if problem:
                            place = tmp_path / f"{number}-{Path(path).name}"
                            wrong.append(f"{problem}: {place.name} {way.how} {way.replies[0][:300]!r} {result}")
                    for path in paths:
                        del gateway.files[path]

                while number * EACH < FILES // 2:
                    async with anyio.create_task_group() as group:
                        for _ in range(AT_ONCE):
                            number += 1
                            group.start_soon(one, number)
                    assert len(wrong) < 20, "\n".join(wrong)
                watch.cancel_scope.cancel()
    print(f"\nseed {SEED}: {number * EACH} files in {time.monotonic() - began:.0f} s, {held}; {dict(counts)}")
    assert not wrong, "\n".join(wrong)
    assert not [record for record in caplog.records if record.exc_info], caplog.text[:5000]
    assert held.busiest < LONGEST


def _done(remote_id: str, results: dict[str, list[str]]) -> bytes:
    urls = results[remote_id]
    return envelope(
        {"taskId": remote_id, "state": "success", "resultJson": json.dumps({"resultUrls": urls}), "resultUrls": urls}
    )


def _judged(way: Sent, result: dict[str, Any], counts: Counter[str]) -> str:
    """What is wrong with a result; empty where nothing is."""
    counts[f"{result['file']}"] += 1
    if result["file"] != "saved":
        if way.how == "good":
            return "a sibling was not saved"
        if not result.get("problem"):
            return "not saved, and no word about it"
        odd_range = any(b"9" * 500 in reply[:1000] for reply in way.replies)  # a result that fails with its reason
        return (
            "" if may_be_refused(way.data) or not way.whole or odd_range else "bytes that were paid for were not saved"
        )
    saved = Path(result["path"]).read_bytes()
    if (told := told_by(saved)) is not None and saved != way.data:
        counts["tells where it came from"] += 1
        return "" if saved == described(way.data, told) else "more was changed than what is told"
    if way.how == "plain as gzip" and saved == _unpacked(way.data):
        return ""  # a file that is packed itself, said to be packed for the way: what is in it is as good
    if saved != way.data:
        return "" if not way.whole and way.data.startswith(saved) else f"other bytes: {len(saved)} for {len(way.data)}"
    if "sha256" in result and hashlib.sha256(saved).hexdigest() != result["sha256"]:
        return "another sum"
    return ""


def _unpacked(data: bytes) -> bytes | None:
    try:
        return zlib.decompressobj(31).decompress(data)
    except zlib.error:
        return None
