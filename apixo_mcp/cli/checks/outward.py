"""What is reached from outside, or told to it: the public URL, webhooks, the tunnel."""

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from apixo_mcp.app import App
from apixo_mcp.cli.checks import answers
from apixo_mcp.cli.checks.finding import Finding
from apixo_mcp.cli.terminal.printing import say
from apixo_mcp.errors import Unreachable
from apixo_mcp.net.response import Answered, host_of
from apixo_mcp.outside.set_up import why_not_called_back
from apixo_mcp.outside.tunnel import Tunnel
from apixo_mcp.views.troubles import missing
from apixo_mcp.views.words import in_zone
from apixo_mcp.webhooks.sender import WebhookLimits, why_not_signed

_PUBLIC = "APIXO_MCP_PUBLIC_URL"
_ASKED_WITHIN = 15.0  # seconds
_FROM_HERE = "Asked from this machine, some routers lead no way back in: then try it from elsewhere."


async def public_url_findings(app: App) -> AsyncIterator[Finding]:
    """Yields whether the gateways' callbacks arrive by the public URL, as far as the task store knows."""
    what, variable = f"public URL ({_PUBLIC})", _PUBLIC
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


async def callback_findings(app: App) -> AsyncIterator[Finding]:
    """Yields whether the route of callbacks answers under the public name, as a gateway would find it.

    The callback that is sent there is of no task, and the server answers it with 404.
    """
    url, what = app.settings.public_url, "callback route"
    health = answers.health(await app.http.call("GET", f"{url}/healthz", headers={}, read_timeout=_ASKED_WITHIN))
    if health.fix:
        state = f"{url} is not answered by this server ({health.state}), so no callback and no input file gets through"
        serve = "Start `apixo-mcp serve --transport http` behind it."
        yield Finding(what, state, f"{health.fix} {serve} {_FROM_HERE}", _PUBLIC)
        return
    path = f"{url}/callbacks/doctor"
    reply = await app.http.call("POST", path, headers={}, json={}, read_timeout=_ASKED_WITHIN)
    if isinstance(reply, Answered) and reply.status == 404 and not reply.body:
        yield Finding(what, f"{health.state} at {url}, and takes callbacks there", variable=_PUBLIC)
        return
    if isinstance(reply, Answered) and reply.status == 404:
        state = f"the server at {url} takes no callbacks"
        yield Finding(what, state, f"Set {_PUBLIC} for that server too, and start it again.", _PUBLIC)
        return
    reading = answers.trouble(reply, expected=())
    state = reading.state if reading else "it is answered by something else"
    fix = f"Let the proxy hand on POST {urlsplit(path).path.removesuffix('/doctor')}/… without a sign-in. {_FROM_HERE}"
    yield Finding(what, f"a POST to {path} does not arrive: {state}", fix, _PUBLIC)


async def webhook_finding(app: App) -> Finding:
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


async def tunnel_finding(tunnel: Tunnel) -> Finding:
    """Opens the tunnel, sees whether its address leads here, and lets it go."""
    what, variable = "tunnel (APIXO_MCP_TUNNEL)", "APIXO_MCP_TUNNEL"
    say(f"apixo-mcp: trying {tunnel.command.name}, which may take a while", err=True)
    try:
        url = await tunnel.address("doctor")
    except Unreachable as error:
        return Finding(what, str(error), error.fix, variable)
    tunnel.let_go("doctor")
    return Finding(what, f"{tunnel.command.name} leads here by {url}, and is closed again", variable=variable)
