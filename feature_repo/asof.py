"""The offline store: Feast's DuckDB store, with DuckDB's as-of join for the point-in-time join.

Every process that opens a store imports this module; those that ask for history import what answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from feast import FeatureView, RepoConfig
from feast.infra.offline_stores.duckdb import DuckDBOfflineStore, DuckDBOfflineStoreConfig
from feast.infra.offline_stores.offline_store import RetrievalJob
from feast.infra.registry.base_registry import BaseRegistry
from feast.on_demand_feature_view import OnDemandFeatureView

if TYPE_CHECKING:
    import pandas as pd


class AsofDuckDBOfflineStoreConfig(DuckDBOfflineStoreConfig):  # type: ignore[misc]
    """Settings of the store in `feature_store.yaml`; Feast finds this class by its name."""

    type: str = "feature_repo.asof.AsofDuckDBOfflineStore"


class AsofDuckDBOfflineStore(DuckDBOfflineStore):  # type: ignore[misc]
    """Feast's DuckDB store; historical features come by as-of join, with the same answers."""

    @staticmethod
    def get_historical_features(
        config: RepoConfig,
        feature_views: list[FeatureView],
        feature_refs: list[str],
        entity_df: pd.DataFrame | str,
        registry: BaseRegistry,
        project: str,
        full_feature_names: bool = False,
        filter_by_created_timestamp: bool = False,
    ) -> RetrievalJob:
        """For each row of `entity_df`, each view's newest row at or before it and within its TTL.

        Rows keep the order of `entity_df`. Raises ValueError where `entity_df` is no data frame.
        """
        from feature_repo.asof_join import asof_job, require_frame

        frame = require_frame(entity_df)
        on_demand = OnDemandFeatureView.get_requested_odfvs(feature_refs, project, registry)
        if filter_by_created_timestamp or any(view.mode == "substrait" for view in on_demand):
            # A row may then hide behind a newer one created too late: no as-of join answers that.
            return DuckDBOfflineStore.get_historical_features(
                config,
                feature_views,
                feature_refs,
                entity_df,
                registry,
                project,
                full_feature_names,
                filter_by_created_timestamp,
            )
        return asof_job(config, feature_views, feature_refs, frame, on_demand, full_names=full_feature_names)
