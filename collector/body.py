"""A request's body: read and inflated within bounds."""

from __future__ import annotations

import asyncio
import zlib
from http import HTTPStatus

from starlette.requests import Request

from collector.budget import Budget

_GZIP_WINDOW = 31  # 15 bits of window, with gzip's header and checksum
READ_TIMEOUT_S = 30.0


class BodyError(ValueError):
    """A body that cannot be read; `status` is the HTTP answer's."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Body:
    """Bytes of a request, counted in the budget until the block is left."""

    def __init__(self, request: Request, budget: Budget, *, max_bytes: int) -> None:
        self._request = request
        self._budget = budget
        self._max_bytes = max_bytes
        self._held = 0

    async def __aenter__(self) -> bytes:
        """Read and inflate. Raises BodyError, BudgetExceeded, starlette's ClientDisconnect."""
        try:
            return await self._read()
        except BaseException:
            self._release()
            raise

    async def __aexit__(self, *_error: object) -> None:
        self._release()

    def _release(self) -> None:
        self._budget.give_back(self._held)
        self._held = 0

    def _hold(self, count: int) -> None:
        self._budget.take(count)
        self._held += count

    async def _read(self) -> bytes:
        encoding = self._request.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in ("identity", "gzip", "x-gzip"):
            raise BodyError(
                HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"expected Content-Encoding gzip or none, came {encoding[:40]!r}"
            )
        declared = self._request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._max_bytes:
            raise self._too_large(f"{declared} bytes")
        chunks: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                async for chunk in self._request.stream():
                    size += len(chunk)
                    if size > self._max_bytes:
                        raise self._too_large("more")
                    self._hold(len(chunk))
                    chunks.append(chunk)
        except TimeoutError as error:
            raise BodyError(
                HTTPStatus.REQUEST_TIMEOUT, f"expected the body within {READ_TIMEOUT_S:.0f} s, came {size} bytes"
            ) from error
        body = b"".join(chunks)
        return body if encoding == "identity" else self._inflate(body)

    def _inflate(self, body: bytes) -> bytes:
        parts: list[bytes] = []
        size = 0
        while body:
            inflater = zlib.decompressobj(_GZIP_WINDOW)
            try:
                part = inflater.decompress(body, self._max_bytes - size + 1)
            except zlib.error as error:
                raise BodyError(HTTPStatus.BAD_REQUEST, f"expected a gzip body, came {error}") from error
            size += len(part)
            if size > self._max_bytes:
                raise self._too_large("more once inflated")
            if not inflater.eof:
                raise BodyError(HTTPStatus.BAD_REQUEST, f"expected a complete gzip body, came {len(body)} bytes of one")
            self._hold(len(part))
            parts.append(part)
            body = inflater.unused_data
        return b"".join(parts)

    def _too_large(self, came: str) -> BodyError:
        return BodyError(
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"expected a body of at most {self._max_bytes} bytes, came {came}"
        )
