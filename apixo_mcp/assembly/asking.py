"""Puts together what a call that asks for a task goes through: its files, its arguments, and its admission."""

from functools import partial
from pathlib import Path

import anyio.to_thread

from apixo_mcp.assembly.parts import Parts
from apixo_mcp.catalog.prices import estimate
from apixo_mcp.errors import StoreError
from apixo_mcp.media.inputs.inputs import Inputs
from apixo_mcp.media.inputs.measured import url_answers
from apixo_mcp.media.inputs.uploads import UPLOADS_FOLDER, Uploads
from apixo_mcp.outside.public import UNKNOWN_FOR
from apixo_mcp.outside.set_up import Outside
from apixo_mcp.tasks.asking.admission import Admission
from apixo_mcp.tasks.asking.drafts import Drafts
from apixo_mcp.tasks.ports.engine import Engine


def uploads_of(parts: Parts, outside: Outside) -> Uploads:
    """Returns what owners brought; a file stays while a paid task may need it."""

    async def is_needed(path: Path) -> bool:
        links = outside.links
        try:
            token = await anyio.to_thread.run_sync(links.token_of, path) if links else ""
            return bool(token) and await parts.store.needs_input(token, parts.limits.tunnel.lingers, UNKNOWN_FOR)
        except OSError:
            return False
        except StoreError:
            return True  # a paid task may need it

    folder = parts.settings.home / UPLOADS_FOLDER
    if outside.bucket is None:
        return Uploads(folder, is_needed, parts.limits.uploads)
    from apixo_mcp.media.bucket.uploads import BucketUploads

    return BucketUploads(outside.bucket.space, outside.bucket.inputs, folder, is_needed, parts.limits.uploads)


def drafts_of(parts: Parts, outside: Outside, uploads: Uploads) -> Drafts:
    """Returns what reads the arguments of a call and prices them."""
    inputs = Inputs(
        parts.roots,
        allow_private=parts.settings.allow_private_hosts,
        data_urls=parts.settings.data_urls,
        publish=outside.publish,
        answers=partial(url_answers, parts.http),
        way=outside.way,
        copy_of=parts.files.on_disk,
    )
    return Drafts(
        store=parts.store,
        catalog=parts.catalog,
        payers=parts.payers,
        inputs=inputs,
        estimate=estimate,
        find_upload=uploads.find,
        told_once=parts.settings.money_warnings,
    )


def admission_of(parts: Parts, engine: Engine, drafts: Drafts) -> Admission:
    """Returns what makes tasks of a call's drafts, within the limits."""
    return Admission(
        drafts=drafts,
        store=parts.store,
        engine=engine,
        delivery=parts.delivery,
        budget=parts.budget,
        attempts=1 + parts.settings.auto_retry,
        telemetry=parts.telemetry,
    )
