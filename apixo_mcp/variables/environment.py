"""What this process asks of its environment besides the settings."""

import os
from collections.abc import Mapping

from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.variables.written import trimmed

SETTINGS_PREFIX = "APIXO_MCP_"
"""What the variables of all settings begin with that are no gateway's."""


def exports_traces(environment: Mapping[str, str]) -> bool:
    """Tells whether the variables of OpenTelemetry ask for traces: those that its own SDK reads, with its defaults."""
    exporters = environment.get("OTEL_TRACES_EXPORTER", "").strip().lower()
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or exporters == "none":
        return False
    places = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    return "otlp" in exporters or any(environment.get(name, "").strip() for name in places)


def environment_of_others() -> dict[str, str]:
    """Returns the environment for programs that are not ours: without keys and settings of ours."""
    ours = (SETTINGS_PREFIX, *(listing.prefix for listing in GATEWAYS.values()))
    return {name: value for name, value in os.environ.items() if not name.upper().startswith(ours)}


def spelling(variable: str) -> str:
    """Tells how a variable of the network is spelt in this environment, empty where it is not set."""
    return next((name for name in (variable.lower(), variable.upper()) if os.environ.get(name)), "")


def value_of(variable: str) -> str:
    """Returns the value of a variable of the network, or of one with an owner's key, without spaces and quotes."""
    return trimmed(os.environ.get(variable, ""))
