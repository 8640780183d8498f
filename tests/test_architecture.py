"""The order of the house: who may import whom. Read from the source, so that no import hides behind a condition."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from apixo_mcp.gateways.directory import GATEWAYS

pytestmark = pytest.mark.xdist_group("architecture")  # one worker reads all the code, once

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "apixo_mcp"
WRITTEN_BY_BUILD = "apixo_mcp._version"  # there once the checkout is installed; only `__init__` asks for it

ROWS: tuple[tuple[str, ...], ...] = (
    ("generation", "gateways.directory"),
    ("errors", "foreign", "variables", "installation"),
    ("key_store",),
    ("settings",),
    ("telemetry", "provenance", "hosts"),
    ("net", "postgres"),
    ("catalog",),
    ("gateways",),
    ("tasks",),
    ("owners",),
    ("stores", "engines", "media"),
    ("usage", "outside", "health", "retention", "result_moves"),
    ("assembly",),
    ("app",),
    ("views",),
    ("gallery",),
    ("webhooks",),
    ("server",),
    ("cli",),
    ("__main__",),
)
"""The rooms and single files from the top. A file imports from rows above its own, and from its own room.

The directory of gateways is data that settings, catalog and the early stage read too, and stands above its room.
Rooms side by side in one row know nothing of each other. A package's `__init__` holds no import, so that one of its
modules drags in none of the others.
"""

ORDER: dict[str, tuple[str, ...]] = {
    "tasks": (
        "task",
        "*",
        "ports",
        "learning",
        "transitions",
        "keeping",
        "changes",
        "elsewhere",
        "asking",
        "running",
        "settlement",
        "callbacks",
        "service",
        "archive",
    ),
    "stores": ("*", "kept", "money", "counting", "store", "moving", "sqlite", "postgres"),
    "server": ("*", "tools", "apps", "resources", "extension", "build", "stdio", "http"),
    "cli": ("terminal", "process", "requests", "waiting", "checks", "commands", "*"),
}
"""The order within a room, where it matters: files and folders from the top, `*` for all that are not named."""


@dataclass(frozen=True)
class Import:
    """One import: the module that was asked for, and where."""

    source: str
    line: int
    target: str

    def __str__(self) -> str:
        return f"{path_of(self.source)}:{self.line} imports {self.target}"


@cache
def modules() -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    found.pop(WRITTEN_BY_BUILD, None)
    return found


def path_of(module: str) -> str:
    return modules()[module].relative_to(ROOT).as_posix()


@cache
def tree(module: str) -> ast.Module:
    return ast.parse(modules()[module].read_text(encoding="utf-8"))


@cache
def imports(module: str) -> tuple[Import, ...]:
    """Every import of a module, those inside functions and `if TYPE_CHECKING` too, with relative ones resolved."""
    found: list[Import] = []
    is_package = modules()[module].name == "__init__.py"
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Import):
            found += [Import(module, node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = module.split(".")
                parts = parts[: len(parts) - node.level + is_package]
                base = ".".join([*parts, *filter(None, [node.module])])
            names = [f"{base}.{alias.name}" for alias in node.names]
            # `from package import module` asks for the module; `from module import name` for what holds the name.
            found += [Import(module, node.lineno, name if name in modules() else base) for name in names]
    return tuple(dict.fromkeys(found))


def ours() -> Iterator[Import]:
    for module in modules():
        targets = (entry for entry in imports(module) if is_in(entry.target, PACKAGE))
        yield from (entry for entry in targets if (module, entry.target) != (PACKAGE, WRITTEN_BY_BUILD))


def is_in(module: str, package: str) -> bool:
    return module == package or module.startswith(f"{package}.")


def room_of(module: str) -> str:
    """The room, or single file, that a module is in; empty for the package itself."""
    inner = module.partition(".")[2]
    return inner if inner in ROWS[0] else inner.partition(".")[0]


def row_of(module: str) -> int | None:
    """The row of a module's room; the package itself, of which only the version is asked, stands above all."""
    if module == PACKAGE:
        return -1
    return next((number for number, names in enumerate(ROWS) if room_of(module) in names), None)


def place_of(module: str) -> int:
    """The place of a module within its room, 0 where the room has no order; `__init__` stands above all."""
    _, _, inner = module.partition(".")[2].partition(".")
    order = ORDER.get(room_of(module))
    if order is None or not inner:
        return -1 if not inner else 0
    first = inner.partition(".")[0]
    return order.index(first if first in order else "*")


def told(broken: list[Import], rule: str) -> str:
    return "\n".join([rule, *(f"  {entry}" for entry in broken)])


def test_every_module_has_a_place_in_the_order():
    homeless = [name for name in modules() if row_of(name) is None and not is_in(name, f"{PACKAGE}.sandbox")]
    assert not homeless, f"give these modules a row in ROWS: {[path_of(name) for name in homeless]}"


def test_every_import_is_of_a_module_that_exists():
    broken = [entry for entry in ours() if entry.target not in modules()]
    assert not broken, told(broken, "these modules do not exist:")


def test_a_file_imports_only_from_rows_above_its_own():
    broken: list[Import] = []
    for entry in ours():
        source, target = row_of(entry.source), row_of(entry.target)
        if source is None or target is None or target < source:
            continue
        if room_of(entry.source) != room_of(entry.target) or place_of(entry.target) > place_of(entry.source):
            broken.append(entry)
    assert not broken, told(broken, "a file imports only from rows above its own, or from its own room:")


def test_no_import_goes_round_in_a_circle():
    edges: dict[str, set[str]] = {}
    for entry in ours():
        if row_of(entry.source) is not None:
            edges.setdefault(entry.source, set()).add(entry.target)
    ended: set[str] = set()

    def walk(module: str, way: tuple[str, ...]) -> None:
        assert module not in way, f"a circle of imports: {' -> '.join((*way[way.index(module) :], module))}"
        if module not in ended:
            for target in sorted(edges.get(module, ())):
                walk(target, (*way, module))
            ended.add(module)

    for module in sorted(edges):
        walk(module, ())


def test_the_sandbox_is_an_independent_witness():
    sandbox = f"{PACKAGE}.sandbox"
    shared = f"{PACKAGE}.net.uvicorn_server"  # how to serve, which says nothing about gateways
    out = [
        entry
        for entry in ours()
        if is_in(entry.source, sandbox) and not is_in(entry.target, sandbox) and entry.target != shared
    ]
    assert not out, told(out, "the sandbox imports nothing of the domain it bears witness about:")
    allowed = (sandbox, f"{PACKAGE}.cli")
    users = [
        entry
        for entry in ours()
        if is_in(entry.target, sandbox) and not any(is_in(entry.source, name) for name in allowed)
    ]
    assert not users, told(users, "only the command line imports the sandbox:")


def test_only_the_network_imports_the_http_library():
    broken = [
        entry
        for module in modules()
        for entry in imports(module)
        if entry.target.split(".")[0] in ("httpx2", "httpcore2", "httpx", "httpcore")
        and not any(is_in(module, f"{PACKAGE}.{room}") for room in ("net", "sandbox"))
    ]
    assert not broken, told(broken, "only net/ imports the HTTP library:")


@pytest.mark.parametrize("room", ["views", "server"])
def test_the_faces_see_protocols_and_never_an_implementation(room: str):
    clients = [listing.client.partition(":")[0].removeprefix(f"{PACKAGE}.") for listing in GATEWAYS.values()]
    hidden = ("stores", "engines", "net.http", "gateways.client", *clients)
    broken = [
        entry
        for entry in ours()
        if is_in(entry.source, f"{PACKAGE}.{room}") and any(is_in(entry.target, f"{PACKAGE}.{one}") for one in hidden)
    ]
    assert not broken, told(broken, "a face imports no gateway's client, no database and no engine:")


def test_only_the_server_and_the_command_line_know_mcp():
    broken = [
        entry
        for module in modules()
        for entry in imports(module)
        if entry.target.split(".")[0] == "mcp"
        and not any(is_in(module, f"{PACKAGE}.{part}") for part in ("server", "cli"))
    ]
    assert not broken, told(broken, "neither the domain nor a gateway knows MCP:")


HIDDEN_OF_SDK = re.compile(r"^mcp\.(?:.*\._|_|os\b|server\.mcpserver\.utilities\b)")
"""Modules of the SDK that are its own affair."""


def private_touches(module: str) -> Iterator[str]:
    """Each place where a module reaches for a private part of something else, or for one of the SDK's by its name."""
    for entry in imports(module):
        if HIDDEN_OF_SDK.match(entry.target):
            yield str(entry)
    for node in ast.walk(tree(module)):
        name, line = "", 0
        if isinstance(node, ast.Attribute) and not (isinstance(node.value, ast.Name) and node.value.id == "self"):
            name, line = node.attr, node.lineno
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            name, line = node.value, node.lineno
        elif isinstance(node, ast.FunctionDef):
            name, line = node.name, node.lineno
        is_private = isinstance(node, ast.Attribute) and name.startswith("_") and not name.endswith("__")
        if (is_private and name != "_exit") or name in ("last_context", "_lowlevel_server", "_connection"):
            yield f"{path_of(module)}:{line} touches {name}"


def test_what_is_private_to_the_sdk_is_touched_in_one_file():
    sdk = f"{PACKAGE}.server.sdk"
    assert list(private_touches(sdk)), "the rule no longer sees what sdk.py touches"
    broken = [
        touch
        for module in modules()
        if any(is_in(module, f"{PACKAGE}.{room}") for room in ("server", "cli")) and module != sdk
        for touch in private_touches(module)
    ]
    assert not broken, "\n".join(["touch it in server/sdk.py, and say there when it can go:", *broken])


def test_the_directory_of_gateways_is_data():
    assert not [entry for entry in ours() if entry.source == f"{PACKAGE}.gateways.directory"]
    for listing in GATEWAYS.values():
        assert vars(listing.load())["name"] == listing.name


def test_the_repair_of_a_damaged_file_has_one_door():
    repair = f"{PACKAGE}.stores.sqlite.repair"
    doors = [node.name for node in tree(repair).body if isinstance(node, ast.FunctionDef) and node.name[0] != "_"]
    assert doors == ["repair"]
    readers = {entry.source for entry in ours() if entry.target == f"{PACKAGE}.stores.sqlite.page_reader"}
    assert readers == {repair}, "only the repair reads pages by itself"


SHARED_NAMES = {
    "log",  # each module's own logger
    "MODELS",  # what each family of the catalog holds, read by this name
    "T",  # any type
    "TYPE_CHECKING",  # as type checkers read it
}
"""Public names that several modules may define."""


def public_names(module: str) -> Iterator[str]:
    """The names that a module defines for others."""
    for node in tree(module).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names = [node.name]
        elif isinstance(node, ast.Assign):
            names = [target.id for target in node.targets if isinstance(target, ast.Name)]
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            names = [node.target.id]
        else:
            continue
        yield from (name for name in names if not name.startswith("_"))


def test_no_public_name_is_defined_twice():
    """The sandbox has words of its own: it is an independent witness."""
    places: dict[str, set[str]] = {}
    for module in modules():
        if not is_in(module, f"{PACKAGE}.sandbox"):
            for name in public_names(module):
                places.setdefault(name, set()).add(path_of(module))
    assert places["Modality"] == {f"{PACKAGE}/generation.py"}, "the rule no longer sees where a name is defined"
    twice = {name: sorted(paths) for name, paths in places.items() if len(paths) > 1 and name not in SHARED_NAMES}
    assert not twice, f"one name, one concept: {twice}"


def test_only_settings_and_the_command_line_read_the_environment():
    broken = [
        f"  {path_of(module)}:{node.lineno}"
        for module in modules()
        for node in ast.walk(tree(module))
        if module not in (f"{PACKAGE}.settings", f"{PACKAGE}.variables.environment")
        and not is_in(module, f"{PACKAGE}.cli")
        and (
            (isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv"))
            or (isinstance(node, ast.alias) and node.name in ("environ", "environb", "getenv"))
        )
    ]
    assert not broken, "\n".join(["only the settings and the command line read the environment:", *broken])


def test_only_caller_knows_the_owner_of_this_machine():
    """Whoever keeps owners makes them, and no other file of the server takes the one of this machine."""
    makers = [
        f"{PACKAGE}.{one}" for one in ("tasks.owner", "stores.kept.owners", "owners.issuer", "cli.commands.owners")
    ]
    broken: list[str] = []
    for module in modules():
        is_face = is_in(module, f"{PACKAGE}.server") and module != f"{PACKAGE}.server.caller"
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.Call):
                is_made = getattr(node.func, "id", "") == "Owner" and module not in makers
            elif isinstance(node, ast.alias | ast.Constant):
                is_made = is_face and getattr(node, "name", getattr(node, "value", "")) in ("LOCAL", "local")
            else:
                continue
            if is_made:
                broken.append(f"  {path_of(module)}:{node.lineno}")
    assert not broken, "\n".join(["ask owner_of whose tasks a call is about:", *broken])


def test_every_task_has_a_parent():
    loose = ("create_task", "ensure_future", "run_coroutine_threadsafe")
    broken = [
        f"  {path_of(module)}:{node.lineno} {getattr(node, 'attr', None) or getattr(node, 'name', '')}"
        for module in modules()
        for node in ast.walk(tree(module))
        if (isinstance(node, ast.Attribute) and node.attr in loose)
        or (isinstance(node, ast.alias) and node.name in loose)
    ]
    assert not broken, "\n".join(["tasks run in an anyio group that a context manager owns; these are loose:", *broken])


PRIVATE = re.compile(r"_[A-Za-z]\w*")
CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]+")


def private_names() -> set[str]:
    """The private names of the package: of its functions, constants, methods and fields."""
    names: set[str] = set()
    for module in modules():
        for node in ast.walk(tree(module)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                names.add(node.name)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.add(node.id)
            elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
                names.add(node.attr)
    return {name for name in names if PRIVATE.fullmatch(name)}


@cache
def parts_of_tests() -> tuple[tuple[str, ast.AST], ...]:
    """Returns every node of the tests that may be looked at below, with its place."""
    return tuple(
        (f"  {path.relative_to(ROOT).as_posix()}:{node.lineno}", node)
        for path in sorted(path for path in (ROOT / "tests").rglob("*.py") if ".venv" not in path.parts)
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute | ast.ImportFrom | ast.Call)
    )


def test_no_test_reads_what_is_private():
    private = private_names()
    own = ("self", "cls")
    broken = [
        f"{place} {node.attr}"
        for place, node in parts_of_tests()
        if isinstance(node, ast.Attribute)
        and node.attr in private - {"_fields"}  # that of a named tuple is public
        and not (isinstance(node.value, ast.Name) and node.value.id in own)
        and not (isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "super")
    ]
    broken += [
        f"{place} {alias.name}"
        for place, node in parts_of_tests()
        if isinstance(node, ast.ImportFrom) and is_in(node.module or "", PACKAGE)
        for alias in node.names
        if PRIVATE.fullmatch(alias.name)
    ]
    assert not broken, "\n".join(["test what a part does by its public names:", *broken])


def test_no_test_patches_a_constant():
    broken = [
        f"{place} {ast.unparse(node)}"
        for place, node in parts_of_tests()
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("setattr", "setitem", "object")
        and any(
            CONSTANT.fullmatch(word.rpartition(".")[2])
            for word in (ast.unparse(argument).strip("'") for argument in node.args[:2])
        )
        and ast.unparse(node.args[0]) != "GATEWAYS"  # a new gateway is a line more of that table
    ]
    assert not broken, "\n".join(["give the part its limits (`open_app(..., limits=...)`):", *broken])


START = """
import json, pathlib, sys
import anyio
import apixo_mcp.server.stdio.transport
from apixo_mcp.app import open_app
from apixo_mcp.server.build import build_server
from apixo_mcp.settings import read_settings

async def main():
    home = pathlib.Path(sys.argv[1])
    settings = read_settings(home=home, download_dir=home / "files", apixo_api_key="sk-start")
    async with open_app(settings, owners=False) as app:
        build_server(app)

anyio.run(main)
print(json.dumps(sorted(sys.modules)))
"""

LATER = (
    "apixo_mcp.outside.tunnel",
    "apixo_mcp.outside.program",
    "apixo_mcp.cli.commands",
    "apixo_mcp.cli.program",
    "apixo_mcp.sandbox",
    "PIL",
    "apixo_mcp.media.bucket",
    "obstore",
    "psycopg",
    "prometheus_client",
    "opentelemetry.sdk",
    "opentelemetry.exporter",
    "apixo_mcp.telemetry.gauges",
    "apixo_mcp.telemetry.metrics",
    "apixo_mcp.telemetry.tracing",
    "apixo_mcp.health",
    "apixo_mcp.retention",
    "apixo_mcp.result_moves",
    "apixo_mcp.provenance",
    "apixo_mcp.media.telling",
    "apixo_mcp.media.probing.measures",
    "apixo_mcp.catalog.search.ranking",
    "apixo_mcp.gateways.answers",
    "apixo_mcp.gateways.client",
    "apixo_mcp.gateways.interpret_poll",
    "apixo_mcp.gateways.interpret_submit",
    "apixo_mcp.server.http",
    "apixo_mcp.server.links",
    "apixo_mcp.server.upload_links",
    "apixo_mcp.views.model_list",
    "apixo_mcp.webhooks",
    "sqlalchemy",
    "rich",
)


@pytest.fixture(scope="module")
def modules_at_start(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    command = [sys.executable, "-c", START, str(tmp_path_factory.mktemp("home"))]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", LATER)
def test_starting_the_stdio_server_does_not_import(name: str, modules_at_start: list[str]):
    found = [module for module in modules_at_start if is_in(module, name)]
    assert not found, f"a server that starts imports {found}; import {name} where it is used"


def test_starting_the_stdio_server_imports_of_the_owners_what_a_task_needs(modules_at_start: list[str]):
    found = {module.rpartition(".")[2] for module in modules_at_start if is_in(module, f"{PACKAGE}.owners")}
    assert found <= {"owners", "audited", "key_sources", "own_keys", "store", "tokens"}, "nobody signs in over a pipe"


def test_the_rules_see_an_import_wherever_it_stands():
    """The rules are worth what the reading of imports is: inside functions, relative, and of names."""
    seen = {entry.target for entry in imports("apixo_mcp.app")}
    assert "apixo_mcp.usage.report" in seen, "an import inside a function was not seen"
    assert "apixo_mcp.gateways.failures" in {entry.target for entry in imports("apixo_mcp.gateways.client")}, "a module"


TOOLS = re.compile(
    r"\b(generate_(image|video|audio)?\b|check_task|list_tasks|cancel_task|download_results|view_result|list_models"
    r"|describe_model|get_usage)"
)
COMMANDS = re.compile(r"\bapixo-mcp (serve|worker|sandbox|demo|doctor|generate|models|tasks)\b")


def texts(module: str) -> Iterator[tuple[int, str]]:
    """Every text of a module, with its line; docstrings, which are read by nobody who runs it, apart."""
    documents = {id(node.value) for node in ast.walk(tree(module)) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree(module)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documents:
            yield node.lineno, node.value


def test_nothing_below_the_faces_names_a_tool_or_a_command():
    views = next(number for number, names in enumerate(ROWS) if "views" in names)
    broken = [
        f"  {path_of(module)}:{line}: {text}"
        for module in modules()
        if (row := row_of(module)) is not None and row < views
        for line, text in texts(module)
        if TOOLS.search(text) or COMMANDS.search(text)
    ]
    assert not broken, "\n".join(["hand up a NextAction; each face says it in its own words:", *broken])


def test_the_command_line_names_no_tool():
    client = f"{PACKAGE}.cli.commands.demo"  # a client of the server, as a chat is
    broken = [
        f"  {path_of(module)}:{line}: {text}"
        for module in modules()
        if is_in(module, f"{PACKAGE}.cli") and module != client
        for line, text in texts(module)
        if TOOLS.search(text)
    ]
    assert not broken, "\n".join(["a shell has commands and no tools:", *broken])
