"""Makes docs/benchmarks.md from what the benchmarks measured: the last part of `make bench`.

What build/benchmarks has takes the place of the same in tests/benchmarks/figures, which is kept; a test holds the page
to that. A benchmark that was not run keeps its last figures, with the date and the load of their own; one that never
was has no rows.
"""

import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests"))

from support.figures import FOLDER  # noqa: E402

KEPT = ROOT / "tests" / "benchmarks" / "figures"
PAGE = ROOT / "docs" / "benchmarks.md"
Measured = Mapping[str, Mapping[str, Any]]
"""By the name of a benchmark, what `support.figures.record` wrote."""

OPENING = """# Benchmarks

<!-- Made by tests/benchmarks/page.py: `make bench` measures and writes it anew. -->

How fast it is, beside a bare server of the same SDK, comparable servers, `curl` and the gateways' documents. What is
compared is measured in turns or at the same time, so a busy machine slows both sides: read the ratios, and take times
as those of the machine that is named. A ratio is the median of the pairs where there are pairs. A figure that misses
its aim says so."""

ENDING = """
## Measure it yourself

`make bench` runs all of it and writes this page anew; `make bench-peers` is the part with the comparable servers, which
needs PyPI, npm and, to keep them from the network, Linux. The figures are kept in `tests/benchmarks/figures`."""


@dataclass(frozen=True, slots=True)
class Row:
    """A row of a table: which figure it shows, and what it means."""

    benchmark: str
    figure: str
    title: str
    meaning: str
    unit: str = "ms"


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    words: str
    beside: str
    rows: tuple[Row, ...]


SECTIONS = (
    Section(
        "Start and calls",
        "Seconds count from the start of the process, on stdio. The bare server has one tool that does nothing.",
        "bare SDK server",
        (
            Row("start-initialize", "opened", "Handshake", "spawn to `initialize` answered"),
            Row("start-initialize", "listed", "First `tools/list`", "spawn to all tools listed, after `initialize`"),
            Row("start-initialize", "called", "First call", "spawn to `list_models` answered; there the empty tool"),
            Row("start-initialize", "cpu", "Processor, to the first call", "what the process computed until then"),
            Row("start-discover", "opened", "Handshake of 2026-07-28", "spawn to `server/discover` answered"),
            Row(
                "start-discover", "listed", "First `tools/list` of 2026-07-28", "the same for a client of that revision"
            ),
            Row("start-discover", "called", "First call of 2026-07-28", "the same for a client of that revision"),
            Row("calls", "call", "A later call", "`list_models`, an answer with models, beside an answer of nothing"),
        ),
    ),
    Section(
        "Following tasks",
        "A poll is one question to a gateway whether a task has ended. The bare loop asks by the same HTTP "
        "client, and claims "
        "and writes a row of SQLite, without any of what makes it safe.",
        "bare loop",
        (
            Row("poll", "poll", "Processor, a poll", "300 tasks, a hundred polls a second", "µs"),
            Row(
                "poll-above",
                "poll-above",
                "The same above a gateway's limit",
                "twice as many polls due as are allowed; beside ours below the limit",
                "µs",
            ),
            Row(
                "thousand",
                "thousand",
                "1,000 tasks in flight",
                "of a core, for a minute at the fast pictures' schedule",
                "%",
            ),
            Row("load", "load-share", "1,000 tasks, the whole server", "the same, with faults among the answers", "%"),
            Row("load", "load-polls", "Polls of these", "beside what the schedule says, faults included", "polls"),
            Row("load", "load-memory", "Memory of these", "the most that the process held", "MB"),
        ),
    ),
    Section(
        "More than one machine",
        "Two replicas and two workers on one Postgres, all on one machine with the gateway: 1,000 tasks, asked for "
        "over 40 s, each polled four times, every 2 s, and its file saved. The loop is the same worker without a job "
        "queue: it finds what is due in the rows.",
        "the loop",
        (
            Row("scale", "cpu", "Processor of both workers", "from the first task to the last file", "s"),
            Row("scale", "late", "A poll is late by", "the median, from when it is due until it is claimed"),
            Row("scale", "latest", "The latest of a hundred", "the same polls"),
            Row("scale", "woken", "A process that only sleeps", "the median by which it wakes late meanwhile"),
        ),
    ),
    Section(
        "A task on a shared database",
        "What a task of 4 polls costs where a replica and a worker share a Postgres; its file is small. What follows "
        "from that: [capacity](capacity.md).",
        "",
        (
            Row("costs", "replica", "Processor of the replica", "a task, from the call until it is sent"),
            Row("costs", "worker", "Processor of the worker", "a task, until its file is saved"),
            Row("costs", "database", "Processor of the database", "a task, all its processes together"),
            Row("costs", "transactions", "Transactions", "a task", "count"),
            Row("costs", "resting", "Transactions at rest", "a process and second, where there is no task", "count"),
            Row("costs", "stored", "Rows and indexes", "a task", "KB"),
            Row("costs", "row", "The row itself", "a task, its prompt being short", "KB"),
            Row("costs", "written", "Log of the database", "a task", "KB"),
            Row("costs", "connections", "Connections", "a process; 13 at most", "count"),
            Row("costs", "replica_memory", "Memory of the replica", "with 500 tasks", "MB"),
            Row("costs", "worker_memory", "Memory of the worker", "with 500 tasks at once", "MB"),
            Row("decisions", "admission", "Decision at the admission", "one after another, on all machines"),
            Row("decisions", "leaving", "Decision as it leaves", "the same"),
        ),
    ),
    Section(
        "Many clients",
        "200 clients of ten owners over HTTP, a call every 5 s each for a minute, an eighth of them paid ones; half a "
        "period apart each calls the bare server's empty tool.",
        "bare SDK server",
        (
            Row("team", "check", "`check_task`", "the median; it reads the store, and who may ask"),
            Row("team", "slowest", "The slowest of a hundred", "the same calls"),
            Row("team", "memory", "Memory", "the most that the process held", "MB"),
        ),
    ),
    Section(
        "A gallery of 100,000 tasks",
        "Over HTTP as the page asks, and the page itself in Chromium.",
        "the first page",
        (
            Row("gallery", "last", "The last page of a hundred", "over HTTP, beside the newest tasks"),
            Row("gallery", "narrowed", "The slowest question", "over HTTP: words, states, kinds, models, a day"),
            Row("gallery", "usage", "All that was spent", "over HTTP: the report of a year", "s"),
            Row("gallery-page", "opened", "First screen", "in the browser: the first pictures are there"),
            Row("gallery-page", "shown", "The slowest question", "in the browser, until its pictures are there"),
            Row("gallery-page", "further", "Scrolled through sixty pages", "in the browser: a further page then"),
        ),
    ),
    Section(
        "Saving files",
        "`curl --parallel` only writes; ours also hashes, checks, and renames when the file is safely on the "
        "disk. The ratio is "
        "the speed beside it: larger is better.",
        "`curl --parallel`",
        (
            Row(
                "saving-gigabit",
                "saving-gigabit",
                "100 files of 2 MB, 1 Gbit/s",
                "the server sends so much in all",
                "s",
            ),
            Row("saving-loopback", "saving-loopback", "100 files of 2 MB, loopback", "as fast as the server goes", "s"),
            Row("saving-small", "saving-small", "300 files of 20 KB, loopback", "nearly all is the safe writing", "s"),
        ),
    ),
)
RUNNER = Section(
    "When tasks are polled",
    "How many polls a task takes, and how long after its end that is seen, by what earlier durations have taught "
    "beside the documents' schedule: fewer and shorter are better. First through the real runner, above a sandbox: 50 "
    "tasks of 25 to 35 s by each schedule at the same time, after 50 others. What the machine adds to a lag is in it.",
    "as documented",
    (
        Row("schedule-runner", "polls", "Polls of a task", "in the mean", "polls of one"),
        Row("schedule-runner", "lag", "Lag", "from a task's end to the poll that sees it, in the mean", "s"),
    ),
)
SCHEDULES = {
    "schedule-pro": "first poll after 20 s, then every 3 s, more slowly later",
    "schedule-fast": "first poll after 5 s, then every 3 s, more slowly later: that of fast pictures",
}
SCALES = {
    "ms": (1e3, 0),
    "µs": (1e6, 0),
    "s": (1, 2),
    "%": (100, 0),
    "MB": (1, 0),
    "KB": (1e-3, 1),
    "count": (1, 1),
    "polls": (1, 0),
    "polls of one": (1, 2),
}


def page(measured: Measured) -> str:
    """Returns the page: of what was not measured it has no row, and no section without rows."""
    parts = [OPENING, *(part for section in SECTIONS if (part := _section(section, measured)))]
    if "peers" in measured:
        parts.insert(min(2, len(parts)), _peers(measured["peers"]))
    if runner := _section(RUNNER, measured):
        parts.append(runner)
    if any(name in measured for name in SCHEDULES):
        parts.append(_schedules(measured, has_title="schedule-runner" in measured))
    return "\n\n".join([*parts, ENDING.strip()]) + "\n"


def _section(section: Section, measured: Measured) -> str:
    rows = [row for row in section.rows if row.benchmark in measured]
    if not rows:
        return ""
    lines = [
        f"## {section.title}",
        "",
        section.words,
        "",
        f"| what | apixo-mcp | {section.beside} | ratio | aim | n | what it means |",
        "|---|---|---|---|---|---|---|",
    ]
    for row in rows:
        figure = measured[row.benchmark]["figures"][row.figure]
        values = (_value(figure.get(key), row.unit) for key in ("ours", "beside"))
        ratio = f"**{figure['ratio']:.{3 if figure['ratio'] < 0.2 else 2}f}**" if "ratio" in figure else ""
        aim = _aim(figure, figure.get("of", "ratio" if "ratio" in figure else "ours"), row.unit)
        lines.append(f"| {row.title} | {' | '.join(values)} | {ratio} | {aim} | {figure['n']} | {row.meaning} |")
    return "\n".join([*lines, "", *_when(measured, [row.benchmark for row in rows])])


def _value(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    factor, digits = SCALES[unit]
    scaled = value * factor
    digits = 2 if unit == "ms" and scaled < 10 else digits
    return f"{scaled:,.{digits}f}{'' if unit.startswith(('polls', 'count')) else f' {unit}'}"


def _aim(figure: Mapping[str, Any], of: str, unit: str) -> str:
    """Says what is aimed at, and whether the figure falls short of it."""
    aim = figure.get("aim")
    if not aim:
        return ""
    [(kind, limit)] = aim.items()
    is_met = figure[of] <= limit if kind == "at_most" else figure[of] >= limit
    words = f"{'≤' if kind == 'at_most' else '≥'} {limit:.2f}" if of == "ratio" else f"≤ {_value(limit, unit)}"
    return words if is_met else f"{words}: **missed**"


def _when(measured: Measured, names: list[str]) -> list[str]:
    """When and on what figures were measured: a line for each run that differs."""
    runs: dict[str, list[float]] = {}
    for name in dict.fromkeys(names):
        run = measured[name]
        day = run["measured"].partition(" ")[0]
        on = f"{day}, {run['processor']}, {run['cores']} cores, {run['system']}, Python {run['python']}"
        runs.setdefault(on, []).append(run["load"] or 0.0)
    spans = {on: sorted({min(loads), max(loads)}) for on, loads in runs.items()}
    return [f"Measured {on}, load {' to '.join(f'{load:.1f}' for load in span)}." for on, span in spans.items()]


def _peers(run: Mapping[str, Any]) -> str:
    versions = run["versions"]
    order = ["apixo-mcp", "bare SDK server"]
    order += sorted(set(run["figures"]) - set(order), key=lambda name: run["figures"][name]["listed_ratio"])
    lines = [
        "## Beside comparable servers",
        "",
        "Servers of other gateways and providers, from PyPI and npm, each in an environment of its own, "
        "started in turns with no network "
        "and a made-up key. They do other things than this one, and more or fewer: what is compared is what a "
        "host waits for and "
        f"what it holds. Medians of {run['rounds']} starts; in brackets the ratio to the bare server's start "
        f"of the same turn.",
        "",
        "| server | `initialize` | `tools/list` | processor to `tools/list` | processor until idle | memory, "
        "idle | tools | size of `tools/list` |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in order:
        row = run["figures"][name]
        shown = (
            f"{row[key] * factor:,.0f} {unit} ({row[f'{key}_ratio']:.2f})"
            for key, factor, unit in (
                ("initialized", 1e3, "ms"),
                ("listed", 1e3, "ms"),
                ("cpu", 1e3, "ms"),
                ("cpu_settled", 1e3, "ms"),
                ("memory", 1, "MB"),
            )
        )
        lines.append(f"| {name} | {' | '.join(shown)} | {row['tools']:.0f} | {row['size']:,.0f} bytes |")
    lines += [
        "",
        "This server answers `tools/list` before it has loaded ([the early handshake](early-handshake.md)), "
        "so what it computes until "
        "then is not all: *until idle* has the rest too. Node counts time in more threads than one.",
        "",
        f"Node {run['node'].removeprefix('v')} for those of npm. Versions:",
        "",
    ]
    for name in order:
        one = versions[name]
        of = f", from {one['registry']}" if one["registry"] else ""
        language = "TypeScript" if one["registry"] == "npm" else "Python"
        sdk = f", {language} SDK {one['sdk']}" if one["sdk"] else ", SDK within its own files"
        note = f"; {one['note']}" if one.get("note") else ""
        lines.append(f"- {name}: {one['version']}{of}{sdk}{note}")
    lines += [f"- {name}: not measured, it {why}" for name, why in run["missing"].items()]
    return "\n".join([*lines, "", *_when({"peers": run}, ["peers"])])


def _schedules(measured: Measured, *, has_title: bool) -> str:
    lines = [] if has_title else [f"## {RUNNER.title}", ""]
    lines.append(
        "Simulated with ten shapes of durations, from the 51st task on: polls and lag by what was learned beside the "
        "documents' schedule, so neither a clock nor the load of a machine is in it. `tests/tasks/test_learning.py` "
        "has the shapes."
    )
    for name, words in SCHEDULES.items():
        if name not in measured:
            continue
        figures = measured[name]["figures"]
        lines += [
            "",
            f"The documents' schedule: {words}.",
            "",
            "| durations | polls | documents' | ratio | lag | documents' | ratio | aim | n |",
            "|---|---|---|---|---|---|---|---|---|",
        ]
        for shape in dict.fromkeys(figure.rpartition(":")[0] for figure in figures):
            polls, lag = figures[f"{shape}: polls"], figures[f"{shape}: lag"]
            aims = [
                f"{what} {_aim({**figure, 'ratio': figure['ours']}, 'ratio', '')}{unit}"
                for what, figure, unit in (("polls", polls, ""), ("lag", lag, ""))
                if "aim" in figure
            ]
            cells = [
                f"{one['ours']:.2f}{unit} | {one['beside']:.2f}{unit} | **{one['ratio']:.2f}**"
                for one, unit in ((polls, ""), (lag, " s"))
            ]
            title = f"{shape} s" if shape[0].isdigit() else shape
            lines.append(f"| {title} | {' | '.join(cells)} | {', '.join(aims)} | {polls['n']:,} |")
    return "\n".join(lines)


def read(folder: Path = KEPT) -> dict[str, dict[str, Any]]:
    """Returns the kept figures of each benchmark that ever ran."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def main() -> None:
    """Keeps what was measured now, and writes the page."""
    KEPT.mkdir(exist_ok=True)
    for path in FOLDER.glob("*.json"):
        shutil.copyfile(path, KEPT / path.name)
    PAGE.write_text(page(read()), encoding="utf-8", newline="\n")
    print(f"{PAGE.relative_to(ROOT)} has the results")


if __name__ == "__main__":
    main()
