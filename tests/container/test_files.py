"""The image, the compose file and the service say the same, and give the server no more than it needs."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from apixo_mcp.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
UNIT = (ROOT / "examples/systemd/apixo-mcp.service").read_text(encoding="utf-8")


def test_the_image_runs_as_a_numbered_user_with_a_pinned_base():
    assert re.search(r"^USER (\d+):\1$", DOCKERFILE, re.MULTILINE)
    assert re.search(r"^ARG BASE=\S+:\d+\.\d+-\S+$", DOCKERFILE, re.MULTILINE)
    assert "HEALTHCHECK" in DOCKERFILE
    assert "/readyz" in DOCKERFILE


def test_the_settings_of_the_image_and_the_compose_file_are_settings():
    of_the_image = dict(re.findall(r"(APIXO_MCP_[A-Z_]+)=(\S+)", DOCKERFILE.partition("ENV PATH")[2]))
    of_the_service = dict(COMPOSE["services"]["server"]["environment"])
    of_the_service["APIXO_MCP_PUBLIC_URL"] = re.sub(
        r"\$\{DOMAIN[^}]*\}", "team.example", of_the_service["APIXO_MCP_PUBLIC_URL"]
    )
    read = Settings.model_validate(of_the_image | of_the_service)
    assert str(read.home) in {"/data", str(Path("/data").absolute())}
    assert read.public_url == "https://team.example"


@pytest.mark.parametrize("service", COMPOSE["services"].values(), ids=COMPOSE["services"])
def test_a_service_gets_no_rights_and_a_root_that_nothing_writes_to(service: dict[str, Any]):
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_server_is_reached_through_the_proxy_alone_and_trusts_it_alone():
    server, proxy = COMPOSE["services"]["server"], COMPOSE["services"]["proxy"]
    assert "ports" not in server
    assert server["environment"]["APIXO_MCP_TRUSTED_PROXIES"] == proxy["networks"]["proxy"]["ipv4_address"]
    (longest,) = re.findall(r"TimeoutStopSec=(\d+)", UNIT)
    assert server["stop_grace_period"] == f"{longest}s"


def test_what_holds_keys_is_not_committed_nor_sent_to_the_builder():
    assert {".env", "apixo-mcp.env"} <= set((ROOT / ".gitignore").read_text(encoding="utf-8").splitlines())
    assert "*" in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()


def test_the_service_has_no_capabilities_and_one_folder_to_write_to():
    for line in ("CapabilityBoundingSet=", "NoNewPrivileges=yes", "ProtectSystem=strict", "StateDirectory=apixo-mcp"):
        assert line in UNIT.splitlines()
