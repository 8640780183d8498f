"""How this process is reached from outside, by its settings. What a tunnel takes is loaded only where one is set."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from anyio import to_thread

from apixo_mcp.media.inputs.input_links import InputFiles, InputLinks
from apixo_mcp.media.inputs.uploads import UPLOADS_FOLDER
from apixo_mcp.media.inputs.ways import Way
from apixo_mcp.media.kinds import Kind
from apixo_mcp.media.roots import Roots
from apixo_mcp.net.http import Http
from apixo_mcp.outside.limits import LOOPBACK, TunnelLimits
from apixo_mcp.outside.private import are_imitations, is_private
from apixo_mcp.settings import Settings
from apixo_mcp.tasks.callbacks import Addresses
from apixo_mcp.tasks.ports.store import Store
from apixo_mcp.tasks.running.reach import NoReach, Reach
from apixo_mcp.tasks.task import TUNNELLED

if TYPE_CHECKING:
    from apixo_mcp.media.bucket.space import BucketSpace
    from apixo_mcp.outside.bucket_reach import InBucket
    from apixo_mcp.outside.tunnel import Tunnel


INPUT_SECRET = "public_urls"
"""Name of the secret that the addresses of callbacks and input files are made with."""
SERVED = "served"
"""The folder of the data folder that tells which input files have an address."""


@dataclass(frozen=True, slots=True)
class Outside:
    """How this process is reached from outside.

    Attributes:
        way: the one that local input files take.
        reach: makes tasks sendable.
        addresses: of callbacks; None where nothing is reached.
        links: of input files.
        publish: gives a local file the URL that stands in a task's inputs.
        bucket: has input files, where machines share one.
    """

    way: Way
    reach: Reach
    addresses: Addresses | None = None
    links: InputFiles | None = None
    publish: Callable[[Path, Kind], str] | None = None
    tunnel: "Tunnel | None" = None
    bucket: "InBucket | None" = None


def why_not_called_back(settings: Settings) -> str:
    """Tells why no gateway is asked to call back at the public URL, empty where each is."""
    if are_imitations(settings):
        return ""
    if not settings.public_url.lower().startswith("https:"):
        return "gateways call https addresses alone"  # APIXO's guide on webhooks: reachable over HTTPS
    return "it is an address of a private network" if is_private(settings.public_url) else ""


async def outside_of(
    settings: Settings,
    store: Store,
    http: Http,
    roots: Roots,
    limits: TunnelLimits,
    *,
    public: bool,
    space: "BucketSpace | None" = None,
) -> Outside:
    """Returns how this process is reached: by its public URL, where it serves that, else through a tunnel.

    Input files are fetched from the bucket itself, where there is one that the gateways reach.

    Args:
        public: whether this process serves what `APIXO_MCP_PUBLIC_URL` leads to.
        space: the part of a bucket that machines share.
    """
    url = settings.public_url if public else ""
    is_reached = bool(url or settings.tunnel)
    way = Way.INSIDE if settings.data_urls else Way.NONE
    served = settings.home / SERVED
    # A task whose files another process hands out may be sent from here.
    if not (space or is_reached or settings.public_url or await to_thread.run_sync(served.is_dir)):
        return Outside(way, NoReach())
    from apixo_mcp.outside.bucket_reach import BucketReach, in_bucket
    from apixo_mcp.outside.file_reach import FileReach, is_fetched

    addresses = Addresses(url, await store.secret(INPUT_SECRET))
    handed_out = Roots((*roots.paths, settings.home / UPLOADS_FOLDER))
    local = InputLinks(url or TUNNELLED.rstrip("/"), addresses.secret, served, handed_out)
    bucket = in_bucket(space, addresses.secret, local, settings, url) if space else None
    links: InputFiles = bucket.inputs if bucket else local

    def sees_files(reach: Reach) -> Reach:
        seen = FileReach(reach, links, partial(is_fetched, http), url, settings.public_url)
        return BucketReach(seen, bucket.space, bucket.inputs) if bucket else BucketReach(seen)

    outside = Outside(way, sees_files(NoReach(has_bucket=bucket is not None)), bucket=bucket)
    if is_reached:
        from apixo_mcp.outside.reach import PublicReach, TunnelReach

        if url:
            reach = sees_files(PublicReach(addresses, calls_back=not why_not_called_back(settings)))
            return Outside(Way.PUBLIC_URL, reach, addresses, links, links.url_of, bucket=bucket)
        from apixo_mcp.outside.commands import command_of
        from apixo_mcp.outside.tunnel import Tunnel

        hosts = [urlsplit(settings.base_urls[name]).hostname for name in settings.keys]
        is_local = all(host in LOOPBACK for host in hosts)
        tunnel = Tunnel(command_of(settings.tunnel), http, store, is_local=is_local, limits=limits)

        def publish(path: Path, kind: Kind) -> str:
            tunnel.check()
            return local.url_of(path, kind)

        reach = sees_files(TunnelReach(tunnel, addresses.secret))
        outside = Outside(Way.TUNNEL, reach, addresses, links, publish, tunnel=tunnel, bucket=bucket)
    if bucket and bucket.is_direct:
        # Over HTTP callers upload what they have; at the machine itself there are paths.
        return replace(outside, way=Way.PUBLIC_URL if public else Way.BUCKET, publish=bucket.inputs.url_of)
    return outside
