"""The examples of several machines say what the program takes: settings, commands, ports, paths, and when it ends."""

import re
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from apixo_mcp.cli.commands.serve import serve
from apixo_mcp.cli.commands.worker import worker
from apixo_mcp.server.http.paths import HEALTHZ, READYZ
from apixo_mcp.settings import Settings

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
COMPOSE: dict[str, Any] = yaml.safe_load((EXAMPLES / "compose/compose.yaml").read_text(encoding="utf-8"))
OBJECTS: list[dict[str, Any]] = list(
    yaml.safe_load_all((EXAMPLES / "kubernetes/apixo-mcp.yaml").read_text(encoding="utf-8"))
)
CADDYFILE = (EXAMPLES / "proxies/Caddyfile-for-replicas").read_text(encoding="utf-8")
UNIT = (EXAMPLES / "systemd/apixo-mcp.service").read_text(encoding="utf-8")
FINISHED_WITHIN = int(re.findall(r"TimeoutStopSec=(\d+)", UNIT)[0])
"""Seconds that a process may take to end, as a paid request that is on its way is answered first."""
OF_AMAZON = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"}
COMMANDS: dict[str, click.Command] = {"serve": serve, "worker": worker}


def options(arguments: list[str]) -> dict[str, Any]:
    """What the program reads of a command; it ends the test where it would not take it."""
    name, *rest = arguments
    return COMMANDS[name].make_context(name, list(rest)).params


def objects(kind: str) -> dict[str, dict[str, Any]]:
    return {one["metadata"]["name"]: one for one in OBJECTS if one["kind"] == kind}


def pod(name: str) -> dict[str, Any]:
    return objects("Deployment")[name]["spec"]["template"]["spec"]


def services(kind: str) -> dict[str, dict[str, Any]]:
    return {name: one for name, one in COMPOSE["services"].items() if name.startswith(kind)}


@pytest.mark.parametrize("service", COMPOSE["services"].values(), ids=COMPOSE["services"])
def test_a_service_gets_no_rights_and_a_root_that_nothing_writes_to(service: dict[str, Any]):
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_compose_file_has_two_replicas_and_two_workers_of_one_set_of_settings():
    assert [len(services(kind)) for kind in ("replica", "worker", "database", "proxy")] == [2, 2, 1, 1]
    told = [one["environment"] for kind in ("replica", "worker") for one in services(kind).values()]
    assert all(one == told[0] for one in told)
    shown = {name: re.sub(r"\$\{\w+[^}]*\}", "team.example", value) for name, value in told[0].items()}
    read = Settings.model_validate(shown)
    assert read.database_url.get_secret_value() == "postgresql://apixo:team.example@database:5432/apixo"
    assert read.public_url == "https://team.example"


def test_the_commands_of_the_compose_file_are_commands_and_its_checks_ask_their_ports():
    for replica in services("replica").values():
        given = options(replica["command"])
        assert (given["transport"], given["host"], given["port"]) == ("http", "0.0.0.0", 8000)
        assert int(replica["stop_grace_period"].removesuffix("s")) >= given["drain"] + FINISHED_WITHIN
    upstreams = COMPOSE["services"]["proxy"]["environment"]["UPSTREAMS"].split()
    assert upstreams == [f"{name}:8000" for name in services("replica")]
    for one in services("worker").values():
        given = options(one["command"])
        assert f"127.0.0.1:{given['health_port']}{READYZ}" in " ".join(one["healthcheck"]["test"])
        assert int(one["stop_grace_period"].removesuffix("s")) >= FINISHED_WITHIN


def test_the_units_run_commands_within_the_bounds_of_the_single_server_and_wait_for_a_database():
    bounds = UNIT[UNIT.index("UMask=") : UNIT.index("[Install]")]
    drains = {"worker": 0.0, "replica": 10.0}
    for kind, drain in drains.items():
        unit = (EXAMPLES / f"systemd/apixo-mcp-{kind}.service").read_text(encoding="utf-8")
        assert bounds in unit
        (command,) = re.findall(r"^ExecStart=/opt/apixo-mcp/bin/apixo-mcp (.+)$", unit, re.MULTILINE)
        assert options(command.split()).get("drain", 0.0) == drain
        (longest,) = re.findall(r"TimeoutStopSec=(\d+)", unit)
        assert int(longest) >= FINISHED_WITHIN + drain
        # Else systemd gives up after five starts in ten seconds, and stays so when the database is back.
        assert {"StartLimitIntervalSec=0", "Restart=always", "RestartSec=3"} <= set(unit.splitlines())
        assert "EnvironmentFile=/etc/apixo-mcp.env" in unit


def test_the_settings_of_the_units_are_settings():
    lines = (EXAMPLES / "systemd/apixo-mcp-several.env").read_text(encoding="utf-8").splitlines()
    given = dict(line.split("=", 1) for line in lines if not line.startswith("#"))
    read = Settings.model_validate({name: value for name, value in given.items() if name not in OF_AMAZON})
    assert read.database_url.get_secret_value().startswith("postgresql://")
    assert read.results == "s3://pictures/team"
    assert set(given) >= OF_AMAZON


def test_caddy_turns_away_from_a_replica_before_it_takes_no_more():
    (every,) = re.findall(r"health_interval (\d+)s", CADDYFILE)
    (within,) = re.findall(r"health_timeout (\d+)s", CADDYFILE)
    assert f"health_uri {READYZ}" in CADDYFILE
    drains = [options(one["command"])["drain"] for one in services("replica").values()]
    assert min(drains) >= int(every) + int(within)


def test_the_database_of_the_compose_file_is_reached_by_the_program_alone():
    assert COMPOSE["networks"]["database"]["internal"] is True
    assert "ports" not in COMPOSE["services"]["database"]
    assert "database" not in COMPOSE["services"]["proxy"]["networks"]
    proxy = COMPOSE["services"]["proxy"]["networks"]["front"]["ipv4_address"]
    replica = COMPOSE["services"]["replica-1"]
    assert replica["environment"]["APIXO_MCP_TRUSTED_PROXIES"] == proxy


def test_the_settings_of_kubernetes_are_settings():
    told = objects("ConfigMap")["apixo-mcp"]["data"] | objects("Secret")["apixo-mcp"]["stringData"]
    for value in told.values():
        assert isinstance(value, str), "Kubernetes takes no other"
    read = Settings.model_validate({name: value for name, value in told.items() if name not in OF_AMAZON})
    assert read.results == "s3://pictures/team"
    assert read.database_url
    assert told.keys() - OF_AMAZON <= {field.alias for field in Settings.model_fields.values()} | {"APIXO_API_KEY"}


@pytest.mark.parametrize("name", ["apixo-mcp-replica", "apixo-mcp-worker"])
def test_a_pod_is_probed_where_the_program_listens_and_ends_in_its_own_time(name: str):
    spec = pod(name)
    (container,) = spec["containers"]
    given = options(container["args"])
    (port,) = container["ports"]
    assert port["containerPort"] == (given["health_port"] if "health_port" in given else given["port"])
    assert (given["health_host"] if "health_host" in given else given["host"]) == "0.0.0.0"
    for probe, path in (("startupProbe", HEALTHZ), ("livenessProbe", HEALTHZ), ("readinessProbe", READYZ)):
        asked = container[probe]["httpGet"]
        assert (asked["path"], asked["port"]) == (path, port["name"])
    drain = given.get("drain", 0)
    assert spec["terminationGracePeriodSeconds"] >= drain + FINISHED_WITHIN
    ready = container["readinessProbe"]
    assert not drain or drain >= 2 * (ready["periodSeconds"] + ready["timeoutSeconds"]) * ready["failureThreshold"] - 1
    mounted = {one["mountPath"] for one in container["volumeMounts"]}
    assert mounted == {"/data", "/tmp"}
    assert {one["name"] for one in container["volumeMounts"]} == {one["name"] for one in spec["volumes"]}
    assert container["securityContext"]["readOnlyRootFilesystem"] is True
    assert spec["securityContext"]["runAsUser"] == 10001


def test_what_selects_pods_in_kubernetes_finds_them():
    of_pods = {
        name: one["spec"]["template"]["metadata"]["labels"].items() for name, one in objects("Deployment").items()
    }
    for name, one in objects("Deployment").items():
        assert one["spec"]["selector"]["matchLabels"].items() <= of_pods[name]
    for name, one in objects("PodDisruptionBudget").items():
        assert one["spec"]["selector"]["matchLabels"].items() <= of_pods[name]
    service = objects("Service")["apixo-mcp"]["spec"]
    assert [name for name, labels in of_pods.items() if service["selector"].items() <= labels] == ["apixo-mcp-replica"]
    assert service["ports"][0]["targetPort"] == pod("apixo-mcp-replica")["containers"][0]["ports"][0]["name"]
    for one in objects("HorizontalPodAutoscaler").values():
        assert one["spec"]["scaleTargetRef"]["name"] in of_pods


def test_who_comes_to_legacy_sse_comes_to_one_replica():
    assert objects("Service")["apixo-mcp"]["spec"]["sessionAffinity"] == "ClientIP"
    asked = objects("Ingress")["apixo-mcp"]["metadata"]["annotations"]["nginx.ingress.kubernetes.io/upstream-hash-by"]
    assert asked.endswith("$http_authorization")
    assert "lb_policy header Authorization" in CADDYFILE
