"""Every command with arguments that nobody means: an exit code and a sentence, and never a traceback."""

import itertools
import os
import shlex
import subprocess
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from support.shell import COMMAND, started

from apixo_mcp.cli.program import program

STAY = ("serve", "worker", "sandbox", "demo", "gallery")
ODD = ("", " ", "-", "--", "-x", "\x1b[31m", "\ud800", "🦊", "a" * 5000, "tsk_nothing", "nano-banana", "../x", "1", "=")


def leaves(group: click.Group, *path: str) -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name, command in group.commands.items():
        found += leaves(command, *path, name) if isinstance(command, click.Group) else [(*path, name)]
    return found


@pytest.fixture(autouse=True)
def _folders(folders: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in folders.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)


def typed(*words: str, **variables: str) -> Result:
    return CliRunner().invoke(program, list(words), env=variables, input="")


def is_told(done: Result) -> bool:
    """Whether a command ended as commands do: what it could not do is a sentence."""
    ended = done.exception is None or isinstance(done.exception, SystemExit)
    return ended and done.exit_code in (0, 1, 2) and (done.exit_code == 0 or bool(done.output.strip()))


@pytest.mark.parametrize("path", leaves(program), ids=" ".join)
def test_each_command_tells_of_itself(path: tuple[str, ...]):
    done = typed(*path, "--help")
    assert done.exit_code == 0
    assert done.stdout.startswith(f"Usage: apixo-mcp {' '.join(path)} ")
    wrong = typed(*path, "--no-such-option")
    assert wrong.exit_code == 2
    assert "No such option" in wrong.stderr


@pytest.mark.parametrize("path", leaves(program), ids=" ".join)
def test_each_option_says_what_it_does(path: tuple[str, ...]):
    command: click.Command = program
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    silent = [option.name for option in command.params if isinstance(option, click.Option) and not option.help]
    assert not silent


@pytest.mark.parametrize("path", [path for path in leaves(program) if path[0] not in STAY], ids=" ".join)
def test_no_arguments_end_in_a_traceback(path: tuple[str, ...]):
    for words in ((), *((odd,) for odd in ODD), *itertools.product(ODD[:8], ODD[5:10])):
        done = typed(*path, *words)
        assert is_told(done), (words, done.exception, done.output)
        assert "\x1b" not in done.output


@pytest.mark.parametrize(
    "words",
    [
        ["serve", "--port", "9000"],
        ["serve", "--host", "127.0.0.1"],
        ["serve", "--transport", "stdio", "--port", "8000"],
        ["serve", "--transport", "pigeon"],
        ["serve", "--transport", "http", "--port", "x"],
        ["serve", "extra"],
        ["worker", "extra"],
        ["sandbox", "--port", "-1"],
        ["demo", "a", "b"],
        ["gallery", "extra"],
        ["gallery", "--port", "x"],
        ["generate"],
        ["generate", "nano-banana", "-", "-"],
        ["generate", "nano-banana", "--set"],
        ["generate", "nano-banana", "--set", "=1"],
        ["generate", "nano-banana", "a fox", "--provider", "cheap"],
        ["tasks", "list", "--limit", "0"],
        ["tasks", "list", "--state", "succes"],
        ["tasks", "resolve", "tsk_x"],
        ["nonsense"],
    ],
    ids=" ".join,
)
def test_a_command_line_that_is_wrong(words: list[str]):
    done = typed(*words)
    assert done.exit_code == 2
    assert "Error: " in done.stderr


@pytest.mark.parametrize(
    ("words", "near"),
    [
        (["tsks"], "tasks"),
        (["tasks", "lst"], "list"),
        (["models", "shwo", "x"], "show"),
        (["generate", "m", "--no-wiat"], "--no-wait"),
        (["tasks", "list", "--stat", "failed"], "--state"),
    ],
)
def test_the_nearest_is_named(words: list[str], near: str):
    done = typed(*words)
    assert done.exit_code == 2
    assert near in done.stderr.splitlines()[-1]


def test_a_prompt_that_is_not_utf_8_is_not_sent_garbled(tmp_path: Path):
    env = {"APIXO_API_KEY": "sk-mine", "APIXO_MCP_HOME": str(tmp_path), "APIXO_BASE_URL": "http://127.0.0.1:1"}
    words = ["generate", "nano-banana", "-", "--quote"]
    done = CliRunner().invoke(program, words, env=env, input="a café".encode("latin-1"))
    assert done.exit_code == 1
    assert "UTF-8" in done.stderr
    assert "a caf" in CliRunner().invoke(program, [*words, "--json"], env=env, input="\ufeffa café").stdout


def test_options_that_stdio_ignores_are_refused():
    done = typed("serve", "--port", "9000")
    assert "--port is for --transport http or sse" in done.stderr


@pytest.mark.parametrize("state", ["", "failed"])
def test_an_empty_list_says_so(state: str):
    done = typed("tasks", "list", *(["--state", state] if state else []))
    assert (done.exit_code, done.stdout) == (0, "")
    assert done.stderr == ("No task is in state failed.\n" if state else "There are no tasks yet.\n")


def test_a_slip_in_a_search_finds_what_was_meant_and_a_word_for_nothing_says_so():
    done = typed("models", "list", "nano-bananna")
    assert done.exit_code == 0
    assert "nano-banana: " in done.stdout
    done = typed("models", "list", "zzzqqq")
    assert done.exit_code == 0
    assert "Nothing in it names a model or what one is to have" in done.stdout


def test_no_model_on_offer_is_a_mistake():
    done = typed("models", "list", APIXO_MCP_MODELS="zzz*")
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == "apixo-mcp: APIXO_MCP_MODELS: no model matches 'zzz*'.\n"


@pytest.mark.skipif(os.name == "nt", reason="nothing can be made beneath /dev/null")
@pytest.mark.parametrize("path", ["/dev/null", "/dev/null/home"])
def test_a_data_folder_that_cannot_be_had_is_named(path: str):
    done = typed("tasks", "list", APIXO_MCP_HOME=path)
    assert done.exit_code == 1
    assert "set APIXO_MCP_HOME to another one, which can be written to" in done.stderr
    assert "Errno" not in done.stderr


@pytest.mark.process
@pytest.mark.parametrize(
    "words",
    [("models", "list"), ("models", "show", "nano-banana"), ("doctor",), ("tasks", "list"), ("--help",)],
    ids=" ".join,
)
def test_a_reader_may_leave_at_once(words: tuple[str, ...], folders: dict[str, str]):
    process = started(*words, variables=folders)
    assert process.stdout
    process.stdout.close()
    assert process.stderr
    said = process.stderr.read()
    process.wait(60)
    assert "Traceback" not in said
    assert "Exception" not in said


@pytest.mark.process
@pytest.mark.skipif(os.name == "nt", reason="a shell closes the streams")
@pytest.mark.parametrize("path", [path for path in leaves(program) if path[0] not in STAY], ids=" ".join)
def test_the_output_may_be_closed(path: tuple[str, ...], folders: dict[str, str]):
    words = {"generate": ["nano-banana", "a fox", "--quote"], "show": ["nano-banana"], "download": ["tsk_x", "."]}
    command = shlex.join([*COMMAND, *path, *words.get(path[-1], [])])
    shell = ["/bin/sh", "-c", f"{command} >&-"]
    done = subprocess.run(shell, env={**os.environ, **folders}, capture_output=True, timeout=60, check=False)
    assert done.returncode in (0, 1, 2)
    assert b"Traceback" not in done.stdout + done.stderr
    assert b"Error" not in done.stderr or done.returncode


@pytest.mark.process
@pytest.mark.skipif(os.name == "nt", reason="a shell closes the streams")
def test_an_export_to_a_closed_output_is_not_said_to_be_done(folders: dict[str, str]):
    shell = ["/bin/sh", "-c", f"{shlex.join(COMMAND)} tasks export >&-"]
    done = subprocess.run(shell, env={**os.environ, **folders}, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (1, b"Error: standard output is closed; name a file\n")


@pytest.mark.process
@pytest.mark.skipif(os.name == "nt", reason="a shell closes the streams")
@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("words", ["serve", "tasks list"])
def test_streams_may_be_closed(words: str, closed: str, folders: dict[str, str]):
    shell = ["/bin/sh", "-c", f"{shlex.join(COMMAND)} {words} </dev/null {closed}"]
    done = subprocess.run(shell, env={**os.environ, **folders}, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, b"")
    assert b"Traceback" not in done.stderr


@pytest.mark.process
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("words", [("models", "list"), ("doctor",)], ids=" ".join)
def test_an_output_that_takes_no_more(words: tuple[str, ...], folders: dict[str, str]):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [*COMMAND, *words],
            env={**os.environ, **folders},
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == b"Error: No space left on device"


@pytest.mark.process
def test_a_reader_that_leaves_doctor_once_the_task_store_is_open(folders: dict[str, str]):
    environment = {**os.environ, **folders}
    with subprocess.Popen(
        [*COMMAND, "doctor"], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as program:
        try:
            assert program.stdout is not None
            assert any(b"task store" in line for line in program.stdout)
            program.stdout.close()
            assert program.wait(timeout=60) == 1
            assert program.stderr is not None
            assert b"Traceback" not in program.stderr.read()
        finally:
            program.kill()


@pytest.mark.process
@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "gbk"])
def test_a_terminal_that_lacks_characters(encoding: str, folders: dict[str, str]):
    command = [*COMMAND, "tasks", "show", "🦊 李"]
    environment = {**os.environ, **folders, "PYTHONIOENCODING": encoding}
    done = subprocess.run(command, env=environment, stderr=subprocess.PIPE, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr.decode(encoding).startswith("apixo-mcp: There is no task ")
    assert b"Traceback" not in done.stderr
