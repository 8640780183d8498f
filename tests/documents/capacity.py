"""The tables of docs/capacity.md: what was measured, what the gateways document, what is assumed, and what follows."""

import math
from dataclasses import dataclass

from benchmarks.page import read

USED = 0.7
"""Of a core: beyond that answers wait."""
REQUESTS, TOGETHER = 10_000, 1_000
"""Requests a minute, and tasks at once, of a gateway key: APIXO's documents (`Limity rate`). Ruxa documents none."""
POLLS = 4
LASTS = 60.0  # seconds that a task is with its gateway
ASKED = 5  # calls by which a client follows a task
FILE = 2_000_000  # bytes of a result
PUTS = 3  # of a result: itself, its record, its small picture
PUTS_OF_PREFIX = 3_500  # a second, by Amazon's documents of S3, "Optimizing performance"
REPLICAS = (1, 10, 1_000)
DURATIONS = (10.0, 30.0, 60.0, 180.0)
CONNECTIONS = 13  # of a process at most: `apixo_mcp.postgres.standing`
DAY = 86_400


@dataclass(frozen=True, slots=True)
class Costs:
    """Seconds, bytes and counts a task, as `tests/benchmarks/figures` has them.

    Attributes:
        asking: of a replica's core, to admit and send one.
        following: of a worker's core, to poll one and to settle it.
        call: of a replica's core, a further call.
        saving: of a worker, a file of `FILE`.
        database: of the database's cores.
        deciding: in which the database decides on one alone: at its admission, and as it leaves.
        transactions: of one.
        stored: bytes in the database, indexes with it.
        written: bytes of its log.
    """

    asking: float
    following: float
    call: float
    saving: float
    database: float
    deciding: float
    transactions: float
    stored: float
    written: float


def measured() -> Costs:
    """Returns what the kept figures say."""
    figures = {name: one["figures"] for name, one in read().items()}
    costs = {name: one["ours"] for name, one in figures["costs"].items()}
    return Costs(
        asking=costs["replica"],
        following=costs["worker"],
        call=figures["calls"]["call"]["ours"],
        saving=figures["saving-loopback"]["saving-loopback"]["ours"] / 100,  # of a hundred files
        database=costs["database"],
        deciding=sum(one["ours"] for one in figures["decisions"].values()),
        transactions=costs["transactions"],
        stored=costs["stored"],
        written=costs["written"],
    )


def of_key(lasts: float) -> float:
    """Returns the tasks a second that one gateway key allows, by how long they last."""
    return min(TOGETHER / lasts, REQUESTS / 60 / (1 + POLLS))


def of_replica(costs: Costs) -> float:
    """Returns the tasks a second of one replica, which uses one core."""
    return USED / (costs.asking + ASKED * costs.call)


def of_worker(costs: Costs) -> float:
    """Returns the tasks a second of one worker, which uses one core."""
    return USED / (costs.following + costs.saving)


def of_database(costs: Costs) -> float:
    """Returns the tasks a second of one database, whatever its size: it decides on purchases one after another."""
    return USED / costs.deciding


def limits_table() -> str:
    """Returns what each part allows."""
    costs = measured()
    rows = [
        ("a gateway key", f"{TOGETHER:,} tasks at once that last {LASTS:.0f} s", of_key(LASTS)),
        (
            "a worker",
            f"{_ms(costs.following)} of a core a task, and {_ms(costs.saving)} for its file",
            of_worker(costs),
        ),
        (
            "a replica",
            f"{_ms(costs.asking)} of a core a task, and {ASKED} calls of {_ms(costs.call)}",
            of_replica(costs),
        ),
        ("a database", f"{_ms(costs.deciding)} in which it decides on one alone", of_database(costs)),
    ]
    lines = ["| part | what it takes | tasks a second | a day |", "|---|---|---|---|"]
    lines += [f"| {part} | {why} | {rate:,.0f} | {_many(rate * DAY)} |" for part, why, rate in rows]
    return "\n".join(lines)


def keys_table() -> str:
    """Returns what a key allows, by how long tasks last, and which of its limits that is."""
    lines = ["| a task lasts | tasks a second and key | its requests a minute | what ends first |", "|---|---|---|---|"]
    for lasts in DURATIONS:
        rate = of_key(lasts)
        asked = rate * (1 + POLLS) * 60
        ends = "requests" if asked > REQUESTS - 1 else "tasks at once"
        lines.append(f"| {lasts:.0f} s | {rate:.1f} | {asked:,.0f} | {ends} |")
    return "\n".join(lines)


def storage_table() -> str:
    """Returns what a million tasks leave behind."""
    costs = measured()
    return "\n".join(
        [
            "| what | a million tasks |",
            "|---|---|",
            f"| rows and indexes | {costs.stored * 1e6 / 1e9:,.1f} GB |",
            f"| log of the database, until it is archived or used anew | {costs.written * 1e6 / 1e9:,.0f} GB |",
            f"| transactions | {_many(costs.transactions * 1e6)} |",
            f"| files | {FILE * 1e6 / 1e12:,.0f} TB |",
        ]
    )


def replicas_table() -> str:
    """Returns what as many replicas need beside them, where all of them are busy."""
    costs = measured()
    columns: list[list[str]] = []
    for replicas in REPLICAS:
        rate = replicas * of_replica(costs)
        workers = math.ceil(rate / of_worker(costs))
        databases = math.ceil(rate / of_database(costs))
        each = rate / databases
        processes = math.ceil(replicas / databases) + math.ceil(workers / databases)
        columns.append(
            [
                f"{rate:,.0f}",
                _many(rate * DAY),
                f"{math.ceil(rate / of_key(LASTS)):,}",
                f"{workers:,}",
                f"{databases:,}",
                f"{processes * CONNECTIONS:,}",
                f"{each * costs.transactions:,.0f}",
                f"{each * costs.database / USED:.1f}",
                f"{each * costs.stored * DAY / 1e9:,.0f} GB",
                f"{each * costs.written * DAY / 1e9:,.0f} GB",
                f"{rate * FILE * DAY / 1e12:,.0f} TB",
                f"{rate * PUTS:,.0f}, of {math.ceil(rate * PUTS / PUTS_OF_PREFIX):,} prefix(es)",
            ]
        )
    names = (
        "tasks a second",
        "tasks a day",
        "gateway keys",
        "workers",
        "databases",
        "connections of each, at most",
        "transactions a second of each",
        "cores of each",
        "its rows, a day",
        "its log, a day",
        "files a day",
        "objects put a second",
    )
    head = [f"| replicas | {' | '.join(f'{count:,}' for count in REPLICAS)} |", f"|---|{'---|' * len(REPLICAS)}"]
    return "\n".join(
        [
            *head,
            *(f"| {name} | {' | '.join(row)} |" for name, row in zip(names, zip(*columns, strict=True), strict=True)),
        ]
    )


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.1f} ms"


def _many(count: float) -> str:
    return f"{count / 1e6:,.1f} million"
