"""A running sandbox and a client of it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx2
import pytest

from apixo_mcp.sandbox import Sandbox

KEY = {"Authorization": "Bearer sk-test"}


@pytest.fixture
async def box() -> AsyncIterator[Sandbox]:
    async with Sandbox(speed=10_000) as box:
        yield box


@pytest.fixture
async def client(box: Sandbox) -> AsyncIterator[httpx2.AsyncClient]:
    async with httpx2.AsyncClient(base_url=box.url, headers=KEY, timeout=60, trust_env=False, verify=False) as client:
        yield client


Submit = Callable[..., Awaitable[httpx2.Response]]


@pytest.fixture
def submit(client: httpx2.AsyncClient) -> Submit:
    """Submits a picture of a prompt, or any other input of an APIXO model."""

    async def post(prompt: str = "a fox", model: str = "nano-banana", **given: Any) -> httpx2.Response:
        body = {"input": {"mode": "text-to-image", "prompt": prompt, **given}}
        return await client.post(f"/api/v1/generateTask/{model}", json=body)

    return post


@pytest.fixture
def look(client: httpx2.AsyncClient) -> Submit:
    async def get(remote_id: str, model: str = "nano-banana") -> httpx2.Response:
        return await client.get(f"/api/v1/statusTask/{model}", params={"taskId": remote_id})

    return get


@pytest.fixture
def made(submit: Submit, look: Submit) -> Callable[..., Awaitable[list[str]]]:
    """Submits, and returns the result URLs. Prompts end at once by ``[took:0]``, so that nothing waits."""

    async def urls(prompt: str = "a fox", model: str = "nano-banana", **given: Any) -> list[str]:
        answer = await submit(f"{prompt} [took:0]", model, **given)
        assert answer.status_code == 200, answer.text
        data = (await look(answer.json()["data"]["taskId"], model)).json()["data"]
        assert data["state"] == "success", data
        return json.loads(data["resultJson"])["resultUrls"]

    return urls
