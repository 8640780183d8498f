"""Plans a change of a host's file, and carries it out: install and uninstall, the latter byte for byte where it can."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from apixo_mcp.hosts.config_file import (
    ConfigFile,
    confirm_writable,
    digest,
    read_config,
    remove_config,
    write_config,
)
from apixo_mcp.hosts.editing import entry_in, has_list, installed, says_nothing, uninstalled
from apixo_mcp.hosts.entry import Launch, launch_in
from apixo_mcp.hosts.host import Host
from apixo_mcp.hosts.machine import Machine
from apixo_mcp.hosts.records import InstallRecord, InstallRecords, Made
from apixo_mcp.hosts.table import HOSTS
from apixo_mcp.hosts.values import object_of

_UNKNOWN = "unknown"
"""Stands for the digest of what was there without the entry, where nothing of it is kept."""


@dataclass(frozen=True, slots=True)
class Change:
    """What is to become of a host's file.

    Attributes:
        content: what will stand in it; None: the file goes.
        before: its text now.
        after: its text then.
        launch: how the host will start the server; None where it will not.
        record: what was done to it before, None where nothing is known.
        is_exact: whether it will be what it was before the server was installed, to the byte.
    """

    host: Host
    file: ConfigFile
    content: bytes | None
    before: str
    after: str
    launch: Launch | None = None
    record: InstallRecord | None = None
    is_exact: bool = False

    @property
    def is_nothing(self) -> bool:
        """Whether the file is as it is wanted already."""
        return self.content == self.file.content


@dataclass(frozen=True, slots=True)
class Present:
    """What stands in a host's file.

    Attributes:
        launch: how it starts the server now; None where it does not.
    """

    file: ConfigFile
    text: str
    launch: Launch | None

    @property
    def env(self) -> Mapping[str, str]:
        """What the entry sets that is there."""
        return self.launch.env if self.launch else {}


def look(host: Host, machine: Machine) -> Present:
    """Reads a host's file.

    Raises:
        NotEditable: it cannot be read; why.
    """
    file = read_config(host.config_path(machine))
    entry = object_of(entry_in(host, file.text))
    return Present(file, file.text, None if entry is None else launch_in(host, entry))


def plan_install(host: Host, present: Present, launch: Launch, records: InstallRecords) -> Change:
    """Returns the change that enters the server.

    Raises:
        NotEditable: the file cannot be changed without loss; why.
    """
    after = installed(host, present.text, launch)
    if after == present.text:
        return Change(host, present.file, present.file.content, present.text, after, launch)
    confirm_writable(present.file)
    entry = object_of(entry_in(host, after)) or {}
    content = present.file.encoded(after)
    whole = launch_in(host, entry) or launch
    return Change(host, present.file, content, present.text, after, whole, records.read(host))


def plan_uninstall(host: Host, machine: Machine, records: InstallRecords) -> Change:
    """Returns the change that takes the server out.

    Raises:
        NotEditable: the file cannot be changed without loss; why.
    """
    record = records.read(host)
    file = _entered_file(host, machine, record)
    if record is not None and record.path == str(file.path) and digest(file.content) == record.after:
        content = records.content_before(host, record) if record.before else None
        if content is not None or not record.before:
            confirm_writable(file)
            after = "" if content is None else replace(file, content=content).text
            return Change(host, file, content, file.text, after, record=record, is_exact=True)
    made = record.made if record is not None and record.path == str(file.path) else "nothing"
    after = uninstalled(host, file.text, list_too=made != "nothing")
    if after == file.text:
        return Change(host, file, file.content, file.text, after, record=record)
    confirm_writable(file)
    content = None if made == "file" and says_nothing(host, after) else file.encoded(after)
    return Change(host, file, content, file.text, after if content else "", record=record)


def _entered_file(host: Host, machine: Machine, record: InstallRecord | None) -> ConfigFile:
    """Reads the file that has the server: the host's own, else the one that it was entered in, which may be another."""
    file = read_config(host.config_path(machine))
    if record is None or record.path == str(file.path) or entry_in(host, file.text) is not None:
        return file
    return read_config(Path(record.path))


def carry_out_install(change: Change, records: InstallRecords, keyring: Sequence[str] = ()) -> Path | None:
    """Writes a host's file, after a copy of what stands in it; returns where the copy is, None where there was no file.

    Raises:
        NotEditable: it was left as it was; why.
    """
    host, file, record = change.host, change.file, change.record
    assert change.content is not None
    kept = tuple(keyring or (record.keyring if record else ()))
    ours = record if record is not None and record.path == str(file.path) else None
    if ours is not None and digest(file.content) == ours.after:
        write_config(file, change.content)
        records.write(host, replace(ours, after=digest(change.content), keyring=kept))
        return records.copy_with(host, ours.before)
    copy = records.keep_copy(host, file.path, file.content)
    is_first = entry_in(host, change.before) is None
    before = digest(file.content) if is_first else _UNKNOWN
    made = ours.made if ours and ours.made != "nothing" else _made_in(host, file, change.before)
    folders = tuple(map(str, write_config(file, change.content))) or (ours.folders if ours else ())
    records.write(host, InstallRecord(str(file.path), before, digest(change.content), made, folders, kept))
    return copy


def carry_out_uninstall(change: Change, records: InstallRecords) -> list[Path]:
    """Takes the server out of a host's file; returns where copies are that may hold more than the file does.

    Raises:
        NotEditable: it was left as it was; why.
    """
    file, record = change.file, change.record
    if change.content is not None and not change.is_nothing:
        write_config(file, change.content)
    elif not change.is_nothing:
        folders = [Path(one) for one in (record.folders if record else ())]
        remove_config(file, folders)
        _hand_on([folder for folder in folders if folder.is_dir()], change.host, records)
    records.forget(change.host, change.content)
    return records.copies(change.host)


def _made_in(host: Host, file: ConfigFile, text: str) -> Made:
    """Returns what is missing in a file that the server is to be entered in."""
    if file.content is None:
        return "file"
    return "nothing" if has_list(host, text) else "list"


def _hand_on(folders: Sequence[Path], host: Host, records: InstallRecords) -> None:
    """Leaves folders that are not empty yet to the host that was entered in one of them later."""
    for other in HOSTS.values():
        record = records.read(other)
        if other is host or record is None:
            continue
        outer = [str(folder) for folder in folders if Path(record.path).is_relative_to(folder)]
        if outer:
            records.write(other, replace(record, folders=(*outer, *record.folders)))
            return
