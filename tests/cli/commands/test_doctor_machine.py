"""`doctor` on what is around this program: keys, folders, disks, the store, the clock, https, and the way back in."""

import json
import shutil
import sqlite3
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import formatdate
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from support.certificates import authority
from support.listening import listening
from support.program import program, values_for
from support.shell import Typed, run
from support.tcp import read_request, run_wire

from apixo_mcp.net.presented import Presented
from apixo_mcp.sandbox import Sandbox

pytestmark = pytest.mark.anyio


async def findings(typed: Typed, check: str, **given: str) -> list[dict[str, str]]:
    """What `doctor` finds under a check, as JSON."""
    done = await run(typed, "doctor", "--json", **given)
    told = json.loads(done.stdout)
    assert told["is_well"] is (done.exit_code == 0)
    assert all({"check", "what", "status", "said"} <= set(entry) for entry in told["findings"])
    return [entry for entry in told["findings"] if entry["check"] == check]


async def faults(typed: Typed, check: str, **given: str) -> list[dict[str, str]]:
    """Those of them that say what to do."""
    return [entry for entry in await findings(typed, check, **given) if entry["status"] == "mend"]


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("sk-cut off-secret", "APIXO_API_KEY holds spaces or characters that no key has"),
        ("sk-secret\u00e9", "APIXO_API_KEY holds spaces or characters that no key has"),
        ("sk-s", "APIXO_API_KEY has only 4 characters"),
    ],
)
async def test_a_key_that_no_gateway_made(typed: Typed, key: str, said: str):
    [fault] = await faults(typed, "keys", key=key)
    assert fault["said"] == said
    assert fault["mend"].startswith("Copy the key anew from https://apixo.ai")


async def test_the_same_key_for_both_gateways(typed: Typed, box: Sandbox):
    [fault] = await faults(typed, "keys", RUXA_API_KEY="sk-mine", RUXA_BASE_URL=box.url)
    assert fault["said"] == "RUXA_API_KEY and APIXO_API_KEY hold the same key, and each gateway makes its own"


async def test_a_data_folder_that_files_may_be_given_out_of(typed: Typed, tmp_path: Path):
    [fault] = await faults(typed, "folders", APIXO_MCP_ALLOWED_ROOTS=str(tmp_path))
    assert fault["said"].startswith(f"lies in {tmp_path}")
    assert fault["variable"] == "APIXO_MCP_ALLOWED_ROOTS"


async def test_disks_without_room(typed: Typed, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=90_000_000))
    told = await faults(typed, "disk")
    assert [(fault["said"], fault["variable"]) for fault in told] == [
        ("90 MB free", "APIXO_MCP_HOME"),
        ("90 MB free", "APIXO_MCP_DOWNLOAD_DIR"),
    ]


def stored(folder: Path) -> Path:
    path = folder / "home" / "tasks.sqlite3"
    path.parent.mkdir(exist_ok=True)
    return path


async def test_a_store_of_a_newer_program(typed: Typed, tmp_path: Path):
    assert (await findings(typed, "store"))[0]["said"].startswith(f"{stored(tmp_path)} opens, of schema ")
    with sqlite3.connect(stored(tmp_path)) as database:
        database.execute("pragma user_version = 9999")
    database.close()
    [fault] = await faults(typed, "store")
    assert fault["mend"].startswith("Update this program")


async def test_a_store_that_is_damaged_is_repaired_and_told_of(typed: Typed, tmp_path: Path):
    stored(tmp_path).write_bytes(b"no database" * 1000)
    [fault] = await faults(typed, "store")
    assert "damaged" in fault["said"]


async def test_a_store_that_another_program_holds(typed: Typed, tmp_path: Path):
    database = sqlite3.connect(stored(tmp_path), isolation_level=None)
    database.execute("begin exclusive")
    [fault] = await faults(typed, "store")
    database.close()
    assert "is locked" in fault["said"]
    assert fault["mend"].startswith("Another program holds the file")


@asynccontextmanager
async def answering(ahead: float = 0.0, context: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """A server that answers all with 404 by a clock that is ahead by seconds; gives its port."""

    async def handle(stream: Any) -> None:
        async with stream:
            await read_request(stream)
            date = formatdate(time.time() + ahead, usegmt=True)
            head = f"HTTP/1.1 404 Not Found\r\nDate: {date}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            await stream.send(head.encode())

    async with listening(handle, context) as port:
        yield str(port)


@pytest.mark.parametrize(
    ("ahead", "said"), [(0, "agrees with"), (20, "20 s behind"), (-600, "10 min ahead of"), (20_000, "5.6 h behind")]
)
async def test_a_clock_that_is_wrong(typed: Typed, ahead: int, said: str):
    async with answering(ahead) as port:
        [clock] = await findings(typed, "clock", APIXO_BASE_URL=f"http://127.0.0.1:{port}")
    assert said.replace("19 s", "20 s") in clock["said"] or "19 s behind" in clock["said"]
    assert (clock["status"] == "mend") is (abs(ahead) > 60)


def served(folder: Path, signer: str = "") -> tuple[Path, ssl.SSLContext]:
    bundle, chain = authority(folder, "localhost", signer)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain)
    return bundle, context


async def test_https_that_is_opened_on_its_way_and_not_trusted(typed: Typed, tmp_path: Path):
    _, context = served(tmp_path)
    async with answering(context=context) as port:
        [fault] = await faults(typed, "tls", APIXO_BASE_URL=f"https://localhost:{port}")
    assert fault["said"].startswith("the certificate of localhost is refused")
    assert "save its certificate as a PEM file and name that in SSL_CERT_FILE" in fault["mend"]


@pytest.mark.parametrize(
    ("signer", "said"),
    [
        ("Somebody", "directly; its certificate is of Somebody"),
        ("Zscaler Root CA", "https to localhost is opened on its way, by Zscaler Root CA"),
    ],
)
async def test_https_that_is_trusted(typed: Typed, tmp_path: Path, signer: str, said: str):
    bundle, context = served(tmp_path, signer)
    async with answering(context=context) as port:
        given = {"APIXO_BASE_URL": f"https://localhost:{port}", "SSL_CERT_FILE": str(bundle)}
        [told] = await findings(typed, "tls", **given)
    assert told["status"] == "ok"
    assert told["said"].startswith(said)


def test_an_issuer_is_known_by_its_name():
    assert Presented("Zscaler Inc., Zscaler Intermediate Root CA").is_intercepted
    assert not Presented("Let's Encrypt, R11").is_intercepted


async def test_a_gateway_without_tls(typed: Typed):
    [fault] = await faults(typed, "tls", APIXO_BASE_URL="http://gateway.invalid")
    assert fault["said"] == "http://gateway.invalid has no TLS: the key can be read on the way"


async def test_the_way_through_a_proxy_is_told(typed: Typed):
    given = {"APIXO_BASE_URL": "https://gateway.invalid", "HTTPS_PROXY": "http://user:hidden@127.0.0.1:9"}
    done = await run(typed, "doctor", **given)
    assert "way to apixo: through the proxy of HTTPS_PROXY" in done.stdout
    assert "hidden" not in done.output


async def test_callbacks_that_arrive_by_the_public_name(typed: Typed, box: Sandbox, tmp_path: Path):
    values = {**values_for(box, tmp_path / "server"), "public_url": "https://mcp.example.com"}
    async with program("http", values) as dial:
        [told] = await findings(typed, "callbacks", APIXO_MCP_PUBLIC_URL=dial().removesuffix("/mcp"))
    assert told["status"] == "ok", told
    assert "takes callbacks there" in told["said"]


async def test_a_server_that_does_not_know_its_public_name(typed: Typed, box: Sandbox, tmp_path: Path):
    async with program("http", values_for(box, tmp_path / "server")) as dial:
        [fault] = await faults(typed, "callbacks", APIXO_MCP_PUBLIC_URL=dial().removesuffix("/mcp"))
    assert fault["said"].endswith("takes no callbacks")
    assert fault["mend"].startswith("Set APIXO_MCP_PUBLIC_URL for that server too")


async def test_a_public_name_that_leads_elsewhere(typed: Typed, box: Sandbox):
    [fault] = await faults(typed, "callbacks", APIXO_MCP_PUBLIC_URL=box.url)
    assert "is not answered by this server" in fault["said"]
    assert "serve --transport http" in fault["mend"]


async def test_a_proxy_that_keeps_callbacks_out(typed: Typed):
    async def talk(stream: anyio.abc.SocketStream, request: bytes) -> None:
        body = b'{"status": "ok", "version": "1"}' if request.startswith(b"GET /healthz") else b"sign in"
        status = b"200 OK" if request.startswith(b"GET /healthz") else b"401 Unauthorized"
        head = b"HTTP/1.1 %b\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        await stream.send(head % (status, len(body)) + body)

    async with run_wire(talk) as wire:
        [fault] = await faults(typed, "callbacks", APIXO_MCP_PUBLIC_URL=wire.url)
    assert "does not arrive: status 401" in fault["said"]
    assert "Let the proxy hand on POST /callbacks/… without a sign-in." in fault["mend"]


async def test_nothing_is_paid(typed: Typed, box: Sandbox):
    await run(typed, "doctor")
    assert box.submits() == []
