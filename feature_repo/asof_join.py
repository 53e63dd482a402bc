"""The as-of join: each label with the newest row of its key, in one walk over both.

Feast's own join pairs each label with every earlier row of its user before it picks one:
quadratic in the length of a history. The as-of join walks both sides once, and here it walks
keys and timestamps alone; the features are gathered afterwards, by row number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import duckdb
import ibis
import pandas as pd
import pyarrow as pa
from feast import FeatureView, RepoConfig
from feast.data_source import DataSource
from feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source import IcebergSource
from feast.infra.offline_stores.duckdb import _read_data_source, _write_data_source
from feast.infra.offline_stores.ibis import IbisRetrievalJob
from feast.infra.offline_stores.offline_store import RetrievalJob, RetrievalMetadata
from feast.infra.offline_stores.offline_utils import infer_event_timestamp_from_entity_df
from feast.on_demand_feature_view import OnDemandFeatureView
from pyiceberg.expressions import LessThanOrEqual

_MICROSECONDS = pa.timestamp("us", tz="UTC")
_KEY, _AT, _CREATED, _ROW = "key_{}", "at_us", "created_us", "row"


def require_frame(entity_df: pd.DataFrame | str) -> pd.DataFrame:
    """`entity_df` itself. Raises ValueError where it is no data frame."""
    if not isinstance(entity_df, pd.DataFrame):
        raise ValueError(f"entity_df: expected a pandas.DataFrame, came {type(entity_df).__name__}")
    return entity_df


def asof_job(
    config: RepoConfig,
    feature_views: Sequence[FeatureView],
    feature_refs: list[str],
    entity_df: pd.DataFrame,
    on_demand: list[OnDemandFeatureView],
    *,
    full_names: bool,
) -> RetrievalJob:
    """The rows of `entity_df` in order, with each view's newest row at or before them and within its TTL."""
    at_column = infer_event_timestamp_from_entity_df(dict(entity_df.dtypes))
    labels = _Labels.of(entity_df, at_column)
    joined = labels.table
    for view in feature_views:
        lookup = _Lookup.of(view, feature_refs, config, full_names=full_names, until=labels.newest)
        for name, column in _asof(labels, lookup).items():
            joined = joined.append_column(name, column)
    return IbisRetrievalJob(
        ibis.memtable(joined),
        on_demand,
        full_names,
        metadata=RetrievalMetadata(
            features=feature_refs,
            keys=list(set(entity_df.columns) - {at_column}),
            min_event_timestamp=labels.oldest,
            max_event_timestamp=labels.newest,
        ),
        data_source_writer=_write_data_source,
        staging_location=config.offline_store.staging_location,
        staging_location_endpoint_override=config.offline_store.staging_location_endpoint_override,
        repo_path=str(config.repo_path),
    )


@dataclass(frozen=True)
class _Labels:
    """The entity rows, and when each one is, in microseconds since 1970 UTC."""

    table: pa.Table
    at_us: pa.Array
    oldest: pd.Timestamp
    newest: pd.Timestamp

    @classmethod
    def of(cls, entity_df: pd.DataFrame, at_column: str) -> _Labels:
        instants = pd.to_datetime(entity_df[at_column], utc=True)
        frame = entity_df.assign(**{at_column: instants})
        table = pa.Table.from_pandas(frame, preserve_index=False)
        index = table.schema.get_field_index(at_column)
        at = table[at_column].cast(_MICROSECONDS, safe=False)
        return cls(table.set_column(index, at_column, at), at.cast(pa.int64()), instants.min(), instants.max())


@dataclass(frozen=True)
class _Lookup:
    """One view's rows: key columns, times in microseconds, features under the names asked for."""

    rows: pa.Table
    keys: dict[str, str]
    at_us: pa.Array
    created_us: pa.Array | None
    features: dict[str, str]
    ttl: timedelta

    @classmethod
    def of(
        cls, view: FeatureView, refs: Sequence[str], config: RepoConfig, *, full_names: bool, until: pd.Timestamp
    ) -> _Lookup:
        source = view.batch_source
        if source is None:
            raise ValueError(f"feature view {view.name}: expected a batch source to join, came none")
        asked = view.projection.name_to_use()
        names = [ref.split(":", 1)[1] for ref in refs if ref.startswith(f"{asked}:")]
        keys = dict(view.projection.join_key_map) or {column.name: column.name for column in view.entity_columns}
        created = source.created_timestamp_column or None
        wanted = [*keys, *names, source.timestamp_field, *([created] if created else [])]
        rows = _read(source, wanted, config, until)
        prefix = f"{view.projection.name_alias or view.name}__" if full_names else ""
        return cls(
            rows=rows,
            keys=keys,
            at_us=_microseconds(rows[source.timestamp_field]),
            created_us=None if created is None else _microseconds(rows[created]),
            features={f"{prefix}{name}": name for name in names},
            ttl=view.ttl or timedelta(0),
        )


def _read(source: DataSource, wanted: Sequence[str], config: RepoConfig, until: pd.Timestamp) -> pa.Table:
    """The columns `wanted` of a source (names as mapped), rows after `until` left out where that is cheap."""
    stored = {mapped: name for name, mapped in source.field_mapping.items()}
    columns = list(dict.fromkeys(stored.get(name, name) for name in wanted))
    if isinstance(source, IcebergSource) and source.catalog_type != "rest":
        table = source.get_catalog_client().load_table(f"{source.namespace}.{source.iceberg_table}")
        newest = LessThanOrEqual(stored.get(source.timestamp_field, source.timestamp_field), until.isoformat())
        rows = table.scan(row_filter=newest, selected_fields=tuple(columns)).to_arrow()
    else:
        rows = _read_data_source(source, str(config.repo_path)).select(columns).to_pyarrow()
    names = [source.field_mapping.get(name, name) for name in rows.column_names]
    return rows.rename_columns(names)


def _microseconds(column: pa.ChunkedArray) -> pa.ChunkedArray:
    # Times without a zone are UTC, as Feast takes them.
    return column.cast(_MICROSECONDS, safe=False).cast(pa.int64())


def _asof(labels: _Labels, lookup: _Lookup) -> dict[str, pa.ChunkedArray]:
    """Feature columns aligned with the labels, null where no row is old enough and yet within its TTL."""
    left = {_KEY.format(place): labels.table[name] for place, name in enumerate(lookup.keys.values())}
    right = {_KEY.format(place): lookup.rows[name] for place, name in enumerate(lookup.keys)}
    keys = list(left)
    left |= {_AT: labels.at_us, _ROW: pa.array(range(labels.table.num_rows), pa.int64())}
    right |= {_AT: lookup.at_us, _ROW: pa.array(range(lookup.rows.num_rows), pa.int64())}
    if lookup.created_us is not None:
        right[_CREATED] = lookup.created_us
    found = _found(pa.table(left), pa.table(right), keys, lookup.ttl)
    return {name: lookup.rows[column].take(found) for name, column in lookup.features.items()}


def _found(left: pa.Table, right: pa.Table, keys: Sequence[str], ttl: timedelta) -> pa.Array:
    """For each label in order the number of its row of `right`, or null.

    Of rows with one key and one time the last created stands. Testing the TTL on the newest
    row alone is enough: where that one has expired, so have all before it.
    """
    partition = ", ".join(f"f.{key}" for key in [*keys, _AT])
    order = f"f.{_CREATED} DESC NULLS LAST" if _CREATED in right.column_names else f"f.{_ROW} DESC"
    on = " AND ".join([f"l.{key} = f.{key}" for key in keys] + [f"l.{_AT} >= f.{_AT}"])
    lifetime_us = ttl // timedelta(microseconds=1)
    fresh = f"f.{_AT} + {lifetime_us} >= l.{_AT}" if lifetime_us else "TRUE"
    # Names come from this module, the lifetime is an integer: nothing of a caller's is in the text.
    query = f"""
        WITH newest AS (
            SELECT * FROM history f QUALIFY row_number() OVER (PARTITION BY {partition} ORDER BY {order}) = 1
        )
        SELECT CASE WHEN {fresh} THEN f.{_ROW} END AS found
        FROM labels l ASOF LEFT JOIN newest f ON {on}
        ORDER BY l.{_ROW}
    """  # noqa: S608
    with duckdb.connect() as connection:
        connection.register("labels", left)
        connection.register("history", right)
        result: Any = connection.sql(query).to_arrow_table()
    return result["found"].combine_chunks()
