"""A file read again whenever it changes; the last good content stays when the new one cannot be read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Generic, TypeVar

import structlog

T = TypeVar("T")
_Signature = tuple[int, int, int]


class WatchedFile(Generic[T]):
    """What `read` makes of the file at `path`. Not thread-safe: one thread refreshes."""

    def __init__(self, path: Path, read: Callable[[Path], T]) -> None:
        self._path = path
        self._read = read
        self._signature: _Signature | None = None
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
        """Read the file if it has changed or could not be read before. True where the value is new."""
        signature = self._look()
        if signature is None:
            # Gone: what was read of it stays true until something else is said.
            self._signature = None
            self._fail("the file is gone", FileNotFoundError) if self._value is not None else self._recover()
            return False
        if signature == self._signature and not self._error:
            return False
        try:
            value = self._read(self._path)
        except Exception as error:  # noqa: BLE001 - a file can be broken in more ways than a reader names
            self._fail(f"{type(error).__name__}: {error}", type(error))
            return False
        self._signature, self._value = signature, value
        self._recover()
        return True

    def _look(self) -> _Signature | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _fail(self, error: str, kind: type[Exception]) -> None:
        if error != self._error:
            kept = "the last content stays" if self._value is not None else "there is none to fall back on"
            self._log.error("file.unreadable", path=str(self._path), error=error, kept=kept, exc_info=True)
        self._error, self._failure = error, kind.__name__

    def _recover(self) -> None:
        if self._error:
            self._log.info("file.readable_again", path=str(self._path))
        self._error = self._failure = ""
