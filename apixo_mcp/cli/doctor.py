"""`doctor`: looks at settings, keys, gateways and folders, and says what to mend."""

import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import anyio
import click

from apixo_mcp import __version__
from apixo_mcp.app import App, open_app, own_catalog, own_models
from apixo_mcp.catalog.registry import Catalog
from apixo_mcp.cli.start import errors_told, settings_or_exit
from apixo_mcp.cli.words import counted, in_shell
from apixo_mcp.errors import ApixoError
from apixo_mcp.gateways.gateway import Balance
from apixo_mcp.gateways.http_certificates import unusable_certificates
from apixo_mcp.gateways.proxies import unusable_proxies
from apixo_mcp.settings import Settings
from apixo_mcp.usage.prices import load_prices


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        mend: what to do about it; empty where it is well.
    """

    what: str
    said: str
    mend: str = ""


def run_doctor() -> None:
    """Prints a line a finding; ends with 1 where something needs mending."""
    settings = settings_or_exit()
    click.echo(f"apixo-mcp {__version__}, Python {sys.version.split()[0]}, {sys.executable}")

    async def examine() -> bool:
        healthy = True
        async for finding in _findings(settings):
            click.echo(f"{'ok  ' if not finding.mend else 'MEND'}  {finding.what}: {finding.said}")
            if finding.mend:
                click.echo(f"      {in_shell(finding.mend)}")
                healthy = False
        return healthy

    with errors_told():
        healthy = anyio.run(examine)
    if not healthy:
        raise SystemExit(1)


async def _findings(settings: Settings) -> AsyncIterator[Finding]:
    for problem in (*settings.warnings, *unusable_proxies(), *unusable_certificates()):
        yield Finding("settings", problem, "Correct it, or take it out.")
    yield _folder("data folder (APIXO_MCP_HOME)", settings.home)
    yield _folder("download folder (APIXO_MCP_DOWNLOAD_DIR)", settings.download_dir)
    for root in settings.allowed_roots:
        missing = "" if root.is_dir() else "Make this folder, or take it out of APIXO_MCP_ALLOWED_ROOTS."
        yield Finding("allowed folder", str(root), missing)
    yield _models(settings)
    if settings.prices:
        yield _prices(settings, settings.prices)
    try:
        # Without the prices: one bad thing is told once.
        async with open_app(settings.model_copy(update={"prices": None}), follow=False) as app:
            yield Finding("task store", str(settings.home / "tasks.sqlite3"))
            for warning in app.warnings:
                yield Finding("warning", warning, "Everything else works; told for a week, or until its cause is gone.")
            for name in ("apixo", "ruxa"):
                yield await _account(app, name)
            if not app.accounts:
                yield Finding("keys", "none", "Set APIXO_API_KEY (https://apixo.ai) or RUXA_API_KEY (https://ruxa.ai).")
    except ApixoError as error:
        yield Finding("task store", str(error), "See the message; APIXO_MCP_HOME chooses another folder.")


def _folder(what: str, path: Path) -> Finding:
    nearest = next(parent for parent in (path, *path.parents) if parent.exists())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        return Finding(what, str(path), f"{nearest} cannot be written to; mend that or set another folder.")
    return Finding(what, str(path) if path.exists() else f"{path} (made when first needed)")


def _models(settings: Settings) -> Finding:
    try:
        catalog = Catalog(settings.models, own_models(settings))
        return Finding("models", f"{len(catalog)} on offer", " ".join(catalog.warnings))
    except ApixoError as error:
        return Finding("models", "not all can be used", str(error))


def _prices(settings: Settings, path: Path) -> Finding:
    try:
        prices = load_prices(path)
        catalog, _ = own_catalog(settings)
        said = f"{counted(len(prices), 'model')} in {path}"
        return Finding("prices (APIXO_MCP_PRICES)", said, " ".join(catalog.price_warnings))
    except ApixoError as error:
        return Finding("prices (APIXO_MCP_PRICES)", "cannot be used", str(error))


async def _account(app: App, name: str) -> Finding:
    account = app.accounts.get(name)
    if account is None:
        return Finding(f"gateway {name}", "no key set")
    match await account.gateway.balance():
        case Balance(amount, currency):
            said = f"{account.gateway.base_url} answers; balance {amount:.2f} {currency}"
            return Finding(f"gateway {name}", said, "" if amount > 0 else "Top up: every submit will be refused.")
        case None:
            return Finding(
                f"gateway {name}", f"key set for {account.gateway.base_url}; it documents no call to try it with"
            )
        case failure if failure.category not in ("auth", "insufficient_credits", "rate_limited", "unavailable"):
            # The gateways' main guides have no such call: one that refuses it may take submits all the same.
            reason = failure.message.rstrip(".")
            return Finding(
                f"gateway {name}", f"{account.gateway.base_url} answers; its balance is not known ({reason})"
            )
        case failure:
            return Finding(f"gateway {name}", f"{account.gateway.base_url}: {failure.message}", failure.advice)
