"""How long the steps of a request may take."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds for each step.

    Attributes:
        pool: until a connection is free.
        submit: of silence before the answer to a submit, and within it.
        poll: the same for every other question to a gateway.
        answer_grace: for the whole of a call beyond its read timeout: each step has its own limit, and may never end.
        idle: of silence within the body of a file.
        until_body: the whole way to the first byte of a file's body, redirects and all heads included.
    """

    connect: float = 10.0
    write: float = 30.0
    pool: float = 10.0
    submit: float = 60.0
    poll: float = 30.0
    answer_grace: float = 60.0
    idle: float = 30.0
    until_body: float = 30.0

    @property
    def whole_submit(self) -> float:
        """The longest that the answer to a submit is waited for."""
        return self.submit + self.answer_grace
