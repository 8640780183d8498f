"""How long tasks took, in the database: written once, for every database."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from apixo_mcp.stores.database import Database, Readable, Worker
from apixo_mcp.tasks.durations import Duration
from apixo_mcp.tasks.ports.durations import DURATIONS_KEPT

_NOTE = "insert into duration (model, variant, least, most) values (:model, :variant, :least, :most)"
_OF_VARIANT = "from duration where model = :model and variant = :variant"
_FORGET = f"""delete {_OF_VARIANT} and number <= (
    select number {_OF_VARIANT} order by number desc limit 1 offset {DURATIONS_KEPT})"""
_NEWEST = "select variant, least, most from duration where model = :model order by variant, number"


def note_duration(database: Database, model: str, variant: str, duration: Duration) -> None:
    """See `DurationStore.note`. Numbers tell what is newer: no clock, which may be set back, is asked for that."""
    named = {"model": model, "variant": variant, "least": duration.least, "most": duration.most}
    with database.fleeting(), database.transaction():
        database.execute(_NOTE, named)
        database.execute(_FORGET, named)


def newest_durations(database: Readable, model: str) -> Mapping[str, Sequence[Duration]]:
    """See `DurationStore.newest`."""
    by_variant: defaultdict[str, list[Duration]] = defaultdict(list)
    for row in database.execute(_NEWEST, {"model": model}):
        by_variant[row["variant"]].append(Duration(row["least"], row["most"]))
    return dict(by_variant)


class KeptDurations:
    """Implements `DurationStore`."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker

    async def note(self, model: str, variant: str, duration: Duration) -> None:
        """See `DurationStore.note`."""
        await self._worker.run(note_duration, model, variant, duration)

    async def newest(self, model: str) -> Mapping[str, Sequence[Duration]]:
        """See `DurationStore.newest`."""
        return await self._worker.run(newest_durations, model)
