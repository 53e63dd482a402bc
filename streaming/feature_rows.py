"""Rows of Feast's online store, encoded as Feast encodes them, written by the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

# Before Feast, whose import would turn its counters into files that processes share.
import prometheus_client  # noqa: F401

# isort: split
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import Value
from feast.type_map import python_values_to_proto_values

from contracts.lake import USER_BEHAVIOR
from contracts.snapshot import Snapshot
from feature_repo.store import of_generation
from features.instant import from_us
from streaming.behavior_encoding import BehaviorEncoding

Field = str | int | float | bool | bytes | Sequence[str] | None


class OnlineRow(NamedTuple):
    """One entity's values of one view as of `row_us`."""

    entity: str
    row_us: int
    values: Mapping[str, Field]


class FeatureRows:
    """Writes rows by Feast's online store. A row that is no newer than the stored one is passed over there."""

    def __init__(self, store: Any) -> None:
        """`store` is an opened feast.FeatureStore whose registry knows the views."""
        self._config = store.config
        self._store = store
        self._online = store.provider.online_store
        self._views: dict[str, Any] = {}
        self.generation: int | None = None
        self._encoding: BehaviorEncoding | None = None

    def use(self, generation: int) -> None:
        """Write rows of this generation from now on, whichever serves."""
        self.generation = generation
        self._config = of_generation(self._store.config, generation)

    def write_behavior(self, snapshots: Iterable[Snapshot]) -> None:
        """Write rows of `user_behavior`. Raises RedisError."""
        if self._encoding is None:
            self._encoding = BehaviorEncoding(self._store, self._view(USER_BEHAVIOR))
        row = self._encoding.row
        self._online.write_encoded(self._config, self._encoding.time_field, [row(one) for one in snapshots])

    def write(self, view_name: str, rows: Sequence[OnlineRow]) -> None:
        """Write rows of another view, by the view's own types; fields it does not have are left out.

        Raises RedisError.
        """
        if not rows:
            return
        view = self._view(view_name)
        columns = {
            field.name: python_values_to_proto_values(
                [row.values.get(field.name) for row in rows], field.dtype.to_value_type()
            )
            for field in view.features
        }
        built: list[tuple[EntityKey, dict[str, Value], datetime, None]] = [
            (
                EntityKey(join_keys=view.join_keys, entity_values=[Value(string_val=row.entity)]),
                {name: column[place] for name, column in columns.items()},
                from_us(row.row_us),
                None,
            )
            for place, row in enumerate(rows)
        ]
        self._online.online_write_batch(self._config, view, built, None)

    def _view(self, name: str) -> Any:
        if name not in self._views:
            self._views[name] = self._store.get_feature_view(name)
        return self._views[name]
