"""Where a batch of folded profiles goes: the online store, Kafka, the lake.

A batch that comes again changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
from pyiceberg.table import Table

from contracts.lake import SCHEMAS, USER_BEHAVIOR, USER_DEMOGRAPHICS, USER_SEGMENTS, identifier, open_catalog
from contracts.settings import Settings
from contracts.topics import Topics
from features.instant import from_us
from streaming.feature_rows import FeatureRows, OnlineRow
from streaming.keyed_fold import Folded
from streaming.lake_batches import BatchMark, append_batch
from streaming.lake_rows import behavior_rows
from streaming.outbox import Outbox
from streaming.publish import refusal

SOURCE = "spark"


def write_online(rows: FeatureRows, batch: Iterable[Folded]) -> None:
    """Bring the profiles' online rows up to date. Raises RedisError.

    The values are absolute, and the store passes over what is no newer than it has.
    """
    changed = [one for one in batch if one.history]
    rows.write_behavior(one.history[-1] for one in changed)
    rows.write_attributes(
        {
            view: [
                OnlineRow(one.profile_id, one.history[-1].row_us, found)
                for one in changed
                if (found := values(one)) is not None
            ]
            for view, values in ((USER_DEMOGRAPHICS, _demographics), (USER_SEGMENTS, _segments))
        }
    )


class BatchSink:
    """What a batch leaves beside online rows: derived and refused records in Kafka, history in the lake."""

    def __init__(self, settings: Settings, outbox: Outbox) -> None:
        """Opens the lake."""
        catalog = open_catalog(settings)
        self._tables: dict[str, Table] = {
            name: catalog.load_table(identifier(name)) for name in (USER_BEHAVIOR, USER_DEMOGRAPHICS, USER_SEGMENTS)
        }
        self._outbox = outbox
        self._topics = Topics(settings.kafka.topic_prefix)

    def write(self, mark: BatchMark, batch: Sequence[Folded]) -> None:
        """Publish, then append. Raises KafkaError, Interrupted, AnotherRun, CommitFailedException."""
        self._publish(batch)
        for name, rows in lake_rows(batch).items():
            table = self._tables[name]
            table.refresh()
            append_batch(table, rows, mark)

    def _publish(self, batch: Sequence[Folded]) -> None:
        # In the order of what caused them, whoever folded it: receivers take a source's records by
        # rising offset, and what came out of turn they would hold for a repeat.
        derived = sorted((one for each in batch for one in each.derived), key=lambda one: (one.partition, one.offset))
        for record in derived:
            self._outbox.send(self._topics.events, record.body, key=record.profile_id.encode(), headers=record.headers)
        refused = sorted((one for each in batch for one in each.refused), key=lambda one: (one.partition, one.offset))
        for one in refused:
            where = (self._topics.events, one.partition, one.offset)
            self._outbox.send(self._topics.rejected, refusal(SOURCE, one.reason, one.value, where))
        self._outbox.flush()


def lake_rows(batch: Sequence[Folded]) -> dict[str, pa.Table]:
    """The batch's new rows by table, profiles in order of their ids."""
    ordered = sorted((one for one in batch if one.history), key=lambda one: one.profile_id)
    created = datetime.now(UTC)
    return {
        USER_BEHAVIOR: behavior_rows([row for one in ordered for row in one.history], created=created),
        USER_DEMOGRAPHICS: _attribute_rows(USER_DEMOGRAPHICS, ordered, created),
        USER_SEGMENTS: _attribute_rows(USER_SEGMENTS, ordered, created),
    }


def _attribute_rows(table: str, ordered: Sequence[Folded], created: datetime) -> pa.Table:
    values = _segments if table == USER_SEGMENTS else _demographics
    rows: list[dict[str, Any]] = []
    for one in ordered:
        found = values(one)
        if found is not None:
            last = one.history[-1]
            key = {"user_id": one.profile_id, "event_timestamp": from_us(last.row_us), "created": created}
            rows.append({**key, "offset": last.offset, **found})
    return pa.Table.from_pylist(rows, schema=SCHEMAS[table])


def _demographics(one: Folded) -> dict[str, Any] | None:
    return one.demographics


def _segments(one: Folded) -> dict[str, Any] | None:
    return None if one.segments is None else {"segments": one.segments}
