"""What was given to a neighbour of this machine ends with the first owner, as everything else that they may."""

from pathlib import Path

import httpx2
import pytest
from mcp import Client
from mcp.types import Implementation
from support.amounts import in_time
from support.house import made
from support.program import values_for
from support.sign_in import let_in

from apixo_mcp.app import open_app
from apixo_mcp.net.uvicorn_server import listen, url_of
from apixo_mcp.owners.store import EntryKind, SignInEntry
from apixo_mcp.owners.tokens import secret_hash
from apixo_mcp.sandbox import Sandbox
from apixo_mcp.server.build import build_server
from apixo_mcp.server.http.limits import HttpLimits
from apixo_mcp.server.http.transport import serving
from apixo_mcp.server.links import ResultLinks
from apixo_mcp.settings import read_settings
from apixo_mcp.tasks.owner import LOCAL, Owner

pytestmark = pytest.mark.anyio


async def test_links_and_streams_of_a_neighbour_end_with_the_first_owner(tmp_path: Path) -> None:
    async with (
        Sandbox(speed=1000) as box,
        open_app(read_settings(**values_for(box, tmp_path))) as app,
        httpx2.AsyncClient(timeout=30) as http,
    ):
        listener = listen("127.0.0.1", 0)
        url = url_of(listener)
        async with serving(app, build_server(app), listener, limits=HttpLimits(looks_every=0.05)):
            async with Client(f"{url}/mcp", client_info=Implementation(name="claude-ai", version="1")) as client:
                task = await app.service.find(LOCAL, (await made(client))["task_id"])
            link = ResultLinks(app.seal, url).link(task, task.results[0]).url
            upload = SignInEntry(EntryKind.UPLOAD, secret_hash("secret"), "{}", LOCAL.name)
            await app.sign_ins.put(upload, 900.0)
            assert (await http.get(link)).status_code == 200
            assert (await http.get(f"{url}/uploads/secret")).status_code == 200
            async with http.stream("GET", f"{url}/sse") as stream:
                assert stream.status_code == 200
                await let_in(app, Owner("alice"))
                with in_time(10):
                    async for _ in stream.aiter_bytes():
                        pass
            assert (await http.get(link)).status_code == 404
            assert (await http.get(f"{url}/uploads/secret")).status_code == 404
            upload_of = SignInEntry(EntryKind.UPLOAD, secret_hash("hers"), "{}", "alice")
            await app.sign_ins.put(upload_of, 900.0)
            assert (await http.get(f"{url}/uploads/hers")).status_code == 200
