"""Caddy and nginx as Debian has them, run with the recipes of `examples/proxies`, and a client that reaches them."""

import os
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import anyio
import httpx2
import pytest
from support.amounts import in_time
from support.certificates import authority

RECIPES = Path(__file__).resolve().parents[2] / "examples" / "proxies"
NAME = "team.example"

_CADDY = """{
	admin off
	local_certs
	skip_install_trust
	auto_https disable_redirects
}
"""
_NGINX = """daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{recipe}
}}
"""


def needed(name: str) -> str:
    """Where a program is; the test is left out where this machine does not have it, unless it must."""
    path = shutil.which(name) or shutil.which(name, path="/usr/sbin:/usr/bin:/usr/local/bin")
    if path is None and os.environ.get("NEED_PROXIES"):
        pytest.fail(f"{name} is missing, and NEED_PROXIES says that it must be here")
    if path is None:
        pytest.skip(f"{name} is not installed; on Debian: apt-get install caddy nginx")
    return path


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


@contextmanager
def proxied(recipe: str, folder: Path, port: int, upstream: str) -> Iterator[Path]:
    """Runs a recipe before a server; yields the certificate of who vouches for the proxy.

    Args:
        recipe: the name of its file.
        folder: for what the proxy writes.
        port: that it takes in place of 443.
        upstream: the server's URL; of several replicas, theirs with a space between.
    """
    text = (RECIPES / recipe).read_text()
    for its, ours in (("{$DOMAIN}", NAME), ("{$UPSTREAM}", "127.0.0.1:8000"), ("{$UPSTREAMS}", "127.0.0.1:8000")):
        text = text.replace(its, ours)
    text = text.replace("127.0.0.1:8000", " ".join(urlsplit(url).netloc for url in upstream.split()))
    if recipe.startswith("Caddyfile"):
        command, trusted = _caddy(text, folder, port)
    else:
        command, trusted = _nginx(text, folder, port)
    environment = {**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    said = (folder / "said").open("w")
    with said, subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, stdout=said, stderr=said) as one:
        try:
            yield trusted
        finally:
            one.terminate()
            try:
                one.wait(30)
            except subprocess.TimeoutExpired:
                one.kill()
            sys.stderr.write((folder / "said").read_text()[-2000:])


def _caddy(text: str, folder: Path, port: int) -> tuple[list[str], Path]:
    config = folder / "Caddyfile"
    config.write_text(_CADDY + text.replace(f"\n{NAME} {{", f"\n{NAME}:{port} {{\n\tbind 127.0.0.1"))
    command = [needed("caddy"), "run", "--config", str(config), "--adapter", "caddyfile"]
    return command, folder / "caddy" / "pki" / "authorities" / "local" / "root.crt"


def _nginx(text: str, folder: Path, port: int) -> tuple[list[str], Path]:
    bundle, chain = authority(folder, NAME)
    for kind in ("pem", "key"):
        text = text.replace(f"/etc/nginx/{NAME}.{kind}", str(chain))
    config = folder / "nginx.conf"
    config.write_text(_NGINX.format(folder=folder, recipe=text.replace("listen 443", f"listen 127.0.0.1:{port}")))
    return [needed("nginx"), "-p", str(folder), "-c", str(config), "-e", str(folder / "error.log")], bundle


class ByName(httpx2.AsyncHTTPTransport):
    """Reaches the name that the proxy has on this machine, as if the world knew it."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """See the class above."""
        request.extensions["sni_hostname"] = NAME
        request.url = request.url.copy_with(host="127.0.0.1")
        return await super().handle_async_request(request)


def client_for(trusted: Path, **options: Any) -> httpx2.AsyncClient:
    """An HTTP client that trusts the proxy's certificate."""
    options.setdefault("timeout", 60)
    return httpx2.AsyncClient(transport=ByName(verify=ssl.create_default_context(cafile=trusted)), **options)


async def answering(url: str, trusted: Path) -> None:
    """Returns once the server answers through its proxy."""
    with in_time(30):
        while True:
            if trusted.exists():
                try:
                    async with client_for(trusted) as http:
                        if (await http.get(f"{url}/healthz")).status_code == 200:
                            return
                except (httpx2.TransportError, ssl.SSLError):
                    pass
            await anyio.sleep(0.05)
