"""All that is looked at on this machine, in its order.

A setting or a task store that cannot be used is a finding like another: whatever does not need it is looked at all the
same, with a folder in its place that is deleted afterwards.
"""

import os
import re
from collections.abc import AsyncIterator, Collection, Iterator, Set
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr

from apixo_mcp.app import App, open_app
from apixo_mcp.cli.checks.bucket import bucket_findings
from apixo_mcp.cli.checks.finding import Finding, of_check
from apixo_mcp.cli.checks.folders import disk_findings, folder_findings
from apixo_mcp.cli.checks.gateways import account_findings, clock_findings, way_findings
from apixo_mcp.cli.checks.hosts import host_findings
from apixo_mcp.cli.checks.keys import key_findings
from apixo_mcp.cli.checks.offers import model_findings, price_findings
from apixo_mcp.cli.checks.outward import callback_findings, public_url_findings, tunnel_finding, webhook_finding
from apixo_mcp.cli.process.start import start_logging
from apixo_mcp.cli.requests.targets import this_machine
from apixo_mcp.errors import ApixoError, SchemaTooNew
from apixo_mcp.gateways.directory import GATEWAYS
from apixo_mcp.installation import updating
from apixo_mcp.net.certificates import unusable_certificates
from apixo_mcp.net.proxies import unusable_proxies
from apixo_mcp.settings import Settings, usable_settings, variable_of
from apixo_mcp.views.faces import SHELL, error_text

_HOME, _DATABASE = "APIXO_MCP_HOME", "APIXO_MCP_DATABASE_URL"
_NO_KEY = (
    "Set {}: in a shell for the commands, and in the `env` of this server in a client's configuration for the client. "
    "`apixo-mcp demo` needs none."
)
_END_OTHERS = (
    "Another program holds the file: end what copies or examines it (a backup, a database browser, a synchronised "
    f"folder), or set {_HOME} to a folder that nothing else touches."
)
_OF_KEY_STORE = re.compile(r"[.;] (?=Install|Start|Unlock)")
_OF_WARNING = re.compile(r"[.;] (?=write|correct)", re.IGNORECASE)
_KEY_PLACES = {"APIXO_MCP_KEYRING", *(listing.base_url_variable for listing in GATEWAYS.values())}
"""Variables without which it is not known whether there is a key to use."""


async def examined() -> AsyncIterator[Finding]:
    """Yields what is found of settings, keys, folders, models, the task store, gateways and hosts."""
    with TemporaryDirectory(prefix="apixo-mcp-", ignore_cleanup_errors=True) as folder:
        stand_in = Path(folder)
        settings, problems = usable_settings(stand_in)
        unusable = {variable_of(line) for line in problems}
        for line in problems:
            yield _unusable(line)
        start_logging(settings)
        knows_models = not unusable & {_HOME, "APIXO_MCP_MODELS"}  # models of one's own lie in the data folder
        has_prices = settings.prices is not None and _HOME not in unusable
        for check, findings in (
            ("settings", _odd_settings(settings)),
            ("keys", key_findings(settings)),
            ("folders", folder_findings(settings, unusable)),
            ("disk", disk_findings(settings, unusable)),
            ("models", model_findings(settings) if knows_models else ()),
            ("prices", price_findings(settings, settings.prices) if has_prices and settings.prices else ()),
            ("bucket", bucket_findings(settings) if settings.results else ()),
            ("store", _with_store(settings, unusable, stand_in)),
            # Hosts start servers on stdio, which a database is not for: a machine that has one set serves over HTTP.
            ("hosts", () if settings.database_url or _DATABASE in unusable else host_findings(this_machine())),
        ):
            async for finding in of_check(check, findings):
                yield finding


def _unusable(line: str) -> Finding:
    variable = variable_of(line)
    can_be_left_out = variable in {name.upper() for name in os.environ}
    fix = f"Set {variable} to what is allowed{', or take it out' if can_be_left_out else ''}."
    return replace(_with_advice(line, _OF_KEY_STORE, fix), check="settings")


def _odd_settings(settings: Settings) -> Iterator[Finding]:
    for problem in (*settings.warnings, *unusable_proxies(), *unusable_certificates()):
        yield _with_advice(problem, _OF_WARNING, "Correct it, or take it out.")


def _with_advice(problem: str, advice_follows: re.Pattern[str], otherwise: str) -> Finding:
    """Returns a finding of a text that begins with its variable and may end in advice."""
    fault, *advice = advice_follows.split(problem, maxsplit=1)
    fix = f"{advice[0][:1].upper()}{advice[0][1:].rstrip('.')}." if advice else otherwise
    return Finding("settings", fault, fix, problem.split()[0].rstrip(":"))


async def _with_store(settings: Settings, unusable: Set[str], stand_in: Path) -> AsyncIterator[Finding]:
    """Yields what the task store says of itself, and all that is asked with one open, be it an empty one."""
    shares_folder = not settings.results
    # Opened without the prices and the bucket: one bad thing is told once.
    settings = settings.model_copy(update={"prices": None, "results": ""})
    if not unusable & {_HOME, _DATABASE}:  # else another store would be looked at than the one that is set
        is_open = False
        try:
            async with open_app(settings, follow=False) as app:
                is_open = True
                yield Finding("task store", app.store_told)
                if settings.database_url:
                    # Imported here: it takes what an extra brings, as the store did that has just opened.
                    from apixo_mcp.cli.checks.database import database_findings

                    async for finding in of_check("database", database_findings(app, shares_folder=shares_folder)):
                        yield finding
                for warning in app.warnings:
                    fix = "Everything else works; told for a week, or until its cause is gone."
                    yield Finding("warning", warning, fix)
                async for finding in _outside(app, unusable):
                    yield finding
        except SchemaTooNew as error:
            update = f"Update this program ({updating()}), or set {_variable_of_store(settings)} to another place."
            yield Finding("task store", error_text(error, SHELL), update, _variable_of_store(settings))
        except ApixoError as error:
            fault, advice = error_text(error, SHELL), ""
            if settings.database_url:
                said, _, last = fault.rpartition(". ")  # what is to be done comes last, where anything is known
                fault, advice = (said, last) if said else (fault, "See the message.")
            elif "locked" in str(error.__cause__ or ""):
                advice = _END_OTHERS
            else:
                advice = f"See the message; {_HOME} chooses another folder."
            yield Finding("task store", fault, advice, _variable_of_store(settings))
        if is_open:
            return
    async with open_app(
        settings.model_copy(update={"home": stand_in, "database_url": SecretStr("")}), follow=False
    ) as app:
        async for finding in _outside(app, {*unusable, _HOME}):
            yield finding


def _variable_of_store(settings: Settings) -> str:
    return _DATABASE if settings.database_url else _HOME


async def _outside(app: App, unusable: Collection[str]) -> AsyncIterator[Finding]:
    settings = app.settings
    checks = [("gateways", account_findings(app, unusable)), ("tls", way_findings(app)), ("clock", clock_findings(app))]
    if settings.public_url:
        if _HOME not in unusable:  # the task store knows which callbacks arrived
            checks.append(("public-url", public_url_findings(app)))
        checks.append(("callbacks", callback_findings(app)))
    for check, findings in checks:
        async for finding in of_check(check, findings):
            yield finding
    if settings.notify_url and "APIXO_MCP_NOTIFY_SECRET" not in unusable:
        yield replace(await webhook_finding(app), check="webhooks")
    if app.tunnel is not None:
        yield replace(await tunnel_finding(app.tunnel), check="tunnel")
    if not app.key_prints and not _KEY_PLACES.intersection(unusable):
        ways = " or ".join(f"{listing.key_variable} ({listing.site})" for listing in GATEWAYS.values())
        yield Finding("keys", "none", _NO_KEY.format(ways), check="keys")
