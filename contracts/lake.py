"""The lake: names and schemas of its Iceberg tables, and the one way to open its catalogue.

The catalogue is pyiceberg's SQL catalogue on SQLite. The rows of a view's table carry the
view's own field names, so Feast's `IcebergSource` reads them unmapped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from contracts.settings import Settings

if TYPE_CHECKING:
    from pyiceberg.catalog import Catalog
    from pyiceberg.table import Table

CATALOG = "clickloop"
NAMESPACE = "clickloop"

EVENTS = "events"
USER_BEHAVIOR = "user_behavior"
USER_DEMOGRAPHICS = "user_demographics"
USER_SEGMENTS = "user_segments"
ITEMS = "items"
SERVED = "served"

# Stands in `partition` and `offset` of a row that never was in Kafka (a backfill's).
NO_OFFSET = -1

_INSTANT = pa.timestamp("us", tz="UTC")


def _schema(required: dict[str, Any], optional: dict[str, Any] | None = None) -> pa.Schema:
    fields = [pa.field(name, kind, nullable=False) for name, kind in required.items()]
    fields += [pa.field(name, kind) for name, kind in (optional or {}).items()]
    return pa.schema(fields)


# Table to Arrow schema. `event_timestamp` is what Feast joins on: for behaviour the strictly
# increasing `row_us` of the state, for an item the time of its change (1970 for its first row).
# A row of an item that is `gone` repeats what was last known of it.
SCHEMAS: dict[str, pa.Schema] = {
    EVENTS: _schema(
        {
            "message_id": pa.string(),
            "profile_id": pa.string(),
            "type": pa.string(),
            "timestamp": _INSTANT,
            "consent_measurement": pa.bool_(),
            "consent_personalization": pa.bool_(),
            "consent_training": pa.bool_(),
            "partition": pa.int64(),
            "offset": pa.int64(),
        },
        {
            "anonymous_id": pa.string(),
            "user_id": pa.string(),
            "previous_id": pa.string(),
            "session_id": pa.string(),
            "sent_at": _INSTANT,
            "received_at": _INSTANT,
            "item_id": pa.string(),
            "quantity": pa.int64(),
            "price": pa.float64(),
            "position": pa.int64(),
            "recommendation_id": pa.string(),
            "page_url": pa.string(),
            "referrer": pa.string(),
            "device": pa.string(),
            "network": pa.string(),
            "viewport": pa.string(),
            "locale": pa.string(),
            "time_zone": pa.string(),
            "city": pa.string(),
            "country": pa.string(),
            "bot": pa.bool_(),
            "properties": pa.string(),
        },
    ),
    USER_BEHAVIOR: _schema(
        {
            "user_id": pa.string(),
            "event_timestamp": _INSTANT,
            "created": _INSTANT,
            "event_time": _INSTANT,
            "version": pa.int64(),
            "event_us": pa.int64(),
            "partition": pa.int64(),
            "offset": pa.int64(),
            "training": pa.bool_(),
            "state": pa.binary(),
        }
    ),
    USER_DEMOGRAPHICS: _schema(
        {"user_id": pa.string(), "event_timestamp": _INSTANT, "created": _INSTANT, "offset": pa.int64()},
        {
            "country": pa.string(),
            "city": pa.string(),
            "device": pa.string(),
            "locale": pa.string(),
            "time_zone": pa.string(),
            "traits": pa.string(),
        },
    ),
    USER_SEGMENTS: _schema(
        {"user_id": pa.string(), "event_timestamp": _INSTANT, "created": _INSTANT, "offset": pa.int64()},
        {"segments": pa.list_(pa.string())},
    ),
    ITEMS: _schema(
        {
            "item_id": pa.string(),
            "event_timestamp": _INSTANT,
            "created": _INSTANT,
            "name": pa.string(),
            "price": pa.float64(),
            "category": pa.string(),
            "available": pa.bool_(),
        },
        {"brand": pa.string(), "gone": pa.bool_()},
    ),
    SERVED: _schema(
        {
            "recommendation_id": pa.string(),
            "served_at": _INSTANT,
            "items": pa.list_(pa.string()),
            "scores": pa.list_(pa.float64()),
            "source": pa.string(),
            "variant": pa.string(),
            "state_version": pa.int64(),
            "degraded": pa.list_(pa.string()),
            "partition": pa.int64(),
            "offset": pa.int64(),
        },
        {
            "profile_id": pa.string(),
            "model_version": pa.string(),
            "features": pa.string(),
            "timings_ms": pa.string(),
            "row_us": pa.int64(),
            "context": pa.string(),
            "digest": pa.string(),
            "values": pa.string(),
            "biases_until": _INSTANT,
        },
    ),
}

# Every flush is a commit: without these, manifests and metadata files pile up. No retry by
# itself: who lost a race must look again before writing, or two sinks would write a row twice.
_TABLE_PROPERTIES = {
    "commit.retry.num-retries": "0",
    "commit.manifest-merge.enabled": "true",
    "commit.manifest.min-count-to-merge": "20",
    "write.metadata.delete-after-commit.enabled": "true",
    "write.metadata.previous-versions-max": "20",
    "write.parquet.compression-codec": "zstd",
}


def identifier(table: str) -> str:
    """A table's full name in the catalogue."""
    return f"{NAMESPACE}.{table}"


def catalog_properties(settings: Settings) -> dict[str, str]:
    """What pyiceberg's `load_catalog(CATALOG, type="sql", **...)` needs; Feast's source takes the same."""
    lake = settings.lake_dir.resolve()
    return {"uri": f"sqlite:///{lake / 'catalog.db'}", "warehouse": f"file://{lake / 'warehouse'}"}


def open_catalog(settings: Settings) -> Catalog:
    """The lake's catalogue, with the namespace and every table of SCHEMAS there, columns of later versions added."""
    from pyiceberg.catalog import load_catalog

    (settings.lake_dir / "warehouse").mkdir(parents=True, exist_ok=True)
    catalog = load_catalog(CATALOG, type="sql", **catalog_properties(settings))
    catalog.create_namespace_if_not_exists(NAMESPACE)
    for table, schema in SCHEMAS.items():
        if not catalog.table_exists(identifier(table)):
            catalog.create_table_if_not_exists(identifier(table), schema=schema, properties=_TABLE_PROPERTIES)
        else:
            _add_columns(catalog.load_table(identifier(table)), schema)
    return catalog


def _add_columns(table: Table, schema: pa.Schema) -> None:
    known = set(table.schema().column_names)
    if not known.issuperset(schema.names):
        with table.update_schema() as update:
            update.union_by_name(schema)


def open_table(settings: Settings, table: str) -> Table:
    """One table of the lake at its newest snapshot. Raises KeyError where the name is unknown."""
    if table not in SCHEMAS:
        raise KeyError(f"expected one of {', '.join(SCHEMAS)}; came {table!r}")
    return open_catalog(settings).load_table(identifier(table))
