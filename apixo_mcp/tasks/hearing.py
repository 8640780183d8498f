"""Who has heard of a task: who was given an answer that names it.

What somebody means by `last` is a task that they have heard of. That is kept with each task, as words: of a client, and
of the connection that it came over. As a task is named again and again, only a word that tells more is added: those of
whoever hears of it first, then those of the client and the connection that asked for it.
"""

from dataclasses import dataclass

from apixo_mcp.tasks.task import HEARD_BY_ALL


@dataclass(frozen=True, slots=True)
class Hearer:
    """Somebody who is given answers.

    Attributes:
        connection: that they come over, empty where there is none that lasts.
        client: the mark of their client (`Origin.mark`).
    """

    connection: str
    client: str

    @property
    def words(self) -> tuple[str, ...]:
        """What is noted of them."""
        return tuple(filter(None, (self.client, self.connection)))


def hearer_of(call: str) -> Hearer:
    """Returns who made a call, by its name (`Call.name`)."""
    parts = call.split("/")
    return Hearer(parts[1], parts[2]) if len(parts) == 4 else Hearer("", "")


def heard_after(heard_by: str, asked_by: str, hearer: Hearer) -> str:
    """Returns who has heard of a task once it was named to somebody; the same where that tells nothing more."""
    words = heard_by.split()
    if HEARD_BY_ALL in words:
        return heard_by
    own = hearer_of(asked_by).words
    more = [word for word in hearer.words or (HEARD_BY_ALL,) if word not in words and (not words or word in own)]
    return " ".join((*words, *more))
