"""What is wrong with the prompts of one call, each named by its place."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from apixo_mcp.errors import Problem

TOLD = 10
"""Problems of single prompts that are told one by one."""


def of_prompts(each: Sequence[Sequence[Problem]]) -> list[Problem]:
    """Returns the problems of several prompts: once what all have, and the place of a prompt with what is its own."""
    shared = [problem for problem in each[0] if all(problem in own for own in each)]
    own = list(_own(each, shared))
    untold = len(own) - TOLD
    more = [Problem("prompts", "", f"{untold} further problems of single ones")] if untold > 0 else []
    return [*shared, *own[:TOLD], *more]


def _own(each: Sequence[Sequence[Problem]], shared: Sequence[Problem]) -> Iterator[Problem]:
    for place, problems in enumerate(each):
        for problem in problems:
            if problem not in shared:
                field = "" if problem.field == "prompt" else f", {problem.field}"
                yield replace(problem, field=f"prompts[{place}]{field}")
