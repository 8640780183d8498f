"""`owners add`, `list`, `set`, `rotate`, `revoke` and `invite`: who may come in over HTTP, and what they may spend."""

import json
import sys
import time
from collections.abc import Sequence
from typing import Any

import click

from apixo_mcp.app import App
from apixo_mcp.cli.process.run import with_app
from apixo_mcp.cli.requests.terms import NONE, amount, changed, terms
from apixo_mcp.cli.terminal.printing import say, say_json, width_of
from apixo_mcp.cli.terminal.text import laid_out, on_one_line
from apixo_mcp.errors import NotFound, SettingsError
from apixo_mcp.owners.audited import terms_words
from apixo_mcp.owners.names import why_not
from apixo_mcp.owners.store import EntryKind, KnownOwner, SignInEntry
from apixo_mcp.owners.tokens import new_secret, new_token, secret_hash
from apixo_mcp.tasks.owner import Owner, Scope
from apixo_mcp.tasks.ports.lookups import TaskQuery
from apixo_mcp.telemetry.facts import OwnerChanged
from apixo_mcp.views.owners import owner_line, owner_structure

INVITED_FOR = 7 * 86400.0

_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


@click.command("add")
@click.argument("name")
@terms
@_json
def add_and_tell(name: str, as_json: bool, **given: Any) -> None:
    """Add an owner, and print the token that lets them in. It is printed this once; only its hash is kept."""
    if problem := why_not(name):
        raise click.BadParameter(problem, param_hint="NAME")
    owner, token = changed(Owner(name, Scope.GENERATE), given), new_token()

    async def work(app: App) -> None:
        _warn(app, owner)
        if not await app.owners.add(owner, secret_hash(token)):
            raise _taken(next(one for one in await app.owners.all() if one.owner.name.casefold() == name.casefold()))

    with_app(work)
    _tell_token(owner, token, "was added", as_json)


def _taken(near: KnownOwner) -> SettingsError:
    called = near.owner.name
    if near.revoked_at is None:
        return SettingsError(
            f"There is an owner {called} already: `apixo-mcp owners set {called}` changes what they may."
        )
    return SettingsError(
        f"{called} was revoked, and their tasks are kept for them: `apixo-mcp owners rotate {called}` lets them in "
        "again. Give anybody else another name."
    )


def _tell_token(owner: Owner, token: str, what: str, as_json: bool) -> None:
    if as_json:
        say_json({"owner": owner.name, "token": token})
        return
    say(f"{owner.name} {what}: {terms_words(owner)}.", err=True)
    say("Their token, shown this once; a client sends it as the header `Authorization: Bearer …`:", err=True)
    say(token)


def _warn(app: App, owner: Owner) -> None:
    """Says what of the terms will not do what it seems to."""
    for problem in app.catalog.unmatched(owner.models):
        say(f"apixo-mcp: {problem}", err=True)
    for gateway, why in app.key_problems(owner).items():
        say(f"apixo-mcp: the key of {owner.name} on {gateway} cannot be read from here: {why}", err=True)


@click.command("list")
@_json
def list_owners(as_json: bool) -> None:
    """List the owners: what they may do, and what they have spent."""

    async def work(app: App) -> Sequence[dict[str, Any]]:
        return [await _structure(app, known) for known in await app.owners.all()]

    owners = with_app(work)
    if as_json:
        say_json({"owners": owners})
        return
    columns = width_of(sys.stdout) if sys.stdout.isatty() else None
    for told in owners:
        say(laid_out(tuple(map(on_one_line, owner_line(told))), columns))
    if not owners:
        say("There are no owners yet: `apixo-mcp owners add NAME` makes one.", err=True)


async def _structure(app: App, known: KnownOwner) -> dict[str, Any]:
    newest = await app.store.page(known.owner, TaskQuery(limit=1))
    spent = await app.store.spent(known.owner)
    return owner_structure(known, spent, time.time(), newest[0].created_at if newest else None)


@click.command("set")
@click.argument("name")
@terms
@click.option(
    "--raise",
    "raised",
    metavar="USD",
    callback=amount(float),
    help="Dollars more for today alone; none takes that back.",
)
@_json
def set_terms(name: str, raised: float | str | None, as_json: bool, **given: Any) -> None:
    """Change what an owner may do, at once and for every server on this task store; without options, show it."""
    is_change = raised is not None or any(value is not None for value in given.values())

    def as_given(owner: Owner) -> Owner:
        owner = changed(owner, given)
        return owner if raised is None else _raised(owner, raised)

    async def work(app: App) -> dict[str, Any]:
        await _known(app, name)
        if is_change and (owner := await app.owners.change(name, as_given)):
            _warn(app, owner)
        return await _structure(app, await _known(app, name))

    told = with_app(work)
    if as_json or not is_change:
        say_json(told)
    else:
        say("  ".join(map(on_one_line, owner_line(told))))


def _raised(owner: Owner, raised: float | str) -> Owner:
    if raised == NONE:
        return owner.lowered(time.time())
    if owner.budget.daily_usd is None and owner.budget.monthly_usd is None:
        raise click.BadParameter(f"{owner.name} has no budget that could be raised", param_hint="--raise")
    return owner.raised_by(float(raised), time.time())


@click.command("rotate")
@click.argument("name")
@_json
def rotate(name: str, as_json: bool) -> None:
    """Give an owner another token: the one before ends at once. It lets in again who was revoked."""
    token = new_token()

    async def work(app: App) -> KnownOwner:
        known = await _known(app, name)
        await app.owners.set_token(name, secret_hash(token))
        return known

    before = with_app(work)
    what = "has another token" if before.revoked_at is None else "may come in again, with another token"
    _tell_token(before.owner, token, what, as_json)


@click.command("revoke")
@click.argument("name")
@_json
def revoke(name: str, as_json: bool) -> None:
    """End every way in of an owner, at once. What was sent for them is saved; what was not is not sent."""

    async def work(app: App) -> None:
        await _known(app, name)
        await app.owners.revoke(name)

    with_app(work)
    if as_json:
        say_json({"owner": name, "revoked": True})
    else:
        say(f"{name} cannot come in any more. What was sent is followed and saved; what was not sent will not be.")


@click.command("invite")
@click.argument("name")
@click.option("--url", default="", help="The server's public URL, in place of APIXO_MCP_PUBLIC_URL.")
@_json
def invite(name: str, url: str, as_json: bool) -> None:
    """Print a link by which an owner signs in, once, within 7 days: for clients that know no tokens."""
    secret = new_secret()

    async def work(app: App) -> str:
        known = await _known(app, name)
        if known.revoked_at is not None:
            raise SettingsError(f"{name} was revoked: `apixo-mcp owners rotate {name}` lets them in again.")
        public_url = (url or app.settings.public_url).rstrip("/")
        if not public_url:
            raise SettingsError("An invitation leads to the server: set APIXO_MCP_PUBLIC_URL, or give --url.")
        value = json.dumps({"owner": name})
        # It is their own: a revocation ends it too.
        entry = SignInEntry(EntryKind.INVITATION, secret_hash(secret), value, name)
        await app.sign_ins.put(entry, INVITED_FOR)
        app.telemetry.emit(OwnerChanged(name, "invited"))
        return f"{public_url}/sign-in/{secret}"

    link = with_app(work)
    if as_json:
        say_json({"owner": name, "link": link, "days": int(INVITED_FOR // 86400)})
        return
    say(f"A link for {name} alone, good once, for 7 days:", err=True)
    say(link)


async def _known(app: App, name: str) -> KnownOwner:
    """Finds an owner, revoked or not.

    Raises:
        NotFound: there is none of that name.
    """
    owners = await app.owners.all()
    known = next((one for one in owners if one.owner.name == name), None)
    if known is None:
        names = ", ".join(one.owner.name for one in owners[:20])
        hint = f"There are {names}." if names else "There are no owners yet."
        raise NotFound(f"There is no owner {name!r}. {hint} `apixo-mcp owners add NAME` makes one.")
    return known
