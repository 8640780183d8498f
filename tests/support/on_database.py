"""Which of the end-to-end and fault suites run on a database too (`make postgres-suites`), and why others do not."""

ON_DATABASE = {
    "tests/e2e/test_alerts.py",
    "tests/e2e/test_gives_up.py",
    "tests/e2e/test_proxies.py",
    "tests/faults/test_fuzz_answers.py",
    "tests/faults/test_fuzz_files.py",
    "tests/faults/test_isolation.py",
    "tests/faults/test_owners.py",
    "tests/faults/test_purchases.py",
    "tests/faults/test_table.py",
}
"""Each test of these has a database of its own (`STORE=postgres`), and a worker beside whatever is asked."""

_STDIO = "a server on standard input and output keeps a file, and refuses a database"
_BOTH = "it asks for a database itself, where it needs one"
_NO_STORE = "what it tries does not reach the store"
_FILE = "it is about the file: its locks, and what stands in it"
_LONG = "it keeps a core busy for seconds with what does not reach the store"
IN_A_FILE = {
    "tests/e2e/test_acceptance.py": _STDIO,
    "tests/e2e/test_bucket.py": _STDIO,
    "tests/e2e/test_budget_of_an_owner.py": _BOTH,
    "tests/e2e/test_demo.py": _STDIO,
    "tests/e2e/test_follower.py": "a follower is left behind for a file; with a database there are workers",
    "tests/e2e/test_repeats.py": _STDIO,
    "tests/e2e/test_replicas.py": _BOTH,
    "tests/faults/test_everything_killed.py": _BOTH,
    "tests/faults/test_failover.py": _BOTH,
    "tests/faults/test_fuzz.py": _NO_STORE,
    "tests/faults/test_kills.py": f"{_FILE}; test_everything_killed.py is the same on a database",
    "tests/faults/test_patterns.py": _NO_STORE,
    "tests/faults/test_rounds.py": _BOTH,
    "tests/faults/test_scale.py": _BOTH,
    "tests/faults/test_secrets.py": _STDIO,
    "tests/faults/test_two_processes.py": f"{_FILE}; test_scale.py is the same on a database",
}
"""The others, each with the reason."""


def reason_to_leave_out(path: str, name: str) -> str:
    """Why a test does not run on a database, empty where it does.

    Args:
        path: of its file, from the root.
        name: its own, with its parameters.
    """
    if path in ON_DATABASE:
        return _STDIO if "[stdio" in name else _LONG if "5 MB" in name else ""
    return IN_A_FILE.get(path, "")
