"""Sources of the views: the lake's Iceberg tables, and pushes on top of them."""

from __future__ import annotations

from feast import Field, PushSource, RequestSource
from feast.infra.data_sources.contrib.iceberg_catalog.iceberg_source import IcebergSource
from feast.types import Int64, String

from contracts.lake import CATALOG, NAMESPACE, catalog_properties
from contracts.settings import Settings


def lake_source(settings: Settings, table: str) -> IcebergSource:
    """A table of the lake as a batch source.

    Rows are joined by `event_timestamp`, equal ones told apart by `created`. For behaviour,
    `event_timestamp` is the state's `row_us`: strictly increasing within a user, and never
    before any event that the row holds. So a row at or before an instant knows of nothing
    after that instant, in whatever order the events arrived.
    """
    properties = catalog_properties(settings)
    return IcebergSource(
        name=f"lake_{table}",
        catalog_type="sql",
        catalog_name=CATALOG,
        namespace=NAMESPACE,
        table=table,
        warehouse=properties["warehouse"],
        catalog_properties={"uri": properties["uri"]},
        timestamp_field="event_timestamp",
        created_timestamp_column="created",
    )


def pushed(settings: Settings, table: str) -> PushSource:
    """A table of the lake whose newest rows the worker writes online as they happen."""
    return PushSource(name=f"push_{table}", batch_source=lake_source(settings, table))


def request_context() -> RequestSource:
    """What only the request knows: its instant (microseconds since 1970 UTC) and the visitor's context."""
    return RequestSource(
        name="request_context",
        schema=[
            Field(name="at_us", dtype=Int64),
            Field(name="request_device", dtype=String),
            Field(name="request_country", dtype=String),
        ],
    )
