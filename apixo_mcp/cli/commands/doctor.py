"""`doctor`: looks at settings, keys, gateways, folders and hosts, and says what to fix."""

import os
import sys
from collections.abc import AsyncIterator

import anyio
import click

from apixo_mcp import __version__
from apixo_mcp.cli.checks.examination import examined
from apixo_mcp.cli.checks.finding import Finding, of_check
from apixo_mcp.cli.process.start import errors_told
from apixo_mcp.cli.terminal.interrupts import Interrupts
from apixo_mcp.cli.terminal.printing import say, say_json
from apixo_mcp.net.http import Http


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
    unwritten: list[OSError] = []

    async def examine() -> None:
        async for finding in _examined_remote(url, token) if url else examined():
            findings.append(finding)
            if as_json or unwritten:
                continue
            try:
                _tell(finding)
            except OSError as error:  # such as `| head`: what the checks hold open is let go of only where they end
                unwritten.append(error)

    interrupts = Interrupts()
    with errors_told(), interrupts.heard():
        anyio.run(examine)
    if unwritten:
        raise unwritten[0]
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


async def _examined_remote(url: str, token: str) -> AsyncIterator[Finding]:
    """Tries a server over HTTP. What it needs is loaded here: few ask for it."""
    from apixo_mcp.cli.checks.remote import Remote

    async with Http() as http:
        async for finding in of_check("remote", Remote(http, url, token).findings()):
            yield finding
