"""Rows of Feast's online store, encoded as Feast encodes them, written by the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

# First, for its package says how Feast is imported.
from feature_repo.store import of_generation

# isort: split
from feast.infra.online_stores.helpers import _mmh3
from feast.protos.feast.types.EntityKey_pb2 import EntityKey
from feast.protos.feast.types.Value_pb2 import StringList, Value
from feast.value_type import ValueType

from contracts.lake import USER_BEHAVIOR
from contracts.snapshot import Snapshot
from features.instant import from_us
from streaming.behavior_encoding import BehaviorEncoding, encoded_time

# Key, time, field names and values in turn, as the online store's `write_encoded` takes them.
EncodedRow = tuple[bytes, bytes, Sequence[bytes]]
Field = str | int | float | bool | bytes | Sequence[str] | None
# Feast's own conversion asks pandas whether a value is null.
_SCALARS = {
    ValueType.STRING: "string_val",
    ValueType.BYTES: "bytes_val",
    ValueType.BOOL: "bool_val",
    ValueType.INT64: "int64_val",
    ValueType.DOUBLE: "double_val",
}


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
        encoding = self._user_encoding()
        self._online.write_encoded(self._config, {encoding.time_field: [encoding.row(one) for one in snapshots]})

    def write_attributes(self, views: Mapping[str, Sequence[OnlineRow]]) -> None:
        """Write rows of views of users whose fields are texts and lists of texts. Raises RedisError, TypeError."""
        encoded = {f"_ts:{self._view(name).name}": self._encoded_texts(name, rows) for name, rows in views.items()}
        self._online.write_encoded(self._config, encoded)

    def _encoded_texts(self, view_name: str, rows: Sequence[OnlineRow]) -> list[EncodedRow]:
        view, key = self._view(view_name), self._user_encoding().key
        fields = [(field.name, _mmh3(f"{view.name}:{field.name}")) for field in view.features]
        return [
            (
                key(row.entity),
                encoded_time(row.row_us),
                [part for name, code in fields for part in (code, _text_value(row.values.get(name)))],
            )
            for row in rows
        ]

    def write(self, view_name: str, rows: Sequence[OnlineRow]) -> None:
        """Write rows of another view, by the view's own types; fields it does not have are left out.

        Raises RedisError; TypeError where a value is not of its field's type.
        """
        if not rows:
            return
        view = self._view(view_name)
        columns = {
            field.name: [typed_value(field.dtype.to_value_type(), row.values.get(field.name)) for row in rows]
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

    def _user_encoding(self) -> BehaviorEncoding:
        if self._encoding is None:
            self._encoding = BehaviorEncoding(self._store, self._view(USER_BEHAVIOR))
        return self._encoding

    def _view(self, name: str) -> Any:
        if name not in self._views:
            self._views[name] = self._store.get_feature_view(name)
        return self._views[name]


def typed_value(kind: ValueType, value: Any) -> Value:
    """What `feast.type_map` makes of a value, for the types that views here have. Raises TypeError on another's."""
    if value is None:
        return Value()
    if kind == ValueType.STRING_LIST:
        return Value(string_list_val=StringList(val=value))
    return Value(**{_SCALARS[kind]: value})


def _text_value(value: Field) -> bytes:
    held = Value()
    if isinstance(value, str):
        held.string_val = value
    elif isinstance(value, list):
        held.string_list_val.CopyFrom(StringList(val=value))
    elif value is not None:
        raise TypeError(f"expected a text or a list of texts, came {type(value).__name__}")
    encoded: bytes = held.SerializeToString()
    return encoded
