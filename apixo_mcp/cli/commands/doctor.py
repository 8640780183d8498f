"""`doctor`: looks at settings, keys, gateways and folders, and says what to fix."""

import os
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import anyio
import click

from apixo_mcp import __version__
from apixo_mcp.app import App, open_app
from apixo_mcp.catalog.own import own_catalog, own_models
from apixo_mcp.catalog.prices import load_prices
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.cli.checks.finding import Finding
from apixo_mcp.cli.process.start import errors_told, start_logging
from apixo_mcp.cli.requests.folders import trouble_with
from apixo_mcp.cli.terminal.interrupts import Interrupts
from apixo_mcp.cli.terminal.printing import say, say_json
from apixo_mcp.errors import ApixoError, HostRefused, SettingRefused, SettingsError, Unreachable
from apixo_mcp.gateways.directory import GATEWAYS, Listing
from apixo_mcp.gateways.gateway import Balance
from apixo_mcp.net.certificates import tls_context, unusable_certificates
from apixo_mcp.net.guard import check_name, check_url
from apixo_mcp.net.http import Http
from apixo_mcp.net.proxies import proxy_for, unusable_proxies
from apixo_mcp.net.response import Answered, host_of
from apixo_mcp.outside.set_up import why_not_called_back
from apixo_mcp.outside.tunnel import Tunnel
from apixo_mcp.settings import Settings, read_settings
from apixo_mcp.views.faces import SHELL, advice_of, error_text
from apixo_mcp.views.troubles import missing
from apixo_mcp.views.words import counted, in_zone
from apixo_mcp.webhooks.sender import WebhookLimits, why_not_signed

_NO_KEY = (
    "Set {}: in a shell for the commands, and in the `env` of this server in a client's configuration for the client. "
    "`apixo-mcp demo` needs none."
)


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--remote", "url", metavar="URL", help="Try a server over HTTP in place of this machine, as hosts do.")
@click.option("--token-env", metavar="VAR", help="With --remote: the variable that holds the token of an owner.")
def doctor(as_json: bool, url: str | None, token_env: str | None) -> None:
    """Look at settings, keys, gateways and folders, and say what to fix; ends with 1 where something is to be fixed."""
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
            yield Finding("settings", line, f"Set {variable} to what is allowed, or take it out.", variable)
        return
    start_logging(settings)
    async for finding in _findings(settings):
        yield finding


async def _examined_remote(url: str, token: str) -> AsyncIterator[Finding]:
    """Tries a server over HTTP. What it needs is loaded here: few ask for it."""
    from apixo_mcp.cli.checks.remote import Remote

    async with Http() as http:
        async for finding in Remote(http, url, token).findings():
            yield finding


_OWN_KEY = "Set it for the server and for this command alike; `apixo-mcp owners set NAME` names another place."


async def _findings(settings: Settings) -> AsyncIterator[Finding]:
    for problem in (*settings.warnings, *unusable_proxies(), *unusable_certificates()):
        fault, *advice = re.split(r"[.;] (?=write|correct)", problem, maxsplit=1, flags=re.IGNORECASE)
        fix = f"{advice[0][:1].upper()}{advice[0][1:].rstrip('.')}." if advice else "Correct it, or take it out."
        yield Finding("settings", fault, fix, problem.split()[0].rstrip(":"))
    yield _folder("data folder", settings.home, "APIXO_MCP_HOME")
    yield _folder("download folder", settings.download_dir, "APIXO_MCP_DOWNLOAD_DIR")
    for root in settings.allowed_roots:
        missing = "" if root.is_dir() else "Make this folder, or take it out of APIXO_MCP_ALLOWED_ROOTS."
        yield Finding("allowed folder", str(root), missing, "APIXO_MCP_ALLOWED_ROOTS")
    yield _models(settings)
    if settings.prices:
        yield _prices(settings, settings.prices)
    try:
        # Without the prices: one bad thing is told once.
        async with open_app(settings.model_copy(update={"prices": None}), follow=False) as app:
            yield Finding("task store", str(settings.home / "tasks.sqlite3"))
            for warning in app.warnings:
                yield Finding("warning", warning, "Everything else works; told for a week, or until its cause is gone.")
            for listing in GATEWAYS.values():
                yield await _account(app, listing)
            async for finding in _own_keys(app):
                yield finding
            if settings.public_url:
                async for finding in _public_url(app):
                    yield finding
            if settings.notify_url:
                yield await _webhooks(app)
            if app.tunnel is not None:
                yield await _tunnel(app.tunnel)
            if not app.key_prints:
                ways = " or ".join(f"{listing.key_variable} ({listing.site})" for listing in GATEWAYS.values())
                yield Finding("keys", "none", _NO_KEY.format(ways))
    except ApixoError as error:
        advice = "See the message; APIXO_MCP_HOME chooses another folder."
        yield Finding("task store", error_text(error, SHELL), advice, "APIXO_MCP_HOME")


async def _own_keys(app: App) -> AsyncIterator[Finding]:
    """Tells of each key that an owner has of their own whether it can be read from here."""
    for known in await app.owners.all():
        if known.revoked_at is not None:
            continue
        problems = app.key_problems(known.owner)
        for gateway, source in known.owner.keys.items():
            what = f"key of {known.owner.name} on {gateway}"
            yield Finding(what, problems.get(gateway, f"read from {source}"), _OWN_KEY if gateway in problems else "")


def _folder(what: str, path: Path, variable: str) -> Finding:
    what = f"{what} ({variable})"
    if why := trouble_with(path):
        advice = f"It cannot be written to: {why}. Correct that, or set {variable} to another folder."
        return Finding(what, str(path), advice, variable)
    return Finding(what, str(path) if path.exists() else f"{path} (made when first needed)", variable=variable)


def _models(settings: Settings) -> Finding:
    try:
        catalog = Catalog(settings.models, own_models(settings))
        return Finding("models", f"{len(catalog)} on offer", " ".join(catalog.warnings), "APIXO_MCP_MODELS")
    except ApixoError as error:
        return Finding("models", "not all can be used", str(error))


def _prices(settings: Settings, path: Path) -> Finding:
    what, variable = "prices (APIXO_MCP_PRICES)", "APIXO_MCP_PRICES"
    try:
        prices = load_prices(path)
        catalog, _ = own_catalog(settings)
        state = f"{counted(len(prices), 'model')} in {path}"
        return Finding(what, state, " ".join(catalog.price_warnings), variable)
    except ApixoError as error:
        return Finding(what, "cannot be used", str(error), variable)


async def _public_url(app: App) -> AsyncIterator[Finding]:
    """Tells whether the gateways' callbacks arrive by the public URL, as far as the task store knows."""
    what, variable = "public URL (APIXO_MCP_PUBLIC_URL)", "APIXO_MCP_PUBLIC_URL"
    url = app.settings.public_url
    known = {one.gateway: one for one in await app.store.arrivals.known() if one.url == url}
    serving = "a server that runs as `apixo-mcp serve --transport http` with it is reached by it, no other"
    if why := why_not_called_back(app.settings):
        state = f"no gateway is asked to call back at {url}, for {why}; tasks are polled"
        yield Finding(what, state, "Set it to an https address that the gateways reach from outside.", variable)
        return
    if not app.accounts:
        yield Finding(what, f"{url}; {serving}", variable=variable)
    for gateway in app.accounts:
        arrivals = known.get(gateway)
        if arrivals is None:
            state = f"no callback of {gateway} has arrived at {url} yet, so its tasks are polled; {serving}"
            yield Finding(what, state, variable=variable)
        elif arrivals.go_on:
            state = f"callbacks of {gateway} arrive at {url}, the last {in_zone(arrivals.arrived_at)}"
            yield Finding(what, state, variable=variable)
        else:
            fix = f"See that a POST to {url}/callbacks/x reaches that server from outside, which answers it with 404."
            yield Finding(what, f"{missing(arrivals)} {serving[0].upper()}{serving[1:]}.", fix, variable)


async def _webhooks(app: App) -> Finding:
    """Tries the address that webhooks go to, without sending one."""
    variable = "APIXO_MCP_NOTIFY_URL"
    what, where = f"webhooks ({variable})", host_of(app.settings.notify_url)
    if why := why_not_signed(app.settings):
        return Finding(what, f"none can be sent to {where}", why, variable)
    within = WebhookLimits().answered_within
    reply = await app.http.deliver("HEAD", app.settings.notify_url, headers={}, within=within)
    if not isinstance(reply, Answered):
        return Finding(what, f"none can be sent: {reply.reason}", f"Correct {variable}, or what it leads to.", variable)
    count = await app.store.outbox.count()
    state = f"{where} answers (HTTP {reply.status} to a HEAD; nothing was told); each end of a task would be sent there"
    waiting = f"; {count.waiting} are waiting" if count.waiting else ""
    fix = f"{count.given_up} were given up in the last days: the log says why." if count.given_up else ""
    return Finding(what, state + waiting, fix, variable)


async def _tunnel(tunnel: Tunnel) -> Finding:
    """Opens the tunnel, sees whether its address leads here, and lets it go."""
    what, variable = "tunnel (APIXO_MCP_TUNNEL)", "APIXO_MCP_TUNNEL"
    say(f"apixo-mcp: trying {tunnel.command.name}, which may take a while", err=True)
    try:
        url = await tunnel.address("doctor")
    except Unreachable as error:
        return Finding(what, str(error), error.fix, variable)
    tunnel.let_go("doctor")
    return Finding(what, f"{tunnel.command.name} leads here by {url}, and is closed again", variable=variable)


async def _account(app: App, listing: Listing) -> Finding:
    account, what = app.accounts.get(listing.name), f"gateway {listing.name}"
    key, address = listing.key_variable, listing.base_url_variable
    if account is None:
        return Finding(what, "no key set", variable=key)
    url = account.base_url
    at = "" if app.settings.allow_private_hosts else _if_private(url)
    match await account.gateway.balance():
        case Balance(amount, currency):
            state = f"{url} answers; balance {amount:.2f} {currency}{at}"
            return Finding(what, state, "" if amount > 0 else "Top up: every submit will be refused.", key)
        case None:
            return Finding(what, f"key set for {url}; it documents no call to try it with{at}", variable=key)
        case failure if failure.category not in ("auth", "insufficient_credits", "rate_limited", "unavailable"):
            # The gateways' main guides have no such call: one that refuses it may take submits all the same.
            state = f"{url} answers; its balance is not known ({failure.message.rstrip('.')}){at}"
            return Finding(what, state, variable=key)
        case failure:
            variable, advice = key, advice_of(failure, SHELL)
            if failure.code in ("NO_ANSWER", "SETTING_UNUSABLE"):
                variable = _way_to(url) or address
                advice = f"Check {variable}. {advice}" if failure.code == "NO_ANSWER" else advice
            elif failure.category == "unavailable":
                variable = address
            return Finding(what, f"{url}: {failure.message}{at}", advice, variable)


def _if_private(url: str) -> str:
    """Says of a private address what becomes of results there while private hosts are not allowed."""
    try:
        check_url(url, allow_private=False)
        check_name(urlsplit(url).hostname or "")
    except HostRefused:
        return (
            "\nThis address is private: results at such addresses are not saved. If that is where they are, set "
            "APIXO_MCP_ALLOW_PRIVATE_HOSTS=1."
        )
    return ""


def _way_to(url: str) -> str:
    """Returns the variable that says how to get to an address, empty where none does."""
    parts = urlsplit(url)
    try:
        proxy = proxy_for(parts.scheme, parts.hostname or "", parts.port)
        if parts.scheme == "https":
            tls_context()
    except SettingRefused as error:
        return error.variable
    return proxy.variable if proxy else ""
