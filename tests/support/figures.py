"""What benchmarks measured: a file each in build/benchmarks, from which `make bench` makes the page of results."""

import json
import os
import platform
import statistics
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parents[2] / "build" / "benchmarks"


def at_most(limit: float) -> dict[str, float]:
    """The aim of a figure that should be small."""
    return {"at_most": limit}


def at_least(limit: float) -> dict[str, float]:
    """The aim of a figure that should be large."""
    return {"at_least": limit}


def paired(ours: Sequence[float], beside: Sequence[float]) -> dict[str, Any]:
    """Both medians, and the median of the ratios of what was measured in turns, one right after the other."""
    ratio = statistics.median(own / other for own, other in zip(ours, beside, strict=True))
    return {"ours": statistics.median(ours), "beside": statistics.median(beside), "ratio": ratio, "n": len(ours)}


def record(name: str, figures: Mapping[str, Mapping[str, Any]], **more: Any) -> None:
    """Writes the figures of one benchmark, by the rows of the page, with when and on what they were measured.

    Args:
        name: the benchmark's; a later run takes the place of an earlier one.
        figures: by row `ours` and, where there is one, `beside`, `ratio`, `aim` and `n`, how often it was measured.
        more: what else the page tells of this benchmark.
    """
    FOLDER.mkdir(parents=True, exist_ok=True)
    written = {"measured": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"), **machine(), **more, "figures": figures}
    text = json.dumps(written, indent=2, ensure_ascii=False, default=float)
    (FOLDER / f"{name}.json").write_text(text + "\n", encoding="utf-8", newline="\n")


def machine() -> dict[str, Any]:
    """What is measured on, and how busy it has been in the last minute."""
    return {
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
        "cores": os.cpu_count(),
        "processor": _processor(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
    }


def _processor() -> str:
    listed = Path("/proc/cpuinfo")
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
