"""Sends the shop's purchases through the collector, as a server would, with their own timestamps."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zlib import crc32

import httpx
import structlog

from contracts.settings import Settings
from features.state import SEEN_KEPT
from streaming.history import purchase_message, read_purchases

_log = structlog.get_logger()

_CONNECTIONS = 4
_BATCH = 1000
_TIMEOUT_S = 30.0
_LONGEST_WAIT_S = 5.0

Progress = Callable[[int, int], None]
Message = dict[str, Any]


class LoadRefused(RuntimeError):
    """The collector will not take a batch, however often it is sent."""


@dataclass(frozen=True)
class Loaded:
    """What a load sent; `before` was sent by an earlier one that was interrupted."""

    sent: int
    before: int


def load_purchases(settings: Settings, progress: Progress | None = None) -> Loaded:
    """Send the year of purchases, or what is left of it; each customer's in order.

    What the collector has acknowledged is noted in `<home>/load.json`, so an interrupted load goes
    on where it was, with the timestamps that it began with, and a finished one sends nothing.
    Raises LoadRefused with the collector's own words.
    """
    journal = Journal(settings.home / "load.json")
    shares = _shares(read_purchases(settings, journal.now).to_pylist())
    loader = Loader(settings, journal, sum(map(len, shares)), progress)
    asyncio.run(loader.run(shares))
    return Loaded(loader.sent, loader.before)


class Journal:
    """How many batches of each share are acknowledged, and the instant that the year was moved to."""

    def __init__(self, path: Path) -> None:
        self._path = path
        kept = json.loads(path.read_text()) if path.exists() else {}
        self.now = datetime.fromisoformat(kept["now"]) if kept else datetime.now(UTC)
        self.batches: list[int] = kept.get("batches", [0] * _CONNECTIONS)

    def note(self, share: int) -> None:
        """One more batch of a share is acknowledged."""
        self.batches[share] += 1
        self._path.parent.mkdir(parents=True, exist_ok=True)
        partial = self._path.with_suffix(".partial")
        partial.write_text(json.dumps({"now": self.now.isoformat(), "batches": self.batches}))
        partial.replace(self._path)


class Loader:
    """One connection a share; a share holds all purchases of its customers."""

    def __init__(self, settings: Settings, journal: Journal, total: int, progress: Progress | None) -> None:
        collector = settings.collector
        self._url = f"http://{collector.host}:{collector.port}/v1/batch"
        self._key = settings.secrets.write_key.get_secret_value()
        self._journal = journal
        self._total = total
        self._progress = progress
        self.sent = 0
        self.before = 0

    async def run(self, shares: list[list[Message]]) -> None:
        """Send every share. Raises LoadRefused."""
        async with httpx.AsyncClient(auth=(self._key, ""), timeout=_TIMEOUT_S) as client, asyncio.TaskGroup() as group:
            for number, share in enumerate(shares):
                group.create_task(self._send(client, number, share))

    async def _send(self, client: httpx.AsyncClient, number: int, share: list[Message]) -> None:
        batches, acknowledged = list(_batches(share)), self._journal.batches[number]
        self.before += sum(map(len, batches[:acknowledged]))
        for batch in batches[acknowledged:]:
            await self._post(client, batch)
            self._journal.note(number)
            self.sent += len(batch)
            if self._progress is not None:
                self._progress(self.before + self.sent, self._total)

    async def _post(self, client: httpx.AsyncClient, batch: list[Message]) -> None:
        body = gzip.compress(json.dumps({"batch": batch}).encode(), compresslevel=1)
        headers = {"Content-Encoding": "gzip", "Content-Type": "application/json"}
        while True:
            try:
                answer = await client.post(self._url, content=body, headers=headers)
            except httpx.TransportError as error:
                _log.warning("the collector is away, waiting", error=str(error))
                await asyncio.sleep(1.0)
                continue
            if answer.status_code == httpx.codes.OK:
                rejected = answer.json()["rejected"]
                if rejected:
                    raise LoadRefused(f"the collector refused {len(rejected)} purchases, first: {rejected[0]}")
                return
            if answer.status_code < httpx.codes.INTERNAL_SERVER_ERROR:
                raise LoadRefused(f"{self._url}: expected 200, came {answer.status_code}: {answer.text[:500]}")
            await asyncio.sleep(min(float(answer.headers.get("Retry-After", 1)), _LONGEST_WAIT_S))


def _batches(share: list[Message]) -> Iterator[list[Message]]:
    """A share cut so that no customer has more in a batch than a state remembers message ids.

    A batch that was taken, but not noted before an interruption, then has no second effect.
    """
    batch: list[Message] = []
    lines: Counter[str] = Counter()
    for message in share:
        customer = message["userId"]
        if len(batch) == _BATCH or lines[customer] == SEEN_KEPT:
            yield batch
            batch, lines = [], Counter()
        batch.append(message)
        lines[customer] += 1
    if batch:
        yield batch


def _shares(rows: list[dict[str, Any]]) -> list[list[Message]]:
    """Purchases of the same customer in the same share, in their order."""
    shares: list[list[Message]] = [[] for _ in range(_CONNECTIONS)]
    for row in rows:
        shares[crc32(row["customer_id"].encode()) % _CONNECTIONS].append(purchase_message(row))
    return shares
