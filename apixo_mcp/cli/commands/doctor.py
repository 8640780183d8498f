"""`doctor`: looks at settings, keys, gateways, folders and hosts, and says what to fix."""

import os
import re
import sys
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import anyio
import click

from apixo_mcp import __version__
from apixo_mcp.app import App, open_app
from apixo_mcp.catalog.own import own_catalog, own_models
from apixo_mcp.catalog.prices import load_prices
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.cli.checks.finding import Finding, of_check
from apixo_mcp.cli.checks.folders import disk_findings, folder_findings
from apixo_mcp.cli.checks.gateways import account_findings, clock_findings, way_findings
from apixo_mcp.cli.checks.hosts import host_findings
from apixo_mcp.cli.checks.keys import key_findings
from apixo_mcp.cli.checks.outward import callback_findings, public_url_findings, tunnel_finding, webhook_finding
from apixo_mcp.cli.process.start import errors_told, start_logging
from apixo_mcp.cli.requests.targets import this_machine
from apixo_mcp.cli.terminal.interrupts import Interrupts
from apixo_mcp.cli.terminal.printing import say, say_json
from apixo_mcp.errors import ApixoError, SchemaTooNew, SettingsError
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.net.certificates import unusable_certificates
from apixo_mcp.net.http import Http
from apixo_mcp.net.proxies import unusable_proxies
from apixo_mcp.settings import Settings, read_settings
from apixo_mcp.stores.sqlite.schema import newest
from apixo_mcp.views.faces import SHELL, error_text
from apixo_mcp.views.words import counted

_NO_KEY = (
    "Set {}: in a shell for the commands, and in the `env` of this server in a client's configuration for the client. "
    "`apixo-mcp demo` needs none."
)
_UPDATE = "Update this program (`uv tool upgrade apixo-mcp`), or set APIXO_MCP_HOME to another folder."

_END_OTHERS = (
    "Another program holds the file: end what copies or examines it (a backup, a database browser, a synchronised "
    "folder), or set APIXO_MCP_HOME to a folder that nothing else touches."
)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--remote", "url", metavar="URL", help="Try a server over HTTP in place of this machine, as hosts do.")
@click.option("--token-env", metavar="VAR", help="With --remote: the variable that holds the token of an owner.")
def doctor(as_json: bool, url: str | None, token_env: str | None) -> None:
    """Look at settings, keys, gateways, folders and hosts, and say what to fix; nothing is paid.

    Ends with 1 where something is to be fixed.
    """
    if token_env and not url:
        raise click.UsageError("--token-env is for --remote")
    if token_env and not os.environ.get(token_env, "").strip():
        raise click.UsageError(f"--token-env {token_env}: this variable is not set")
    token = os.environ[token_env].strip() if token_env else ""
    start = f"apixo-mcp {__version__}, Python {sys.version.split()[0]}, {sys.executable}"
    if not as_json:
        say(start)
    findings: list[Finding] = []

    async def examine() -> None:
        async for finding in _examined_remote(url, token) if url else _examined():
            findings.append(finding)
            if not as_json:
                _tell(finding)

    interrupts = Interrupts()
    with errors_told(), interrupts.heard():
        anyio.run(examine)
    is_well = not any(finding.fix for finding in findings)
    if as_json:
        say_json({"program": start, "is_well": is_well, "findings": [_structure(finding) for finding in findings]})
    if not is_well:
        raise SystemExit(1)


def _tell(finding: Finding) -> None:
    state = finding.state.replace("\n", "\n      ")
    say(f"{'MEND' if finding.fix else 'ok  '}  {finding.what}: {state}")
    if finding.fix:
        is_named = finding.variable in f"{finding.what} {finding.state} {finding.fix}"
        say(f"      {'' if is_named else f'{finding.variable}: '}{finding.fix}")


def _structure(finding: Finding) -> dict[str, str]:
    entries = {
        "check": finding.check,
        "what": finding.what,
        "status": "mend" if finding.fix else "ok",
        "said": finding.state,
        "variable": finding.variable,
        "mend": finding.fix,
    }
    return {name: value for name, value in entries.items() if value}


async def _examined() -> AsyncIterator[Finding]:
    try:
        settings = read_settings()
    except SettingsError as error:
        for line in str(error).splitlines():
            variable, _, _ = line.partition(": ")
            fix = f"Set {variable} to what is allowed, or take it out."
            yield Finding("settings", line, fix, variable, check="settings")
        return
    start_logging(settings)
    for check, findings in (
        ("settings", _settings(settings)),
        ("keys", key_findings(settings)),
        ("folders", folder_findings(settings)),
        ("disk", disk_findings(settings)),
        ("models", _models(settings)),
        ("prices", _prices(settings, settings.prices) if settings.prices else ()),
        ("store", _with_store(settings)),
        ("hosts", host_findings(this_machine())),
    ):
        async for finding in of_check(check, findings):
            yield finding


async def _examined_remote(url: str, token: str) -> AsyncIterator[Finding]:
    """Tries a server over HTTP. What it needs is loaded here: few ask for it."""
    from apixo_mcp.cli.checks.remote import Remote

    async with Http() as http:
        async for finding in of_check("remote", Remote(http, url, token).findings()):
            yield finding


def _settings(settings: Settings) -> Iterator[Finding]:
    for problem in (*settings.warnings, *unusable_proxies(), *unusable_certificates()):
        fault, *advice = re.split(r"[.;] (?=write|correct)", problem, maxsplit=1, flags=re.IGNORECASE)
        fix = f"{advice[0][:1].upper()}{advice[0][1:].rstrip('.')}." if advice else "Correct it, or take it out."
        yield Finding("settings", fault, fix, problem.split()[0].rstrip(":"))


async def _with_store(settings: Settings) -> AsyncIterator[Finding]:
    """Yields what the task store says of itself, and all that is asked with it open."""
    try:
        # Without the prices: one bad thing is told once.
        async with open_app(settings.model_copy(update={"prices": None}), follow=False) as app:
            yield Finding("task store", f"{settings.home / 'tasks.sqlite3'} opens, of schema {newest()}")
            for warning in app.warnings:
                yield Finding("warning", warning, "Everything else works; told for a week, or until its cause is gone.")
            async for finding in _outside(app):
                yield finding
    except SchemaTooNew as error:
        yield Finding("task store", error_text(error, SHELL), _UPDATE, "APIXO_MCP_HOME")
    except ApixoError as error:
        is_held = "locked" in str(error.__cause__ or "")
        advice = _END_OTHERS if is_held else "See the message; APIXO_MCP_HOME chooses another folder."
        yield Finding("task store", error_text(error, SHELL), advice, "APIXO_MCP_HOME")


async def _outside(app: App) -> AsyncIterator[Finding]:
    settings = app.settings
    checks = [("gateways", account_findings(app)), ("tls", way_findings(app)), ("clock", clock_findings(app))]
    if settings.public_url:
        checks += [("public-url", public_url_findings(app)), ("callbacks", callback_findings(app))]
    for check, findings in checks:
        async for finding in of_check(check, findings):
            yield finding
    if settings.notify_url:
        yield replace(await webhook_finding(app), check="webhooks")
    if app.tunnel is not None:
        yield replace(await tunnel_finding(app.tunnel), check="tunnel")
    if not app.key_prints:
        ways = " or ".join(f"{listing.key_variable} ({listing.site})" for listing in GATEWAYS.values())
        yield Finding("keys", "none", _NO_KEY.format(ways), check="keys")


def _models(settings: Settings) -> Iterator[Finding]:
    try:
        catalog = Catalog(settings.models, own_models(settings))
        yield Finding("models", f"{len(catalog)} on offer", " ".join(catalog.warnings), "APIXO_MCP_MODELS")
    except ApixoError as error:
        yield Finding("models", "not all can be used", str(error))


def _prices(settings: Settings, path: Path) -> Iterator[Finding]:
    what, variable = "prices (APIXO_MCP_PRICES)", "APIXO_MCP_PRICES"
    try:
        prices = load_prices(path)
        catalog, _ = own_catalog(settings)
        state = f"{counted(len(prices), 'model')} in {path}"
        yield Finding(what, state, " ".join(catalog.price_warnings), variable)
    except ApixoError as error:
        yield Finding(what, "cannot be used", str(error), variable)
