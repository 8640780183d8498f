"""What the gateways say of the keys that are set, which way leads to them, and what is between. Nothing is spent."""

import time
from collections.abc import AsyncIterator, Collection
from urllib.parse import urlsplit

from apixo_mcp.app import App
from apixo_mcp.cli.checks.clock import clock_finding
from apixo_mcp.cli.checks.finding import Finding
from apixo_mcp.errors import HostRefused, SettingRefused
from apixo_mcp.gateways.directory import GATEWAYS, Listing
from apixo_mcp.gateways.gateway import Balance
from apixo_mcp.net.certificates import tls_context
from apixo_mcp.net.guard import check_name, check_url
from apixo_mcp.net.presented import presented
from apixo_mcp.net.proxies import is_loopback, proxy_for
from apixo_mcp.net.response import Answered, host_of
from apixo_mcp.views.faces import SHELL, advice_of

_OWN_KEY = "Set it for the server and for this command alike; `apixo-mcp owners set NAME` names another place."
_OPENED = (
    "Something on the way opens https and signs it anew (a company's proxy, a virus scanner). Have whoever runs it let "
    "{host} through, or save its certificate as a PEM file and name that in SSL_CERT_FILE, in the server's env too."
)
_CONNECTION = "this machine's connection to the internet; where only a proxy leads there, set HTTPS_PROXY"
_ASKED_WITHIN = 10.0  # seconds


async def account_findings(app: App, unusable: Collection[str] = ()) -> AsyncIterator[Finding]:
    """Yields of each gateway whether it is reached, takes the key, and what is left there.

    Args:
        app: the running program.
        unusable: the variables that say nothing; a gateway whose address is among them is left out.
    """
    for listing in GATEWAYS.values():
        if listing.base_url_variable not in unusable:
            yield await _account(app, listing)
    async for finding in _own_keys(app):
        yield finding


async def way_findings(app: App) -> AsyncIterator[Finding]:
    """Yields the way to each gateway that is used: through which proxy, and who signs what comes back."""
    for listing in GATEWAYS.values():
        if account := app.accounts.get(listing.name):
            async for finding in _way(account.base_url, listing):
                yield finding


async def clock_findings(app: App) -> AsyncIterator[Finding]:
    """Yields this machine's clock beside that of the first gateway that tells the time, by a request without a key."""
    for listing in GATEWAYS.values():
        if (account := app.accounts.get(listing.name)) is None:
            continue
        before = time.time()
        reply = await app.http.call("GET", account.base_url, headers={}, read_timeout=_ASKED_WITHIN)
        if isinstance(reply, Answered):
            of = host_of(account.base_url)
            finding = clock_finding(reply.headers.get("date", ""), before, time.time(), of)
            if finding is not None:
                yield finding
                return


async def _way(url: str, listing: Listing) -> AsyncIterator[Finding]:
    parts = urlsplit(url)
    host, what = parts.hostname or "", f"way to {listing.name}"
    try:
        proxy = proxy_for(parts.scheme, host, parts.port)
        if proxy is not None:
            yield Finding(what, f"through the proxy of {proxy.variable}", variable=proxy.variable)
        elif parts.scheme == "https":
            seen = await presented(host, parts.port or 443)
            if seen is not None and (seen.problem or seen.is_intercepted):
                state = f"the certificate of {host} is refused: {seen.problem}"
                if seen.is_intercepted:
                    state = (
                        f"https to {host} is opened on its way, by {seen.issuer}, whose certificate this system trusts"
                    )
                yield Finding(what, state, _OPENED.format(host=host) if seen.problem else "", "SSL_CERT_FILE")
            elif seen is not None:
                yield Finding(what, f"directly; its certificate is of {seen.issuer}")
        elif not is_loopback(host):
            fix = f"Begin {listing.base_url_variable} with https://, or take it out."
            yield Finding(what, f"{url} has no TLS: the key can be read on the way", fix, listing.base_url_variable)
    except SettingRefused:
        return  # told of the settings


async def _own_keys(app: App) -> AsyncIterator[Finding]:
    """Tells of each key that an owner has of their own whether it can be read from here."""
    for known in await app.owners.all():
        if known.revoked_at is not None:
            continue
        problems = app.key_problems(known.owner)
        for gateway, source in known.owner.keys.items():
            what = f"key of {known.owner.name} on {gateway}"
            yield Finding(what, problems.get(gateway, f"read from {source}"), _OWN_KEY if gateway in problems else "")


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
                if failure.code == "NO_ANSWER":
                    if variable == address and url == listing.base_url:
                        variable = ""  # nobody set the address
                    advice = f"Check {variable or _CONNECTION}. {advice}"
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
