"""A folder that files are written to, held such that no link that somebody plants in it leads elsewhere. Blocking."""

import contextlib
import errno
import hashlib
import os
import secrets
import stat
from pathlib import Path
from typing import BinaryIO, Self, cast

_NO_LINK = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_LONGEST_NOTE = 16 << 20


class Folder:
    """A folder, and safe ways to open files in it.

    Where the system can, files are opened relative to the folder itself: putting a link in its place changes nothing.
    """

    def __init__(self, path: Path) -> None:
        """Takes a folder that is there, and none that is a link or stands behind one.

        Args:
            path: absolute, with every link resolved.

        Raises:
            OSError: it is no such folder.
        """
        self.path = path
        self._handle: int | None = None
        if os.open in os.supports_dir_fd:
            flags = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
            with contextlib.suppress(PermissionError):  # may be written to, and not be listed
                self._handle = os.open(path, flags)
        if not _is_real(path):
            self.close()
            raise NotADirectoryError(errno.ENOTDIR, "a link stands where the folder should be", str(path))

    @classmethod
    def made(cls, path: Path) -> Self:
        """Returns the folder, which is made where it is missing.

        Raises:
            OSError: it cannot be made, or a link stands in its place.
        """
        path.mkdir(parents=True, exist_ok=True)
        return cls(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the folder."""
        if self._handle is not None:
            handle, self._handle = self._handle, None
            os.close(handle)

    def create(self, name: str) -> tuple[BinaryIO, str]:
        """Makes a new file to read and write, in place of whatever has that name; never through a link.

        Returns:
            The file and its name: another one where the first cannot be had (a folder has it).

        Raises:
            OSError: the disk refuses.
        """
        for candidate in (name, f"{name}.{secrets.token_hex(4)}"):
            with contextlib.suppress(OSError):
                (self.path / candidate).unlink(missing_ok=True)
            with contextlib.suppress(FileExistsError):
                return self._open(candidate, os.O_RDWR | os.O_CREAT | os.O_EXCL, "w+b"), candidate
        raise FileExistsError(errno.EEXIST, "the name of a temporary file is taken", str(self.path / name))

    def reopen(self, name: str) -> BinaryIO:
        """Opens a file of ours to go on with it.

        Raises:
            OSError: it is a link, no regular file, or has a second name somewhere.
        """
        file = self._open(name, os.O_RDWR, "r+b")
        if os.fstat(file.fileno()).st_nlink > 1:
            file.close()
            raise OSError(errno.EMLINK, "it has another name too", str(self.path / name))
        return file

    def open(self, name: str) -> BinaryIO:
        """Opens a regular file to read it.

        Raises:
            OSError: it is a link, or no regular file.
        """
        return self._open(name, os.O_RDONLY, "rb")

    def read(self, name: str) -> bytes:
        """Returns what a small file holds.

        Raises:
            OSError: it is a link, or no regular file.
        """
        with self.open(name) as file:
            return file.read(_LONGEST_NOTE)

    def size(self, name: str) -> int | None:
        """Returns the bytes of a regular file, None where there is none."""
        return file_size(self.path / name)

    def write(self, name: str, data: bytes) -> str:
        """Puts data into a new file and onto the disk; returns the file's name.

        Raises:
            OSError: the disk refuses.
        """
        file, name = self.create(name)
        with file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return name

    def remove(self, *names: str) -> None:
        """Removes files; what is gone already, or cannot be removed, is left as it is."""
        for name in names:
            with contextlib.suppress(OSError):
                (self.path / name).unlink(missing_ok=True)

    def delete(self, name: str, status: os.stat_result) -> None:
        """Deletes a file, if it is still the one that was looked at.

        Args:
            status: of the file when it was open.

        Raises:
            OSError: it is another one by now, or cannot be deleted.
        """
        if self._handle is not None and os.unlink in os.supports_dir_fd and os.stat in os.supports_dir_fd:
            now = os.stat(name, dir_fd=self._handle, follow_symlinks=False)
        else:
            now = os.lstat(self.path / name)
        if (now.st_ino, now.st_size, now.st_mtime_ns) != (status.st_ino, status.st_size, status.st_mtime_ns):
            raise OSError(errno.EBUSY, "it has been changed", str(self.path / name))
        if self._handle is not None and os.unlink in os.supports_dir_fd:
            os.unlink(name, dir_fd=self._handle)
        else:
            (self.path / name).unlink()

    def sync(self) -> None:
        """Makes new names survive a power cut, where the system can."""
        if self._handle is not None:
            with contextlib.suppress(OSError):
                os.fsync(self._handle)

    def _open(self, name: str, flags: int, mode: str) -> BinaryIO:
        path = self.path / name
        if not getattr(os, "O_NOFOLLOW", 0) and path.is_symlink():
            raise OSError(errno.ELOOP, "it is a link", str(path))
        if self._handle is None:
            if not _is_real(self.path):
                raise NotADirectoryError(errno.ENOTDIR, "a link stands where the folder should be", str(self.path))
            handle = os.open(path, flags | _NO_LINK, 0o666)
        else:
            handle = os.open(name, flags | _NO_LINK, 0o666, dir_fd=self._handle)
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise OSError(errno.EINVAL, "it is no regular file", str(path))
            return cast("BinaryIO", os.fdopen(handle, mode))
        except BaseException:
            os.close(handle)
            raise


def made_beneath(root: Path, name: str) -> Folder:
    """Returns a folder of `root`, made where it is missing; where something else has its name, one of a like name.

    Args:
        root: may be a link itself, and is followed then: its owner put it there.

    Raises:
        OSError: none can be had.
    """
    root.mkdir(parents=True, exist_ok=True)
    real = root.resolve()
    for number in range(1, 10):
        place = real / (name if number == 1 else f"{name} ({number})")
        if not place.is_symlink() and (place.is_dir() or not os.path.lexists(place)):
            return Folder.made(place)
    raise NotADirectoryError(errno.ENOTDIR, "links stand where the folder should be", str(root / name))


def open_file(path: Path) -> BinaryIO:
    """Opens a saved file to read it, and never a link that took its place.

    Raises:
        OSError: it is a link, no regular file, or gone.
    """
    with Folder(path.parent.resolve()) as folder:
        return folder.open(path.name)


def file_size(path: Path) -> int | None:
    """Returns the bytes of a regular file, None where there is none, or a link to one."""
    with contextlib.suppress(OSError, ValueError):
        status = os.lstat(path)
        return status.st_size if stat.S_ISREG(status.st_mode) else None
    return None


def has_hash(path: Path, sha256: object) -> bool:
    """Tells whether a saved file is there and has this hash."""
    try:
        with open_file(path) as file:
            return hash_of(file) == sha256
    except OSError:
        return False


def hash_of(file: BinaryIO) -> str:
    """Returns the SHA-256 of a whole file, in lower hex."""
    file.seek(0)
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return digest.hexdigest()


def _is_real(path: Path) -> bool:
    """Tells whether a path is a folder and no part of it is a link."""
    return path.is_dir() and os.path.normcase(os.path.realpath(path)) == os.path.normcase(path)
