"""The files that are written: private, whole before they get their names, and never over another. An archive grows in
one, held by one command at a time."""

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from app.client.ended import Code, Ended

_PRIVATE = 0o600
_CHUNK = 1 << 20


def target_of(output: str | None, name: str) -> Path:
    """Where a file is to lie: the one that is named, or a neutral name in the folder. Raises Ended."""
    given = Path(output or ".").expanduser()
    path = given / name if _is_folder(output, given) else given
    require_folder(path.parent)
    return path


def require_free(output: str | None, option: str = "--output") -> None:
    """Raises Ended if the named file is there already, or its folder is not."""
    given = Path(output or ".").expanduser()
    if _is_folder(output, given):
        require_folder(given, option)
        return
    require_folder(given.parent, option)
    if os.path.lexists(given):
        raise taken(given, option)


def require_folder(folder: Path, option: str = "--output") -> None:
    if not folder.is_dir():
        raise Ended(Code.MISUSED, f"There is no folder {folder}; make it, or name another one with {option}.")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise Ended(Code.MISUSED, f"Nothing can be written in the folder {folder}; name another one with {option}.")


def taken(path: Path, option: str = "--output") -> Ended:
    return Ended(Code.MISUSED, f"{path} is there already, and is not overwritten; name another one with {option}.")


def write_whole(target: Path, content: bytes) -> None:
    """Something small, as a new file that only its owner reads. Raises Ended."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(target, flags, _PRIVATE), "wb") as file:
            file.write(content)
    except FileExistsError:
        raise taken(target) from None
    except OSError as error:
        raise Ended(Code.DOES_NOT_HOLD, f"{target} cannot be written: {error.strerror or error}.") from error


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_folder(output: str | None, given: Path) -> bool:
    return given.is_dir() or (output or "").endswith(os.sep)


@dataclass(slots=True)
class Part:
    """Its ETag lies beside it, so that whoever goes on later asks for the rest of the same."""

    file: BinaryIO
    path: Path

    @property
    def length(self) -> int:
        return os.fstat(self.file.fileno()).st_size

    @property
    def etag(self) -> str:
        with suppress(OSError, UnicodeDecodeError):
            return _beside(self.path).read_text("ascii").strip()
        return ""

    def begin(self, etag: str) -> None:
        """From the first byte on. The ETag goes first: bytes without it could be of anything."""
        self.file.truncate(0)
        with _opened(_beside(self.path)) as file:
            file.truncate(0)
            file.write(etag.encode("ascii", "ignore"))

    def append(self, chunk: bytes) -> None:
        self.file.seek(0, os.SEEK_END)
        self.file.write(chunk)

    def digest(self) -> str:
        self.file.flush()
        return digest_of(self.path)

    def finish(self, target: Path) -> None:
        """Gives it its name, in one step and never another file's. Raises Ended."""
        os.fsync(self.file.fileno())
        try:
            os.link(self.path, target)
        except FileExistsError:
            raise taken(target) from None
        except OSError:
            # A file system without hard links, a stick for example.
            if os.path.lexists(target):
                raise taken(target) from None
            self.path.rename(target)
        self.discard()

    def discard(self) -> None:
        self.path.unlink(missing_ok=True)
        _beside(self.path).unlink(missing_ok=True)


@contextmanager
def part_of(target: Path) -> Iterator[Part]:
    """Held for as long as the block; what is empty at its end does not stay. Raises Ended."""
    path = target.with_name(f"{target.name}.part")
    with _opened(path) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise Ended(Code.MISUSED, f"Another command downloads into {path} just now; wait for it.") from None
        part = Part(file, path)
        try:
            yield part
        finally:
            if path.exists() and not part.length:
                part.discard()


def _beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.etag")


def _opened(path: Path) -> BinaryIO:
    """For reading and writing, without following a link that somebody laid there."""
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, _PRIVATE)
    os.fchmod(number, _PRIVATE)
    return os.fdopen(number, "r+b", buffering=0)
