"""Which durations a variant of a model learns from: its own, or those of others that are known to be alike."""

from collections.abc import Mapping, Sequence
from itertools import chain, zip_longest

from apixo_mcp.tasks.durations import Duration
from apixo_mcp.tasks.learning.lesson import FEWEST_DURATIONS

_ALIKE = 1.15
"""Times the shortest: the middle and the longest of variants that are alike differ by no more."""


def durations_for(variant: str, seen: Mapping[str, Sequence[Duration]]) -> Sequence[Duration]:
    """Returns what a variant's tasks may be taken to take; too few to learn from where nothing is known of that.

    Others stand for it only where at least two were seen, take as long as each other, and differ in all inputs in which
    they differ from it: a 4K picture learns nothing from pictures in 2K.

    Args:
        variant: as `variant_of` names it.
        seen: by variant.
    """
    own = seen.get(variant, ())
    others = {name: durations for name, durations in seen.items() if len(durations) >= FEWEST_DURATIONS}
    if len(own) >= FEWEST_DURATIONS or len(others) < 2 or not _are_alike(list(others.values())):
        return own
    if not _differ_alike(variant, list(others)):
        return own
    newest = zip_longest(*(reversed(durations) for durations in others.values()))
    return [one for one in chain.from_iterable(newest) if one is not None][: max(map(len, others.values()))]


def _are_alike(groups: Sequence[Sequence[Duration]]) -> bool:
    for share in (0.5, 0.9):
        values = [sorted(one.most for one in group)[int(share * (len(group) - 1))] for group in groups]
        if max(values) > _ALIKE * min(values):
            return False
    return True


def _differ_alike(variant: str, others: Sequence[str]) -> bool:
    """Tells whether each input of a variant is that of all the others, or one in which these differ as well."""
    fields = [_fields(name) for name in (variant, *others)]
    for name in {name for values in fields for name in values}:
        own, *theirs = (values.get(name, "") for values in fields)
        if len(set(theirs)) == 1 and own != theirs[0]:
            return False
    return True


def _fields(variant: str) -> dict[str, str]:
    parts = (part.partition("=") for part in variant.split(" "))
    return {name: value for name, _, value in parts}
