"""Ways in over HTTP, as owners have them."""

from apixo_mcp.app import App
from apixo_mcp.owners.tokens import PREFIX, secret_hash
from apixo_mcp.tasks.owner import Owner


def bearer(owner: Owner) -> dict[str, str]:
    """The header of an owner who was let in by `let_in`."""
    return {"authorization": f"Bearer {PREFIX}{owner.name}"}


async def let_in(app: App, *owners: Owner) -> None:
    """Gives owners a token each."""
    for owner in owners:
        assert await app.owners.add(owner, secret_hash(f"{PREFIX}{owner.name}"))


async def bearer_of(app: App, owner: Owner) -> dict[str, str]:
    """Gives an owner a token, and returns the header that goes with it."""
    await let_in(app, owner)
    return bearer(owner)
