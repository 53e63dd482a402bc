"""The offline store on Spark: Feast's own, which reads the lake's tables on the executors.

Feast takes an Iceberg table through the driver's memory. Here the driver asks the catalogue for the
files of the table's newest snapshot, and Spark reads them where it has its cores; the definitions,
the registry and the tables are those of the local store.
"""

from __future__ import annotations

import copy
from datetime import datetime
from typing import Any

import pandas as pd
from feast import FeatureView, RepoConfig
from feast.data_source import DataSource
from feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source import IcebergSource
from feast.infra.offline_stores.contrib.spark_offline_store.spark import (
    SparkOfflineStore,
    SparkOfflineStoreConfig,
    get_spark_session_or_start_new_with_repoconfig,
)
from feast.infra.offline_stores.contrib.spark_offline_store.spark_source import SparkSource
from feast.infra.offline_stores.offline_store import RetrievalJob
from feast.infra.registry.base_registry import BaseRegistry

from feature_repo.lake_files import data_files


class LakeSparkOfflineStoreConfig(SparkOfflineStoreConfig):  # type: ignore[misc]
    """Settings of the store in `feature_store.spark.yaml`; Feast finds this class by its name."""

    type: str = "feature_repo.spark_offline.LakeSparkOfflineStore"


class LakeSparkOfflineStore(SparkOfflineStore):  # type: ignore[misc]
    """Feast's Spark store over the lake's tables."""

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame | str | None,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        filter_by_created_timestamp: bool = False,
        **options: Any,
    ) -> RetrievalJob:
        """For each row of `entity_df`, each view's newest row at or before it; rows come in any order."""
        views = []
        for view in feature_views:
            readable = copy.copy(view)
            readable.batch_source = _readable(config, view.batch_source)
            views.append(readable)
        return SparkOfflineStore.get_historical_features(
            config,
            views,
            feature_refs,
            entity_df,
            registry,
            project,
            full_feature_names,
            filter_by_created_timestamp,
            **options,
        )

    @staticmethod
    def pull_latest_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None,
        start_date: datetime,
        end_date: datetime,
    ) -> RetrievalJob:
        """Each entity's newest row between two instants, for materialization."""
        return SparkOfflineStore.pull_latest_from_table_or_query(
            config,
            _readable(config, data_source),
            join_key_columns,
            feature_name_columns,
            timestamp_field,
            created_timestamp_column,
            start_date,
            end_date,
        )

    @staticmethod
    def pull_all_from_table_or_query(
        config: RepoConfig,
        data_source: DataSource,
        join_key_columns: list[str],
        feature_name_columns: list[str],
        timestamp_field: str,
        created_timestamp_column: str | None = None,
        start_date: datetime | None = None,
        end_date: datetime | None = None,
    ) -> RetrievalJob:
        """Every row between two instants."""
        return SparkOfflineStore.pull_all_from_table_or_query(
            config,
            _readable(config, data_source),
            join_key_columns,
            feature_name_columns,
            timestamp_field,
            created_timestamp_column,
            start_date,
            end_date,
        )


def _readable(config: RepoConfig, source: DataSource | None) -> DataSource | None:
    """A table of the lake as a view of the session's, by its files; any other source as it is."""
    if not isinstance(source, IcebergSource):
        return source
    session = get_spark_session_or_start_new_with_repoconfig(config.offline_store)
    table = source.get_catalog_client().load_table(f"{source.namespace}.{source.iceberg_table}")
    view = f"lake_{source.iceberg_table}"
    files = data_files(table)
    # Rows that Iceberg deleted beside their file, and a table without files: through the driver.
    frame = session.createDataFrame(table.scan().to_arrow()) if files is None else session.read.parquet(*files)
    frame.createOrReplaceTempView(view)
    return SparkSource(
        name=source.name,
        table=view,
        timestamp_field=source.timestamp_field,
        created_timestamp_column=source.created_timestamp_column,
        field_mapping=source.field_mapping,
    )
