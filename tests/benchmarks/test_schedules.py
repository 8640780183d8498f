"""Polls and lag of what was learned beside the documents' schedule, simulated: no clock and no load comes into it."""

from typing import Any

import pytest
from support.figures import at_most, record
from tasks.test_learning import FAST, PRO, SHAPES, cost, simulate

SEEDS = range(8)
LEARNED_AFTER = 50
WORSE_LIMIT = 1.1
AIMS = {"polls": 3.0, "lag": 1.0}
"""Of tasks of 25 to 35 s, whose first poll the documents put at 20 s; seconds."""
LIMITS = AIMS
DOCUMENTS = {"pro": PRO, "fast": FAST}


@pytest.mark.parametrize("document", DOCUMENTS)
def test_polls_and_lag_beside_the_documents(document: str) -> None:
    figures: dict[str, dict[str, Any]] = {}
    for name, shape in SHAPES.items():
        runs = [simulate(DOCUMENTS[document], shape, seed, is_told=True) for seed in SEEDS]
        learned, documented = (cost([one for run in runs for one in run[which][LEARNED_AFTER:]]) for which in (0, 1))
        n = sum(len(run[0][LEARNED_AFTER:]) for run in runs)
        print(f"\n{document}, {name}", end="")
        for what, ours, beside in zip(AIMS, learned, documented, strict=True):
            figures[f"{name}: {what}"] = {"ours": ours, "beside": beside, "ratio": ours / beside, "n": n}
            print(f"; {what} {ours:.2f} beside {beside:.2f}", end="")
    if document == "pro":
        for what, aim in AIMS.items():
            figures[f"25 to 35: {what}"]["aim"] = at_most(aim)
    record(f"schedule-{document}", figures)
    assert not [name for name, figure in figures.items() if figure["ratio"] > WORSE_LIMIT]
    if document == "pro":
        assert not [what for what, limit in LIMITS.items() if figures[f"25 to 35: {what}"]["ours"] > limit]
