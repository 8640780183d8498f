"""How people and their clients sign in, put together."""

from starlette.routing import BaseRoute

from apixo_mcp.app import App
from apixo_mcp.owners.browsers import Browsers
from apixo_mcp.owners.clients import Clients
from apixo_mcp.owners.consent import Consent
from apixo_mcp.owners.documents import ClientDocuments
from apixo_mcp.owners.entrance import Entrance
from apixo_mcp.owners.issuing import Issuing
from apixo_mcp.server.http.addresses import ServerAddresses
from apixo_mcp.server.http.sign_in.authorization import Endpoints
from apixo_mcp.server.http.sign_in.consent_page import SignInPage
from apixo_mcp.server.http.sign_in.metadata import metadata_routes
from apixo_mcp.server.http.sign_in.provider import SignIn


def entrance_of(app: App) -> Entrance:
    """Returns what tells whom a token lets in."""
    settings = app.settings
    if not settings.auth_issuer:
        return Entrance(app.owners, app.sign_ins)
    # Imported here: it takes a library of its own.
    from apixo_mcp.owners.issuer import ForeignIssuer

    issuer = ForeignIssuer(app.http, app.owners, settings.auth_issuer, settings.auth_audience, settings.auth_claim)
    return Entrance(app.owners, app.sign_ins, issuer)


def sign_in_routes(app: App, addresses: ServerAddresses) -> list[BaseRoute]:
    """Returns the routes by which people and their clients sign in."""
    sign_in = SignIn(
        registered=Clients(app.sign_ins),
        documents=ClientDocuments(app.http),
        consent=Consent(app.sign_ins, app.seal),
        issuing=Issuing(app.sign_ins),
        secret=app.seal,
    )
    browsers = Browsers(app.owners, app.sign_ins, app.seal)
    return [
        *metadata_routes(app, addresses),
        *Endpoints(sign_in, addresses, app.telemetry).routes(),
        *SignInPage(sign_in, browsers, addresses, app.telemetry).routes(),
    ]
