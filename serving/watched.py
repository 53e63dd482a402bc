"""A file read again whenever it changes; the last good content stays when the new one cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

import structlog

T = TypeVar("T")
_Signature = tuple[int, int, int]


class WatchedFile(Generic[T]):
    """What `read` makes of the file at `path`. Not thread-safe: one thread refreshes.

    Where the file points to others, `parts` names them: what was refused is read again once the file or
    one of them has changed. Errors of the machine may pass by themselves: they are tried again at each refresh.
    """

    def __init__(
        self, path: Path, read: Callable[[Path], T], *, parts: Callable[[Path], Sequence[Path]] | None = None
    ) -> None:
        self._path = path
        self._read = read
        self._parts = parts
        self._signature: _Signature | None = None
        self._refused: tuple[_Signature | None, ...] = ()
        self._value: T | None = None
        self._error = ""
        self._failure = ""
        self._log = structlog.get_logger(__name__)

    @property
    def value(self) -> T | None:
        """The last content that could be read; None before the first."""
        return self._value

    @property
    def error(self) -> str:
        """Why the present content could not be read; empty where it could, or where there never was a file."""
        return self._error

    @property
    def failure(self) -> str:
        """The kind of that error, by its class; empty where there is none."""
        return self._failure

    def refresh(self) -> bool:
        """Read the file if it has changed, or may be readable by now. True where the value is new."""
        signature = _look(self._path)
        if signature is None:
            # Gone: what was read of it stays true until something else is said.
            self._signature, self._refused = None, ()
            self._fail("the file is gone", FileNotFoundError) if self._value is not None else self._recover()
            return False
        if signature == self._signature and not self._error:
            return False
        seen = (signature, *map(_look, self._parts(self._path) if self._parts else ()))
        if seen == self._refused:
            return False
        try:
            value = self._read(self._path)
        except Exception as error:  # noqa: BLE001 - a file can be broken in more ways than a reader names
            self._refused = () if isinstance(error, OSError | MemoryError) else seen
            self._fail(f"{type(error).__name__}: {error}", type(error))
            return False
        self._signature, self._value, self._refused = signature, value, ()
        self._recover()
        return True

    def _fail(self, error: str, kind: type[Exception]) -> None:
        if error != self._error:
            kept = "the last content stays" if self._value is not None else "there is none to fall back on"
            self._log.error("file.unreadable", path=str(self._path), error=error, kept=kept, exc_info=True)
        self._error, self._failure = error, kind.__name__

    def _recover(self) -> None:
        if self._error:
            self._log.info("file.readable_again", path=str(self._path))
        self._error = self._failure = ""


def _look(path: Path) -> _Signature | None:
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
