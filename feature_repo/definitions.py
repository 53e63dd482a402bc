"""Entities, views and services: everything Feast knows of Clickloop."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, NamedTuple

from feast import Entity, FeatureService, FeatureView, Field, ValueType
from feast.on_demand_feature_view import OnDemandFeatureView
from feast.types import Array, Bool, Bytes, FeastType, Float64, Int64, String

from contracts.lake import ITEMS, USER_BEHAVIOR, USER_DEMOGRAPHICS, USER_SEGMENTS
from contracts.settings import Settings
from feature_repo.behavior import CONSENT_COLUMN
from feature_repo.sources import lake_source, pushed, request_context
from features.values import FEATURES, Dtype

ON_DEMAND_VIEW = "user_behavior_now"
TWO_TOWER_SERVICE = "two_tower_v1"
POPULARITY_SERVICE = "popularity_v1"

# A snapshot never expires: its values fade by themselves, and serving reports their age.
_NEVER = timedelta(0)

_TYPES: dict[Dtype, FeastType] = {
    "float": Float64,
    "int": Int64,
    "string": String,
    "strings": Array(String),
    "floats": Array(Float64),
}

# Feast keeps this text in its registry and runs it on its own, so it brings its import along.
_BEHAVIOR_NOW_SOURCE = '''def behavior_now(inputs):
    """Values of the stored snapshots as of the request's instant."""
    from feature_repo.behavior import values_of

    return values_of(inputs)
'''


def behavior_now(inputs: dict[str, Any]) -> dict[str, Any]:
    """Values of the stored snapshots as of the request's instant."""
    from feature_repo.behavior import values_of

    return values_of(inputs)


class BehaviorNow(OnDemandFeatureView):  # type: ignore[misc]
    """The on-demand view over behaviour and context."""

    def infer_features(self) -> None:
        """Keep the declared fields. Feast would try the view on a PDF for a snapshot, which is an error here."""


class Definitions(NamedTuple):
    """What is registered, by kind."""

    entities: tuple[Entity, Entity]
    views: tuple[FeatureView, FeatureView, FeatureView, FeatureView]
    on_demand: OnDemandFeatureView
    services: tuple[FeatureService, FeatureService]

    def objects(self) -> list[Any]:
        """All of them, as `FeatureStore.apply` takes them."""
        return [*self.entities, *self.views, self.on_demand, *self.services]


def define(settings: Settings) -> Definitions:
    """Every definition over the lake of `settings`. Opens nothing."""
    user = Entity(name="user", join_keys=["user_id"], value_type=ValueType.STRING, description="a profile's pseudonym")
    item = Entity(name="item", join_keys=["item_id"], value_type=ValueType.STRING, description="an article")
    # One field: the state itself knows how many events it holds, and of when.
    behavior = _view(settings, user, USER_BEHAVIOR, {"state": Bytes})
    demographics = _view(
        settings,
        user,
        USER_DEMOGRAPHICS,
        dict.fromkeys(("country", "city", "device", "locale", "time_zone", "traits"), String),
    )
    segments = _view(settings, user, USER_SEGMENTS, {"segments": Array(String)})
    items = FeatureView(
        name="item_features",
        entities=[item],
        ttl=_NEVER,
        schema=_fields(
            "item_id", {"name": String, "price": Float64, "category": String, "available": Bool, "brand": String}
        ),
        source=lake_source(settings, ITEMS),
    )
    now = _behavior_now(behavior)
    services = (
        FeatureService(name=TWO_TOWER_SERVICE, features=[now], description="what the two-tower's user tower reads"),
        FeatureService(name=POPULARITY_SERVICE, features=[items], description="what a popular item is shown with"),
    )
    return Definitions((user, item), (behavior, demographics, segments, items), now, services)


def _view(settings: Settings, entity: Entity, table: str, fields: dict[str, FeastType]) -> FeatureView:
    return FeatureView(
        name=table,
        entities=[entity],
        ttl=_NEVER,
        schema=_fields("user_id", fields),
        source=pushed(settings, table),
    )


def _fields(join_key: str, fields: dict[str, FeastType]) -> list[Field]:
    return [Field(name=join_key, dtype=String), *(Field(name=name, dtype=kind) for name, kind in fields.items())]


def _behavior_now(behavior: FeatureView) -> OnDemandFeatureView:
    # No descriptions: Feast drops them from an on-demand view it reads back, and then refuses the
    # service as one over other fields. `features.values` has them.
    schema = [Field(name=spec.name, dtype=_TYPES[spec.dtype]) for spec in FEATURES]
    schema.append(Field(name=CONSENT_COLUMN, dtype=Bool))
    return BehaviorNow(
        name=ON_DEMAND_VIEW,
        sources=[behavior[["state"]], request_context()],
        schema=schema,
        mode="python",
        udf=behavior_now,
        udf_string=_BEHAVIOR_NOW_SOURCE,
        description="features.evaluate of the snapshot, as of the request",
    )
