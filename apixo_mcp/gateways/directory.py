"""The one table of gateways. Imports nothing of ours: settings, catalog and the early stage read it too.

A new gateway is a line here and a module with its class (`gateways.client.Client` has what they share). Everything else
that is about gateways reads this table when it is asked: variables, near misses, `doctor`, advice, models.
"""

TYPE_CHECKING = False  # that of `typing`, which the early stage does not load
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Listing:
    """What is known of a gateway before it is asked anything.

    Attributes:
        name: ours, in lower case; tasks keep it.
        title: for people.
        client: module and class, imported once there is a key.
        base_url: where it is reached unless its variable says otherwise.
        site: where keys are made and credits are bought.
        bare_ids: whether the ids of its models go without its name; all others begin with `<name>/`.
        takes_provider: whether it knows the argument `provider`.
        result_hours: how long the URLs of its results live, None where no document says.
    """

    __slots__ = ("bare_ids", "base_url", "client", "name", "result_hours", "site", "takes_provider", "title")

    def __init__(
        self,
        name: str,
        title: str,
        client: str,
        base_url: str,
        site: str,
        *,
        bare_ids: bool = False,
        takes_provider: bool = False,
        result_hours: float | None = None,
    ) -> None:
        self.name = name
        self.title = title
        self.client = client
        self.base_url = base_url
        self.site = site
        self.bare_ids = bare_ids
        self.takes_provider = takes_provider
        self.result_hours = result_hours

    @property
    def prefix(self) -> str:
        """The beginning of its variables."""
        return f"{self.name.upper()}_"

    @property
    def key_variable(self) -> str:
        """The variable that holds the API key."""
        return f"{self.prefix}API_KEY"

    @property
    def base_url_variable(self) -> str:
        """The variable that holds the base URL."""
        return f"{self.prefix}BASE_URL"

    @property
    def id_prefix(self) -> str:
        """The beginning of its models' ids."""
        return "" if self.bare_ids else f"{self.name}/"

    def load(self) -> "Callable[..., Any]":
        """Imports the class, which is made of the process's connections, a key and a base URL."""
        from importlib import import_module  # the early stage needs none

        module, _, name = self.client.partition(":")
        return getattr(import_module(module), name)


GATEWAYS = {
    listing.name: listing
    for listing in (
        Listing(
            *("apixo", "APIXO", "apixo_mcp.gateways.apixo:Apixo", "https://api.apixo.ai", "https://apixo.ai"),
            bare_ids=True,
            takes_provider=True,
            result_hours=24,
        ),
        Listing("ruxa", "Ruxa AI", "apixo_mcp.gateways.ruxa:Ruxa", "https://api.ruxa.ai", "https://ruxa.ai/dashboard"),
    )
}
"""By name, in the order in which they are told of; the first is named where one example is enough."""


def main_gateway() -> Listing:
    """Returns the gateway that is named where one example is enough."""
    return next(iter(GATEWAYS.values()))


def key_variables() -> str:
    """Names the variables one of which has to be set, as part of a sentence."""
    return " or ".join(listing.key_variable for listing in GATEWAYS.values())
