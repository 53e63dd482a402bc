"""The demo's comparisons fail where a row is lost, doubled or another, and hold where a query did its work.

Spark itself is not here: its batches are folded in this process, by the same fold and into the same sink.
"""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest

from contracts.event import Event
from contracts.lake import USER_BEHAVIOR, open_table
from contracts.settings import Settings
from contracts.topics import Topics
from features.fold import DEFAULT_LATENESS_US
from stack.spark_check import Check, check_batches, check_values, read_records
from stack.spark_demo import send, send_catalogue, traffic
from stack.spark_driver import committed_offsets
from streaming.batch_sink import BatchSink, write_online
from streaming.feature_rows import FeatureRows
from streaming.keyed_fold import Record, fold_records
from streaming.lake_batches import BatchMark
from streaming.outbox import Outbox, open_producer
from streaming.spark_items import followed_items

SIZE = 25


class Engine:
    """What Spark does with the query: batches of so many records a partition, noted before and after."""

    def __init__(self, settings: Settings, store: Any) -> None:
        self.settings = settings
        self.topic = Topics(settings.kafka.topic_prefix).events
        self.items = followed_items(settings.kafka, DEFAULT_LATENESS_US).table
        self.rows = FeatureRows(store)
        self.outbox = Outbox(open_producer(settings), Flag())
        self.sink = BatchSink(settings, self.outbox)
        self.memory: dict[str, bytes] = {}
        self.ends: dict[int, int] = {}
        self.batch = 0

    def run(self) -> None:
        """Batch after batch until nothing is left; every third is given twice."""
        while groups := self._next():
            for _ in range(2 if self.batch % 3 == 0 else 1):
                made = {
                    name: fold_records(self.memory.get(name), name, some, items=self.items)
                    for name, some in groups.items()
                }
                folded = [one for _, one in made.values()]
                write_online(self.rows, folded)
                self.sink.write(BatchMark("here", self.batch), folded)
            self.memory.update({name: memory for name, (memory, _) in made.items()})
            self._note("commits", "v1\n{}")
            self.batch += 1
        self.outbox.close()

    def _next(self) -> dict[str, list[Record]]:
        groups: dict[str, list[Record]] = defaultdict(list)
        for partition, records in read_records(self.settings, self.topic).items():
            begin = self.ends.get(partition, 0)
            for record in records[begin : begin + SIZE]:
                groups[(record.key or b"").decode()].append(record)
                self.ends[partition] = record.offset + 1
        if groups:
            self._note("offsets", f"v1\n{{}}\n{json.dumps({self.topic: self.ends})}")
        return groups

    def _note(self, log: str, text: str) -> None:
        path = Path(self.settings.spark_checkpoint) / log / str(self.batch)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.fixture
def events() -> list[Event]:
    return traffic(600, users=40)


@pytest.fixture
def engine(settings: Settings, events: list[Event]) -> Iterator[Engine]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from feature_repo.store import apply

        store = apply(settings)
    send_catalogue(settings)
    send(settings, events)
    engine = Engine(settings, store)
    engine.run()
    yield engine
    followed_items(settings.kafka, DEFAULT_LATENESS_US).close()


def checks(engine: Engine, events: list[Event], store: Any) -> dict[str, Check]:
    made = check_values(store, events, engine.items) + check_batches(engine.settings, store, engine.items)
    return {check.name: check for check in made}


def test_comparisons_hold_for_a_query_that_did_its_work_and_fail_for_each_harm(
    settings: Settings, engine: Engine, events: list[Event]
) -> None:
    from feature_repo.store import open_store

    store = open_store(settings)
    done = checks(engine, events, store)
    assert {name: check.differing for name, check in done.items() if not check.passed} == {}
    assert engine.batch > 3
    assert committed_offsets(Path(settings.spark_checkpoint), engine.topic) == engine.ends

    table = open_table(settings, USER_BEHAVIOR)
    rows = table.scan().to_arrow()
    table.append(rows.slice(5, 1))
    history = "rows of history, each once, to the bit"
    assert len(checks(engine, events, store)[history].differing) == 1

    table.overwrite(rows.slice(1))
    assert len(checks(engine, events, store)[history].differing) == 1

    table.overwrite(rows)
    merged = next(event.user_id for event in events if event.user_id)
    visitor = next(event.profile_id for event in events if event.user_id is None)
    for profile_id in (str(merged), visitor):
        _forget(store, profile_id)
    harmed = checks(engine, events, store)
    assert list(harmed["merged users' online features"].differing) == [merged]
    assert sorted(harmed["online states, to the bit"].differing) == sorted([str(merged), visitor])


def _forget(store: Any, profile_id: str) -> None:
    """Delete a profile's online row, as nobody should."""
    from feast.protos.feast.types.EntityKey_pb2 import EntityKey
    from feast.protos.feast.types.Value_pb2 import Value

    online = store.provider.online_store
    key = EntityKey(join_keys=["user_id"], entity_values=[Value(string_val=profile_id)])
    assert online._get_client(store.config.online_store).delete(online.row_key(store.config, key)) == 1


def test_a_comparison_of_nothing_does_not_pass() -> None:
    assert not Check("nothing", 0, []).passed
