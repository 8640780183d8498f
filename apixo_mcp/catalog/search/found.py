"""What a search for models came to."""

from dataclasses import dataclass

from apixo_mcp.catalog.model import Model


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to.

    Attributes:
        models: those that fit, the best first.
        wants: what was asked for, keys of `WANTS`.
        is_ranked: more than a kind of result was asked for, so that the first fit better than the last.
        elsewhere: the modality that was meant and none of whose models has what was asked for; empty where some have.
        lacking: what the best of those that were meant has not, in words.
        seconds: a length that was asked for, 0 where none was.
        is_general: nothing in the query tells one model from another, so these are the best of their kind.
        behind: ids of models for one use alone, where no use was asked for: they stand behind the others.
        namesakes: models of another modality whose names stand in a query that speaks of a kind of result alone.
        absent: a well-known model that was named and that is not to be had.
    """

    models: tuple[Model, ...] = ()
    wants: tuple[str, ...] = ()
    is_ranked: bool = True
    elsewhere: str = ""
    lacking: tuple[str, ...] = ()
    absent: str = ""
    seconds: int = 0
    namesakes: tuple[Model, ...] = ()
    is_general: bool = False
    behind: frozenset[str] = frozenset()
