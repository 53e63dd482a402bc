"""The features by name: what `evaluate` gives, in order, and what each one means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from features.actions import GROUPS
from features.decay import HALF_LIVES_US
from features.windows import LABELS

Dtype = Literal["float", "int", "string", "strings", "floats"]


@dataclass(frozen=True)
class FeatureSpec:
    """A feature's name, type and meaning; durations in seconds, prices in the shop's currency."""

    name: str
    dtype: Dtype
    doc: str


_PROFILE = (
    FeatureSpec("events_total", "int", "events folded since the profile began"),
    FeatureSpec("recency_s", "float", "seconds since the newest event"),
    FeatureSpec("tenure_s", "float", "seconds since the first event"),
)
_WINDOWS = tuple(
    FeatureSpec(f"{group}_{label}", "int", f"events of group {group} in the last {label}")
    for group in GROUPS
    for label in LABELS
)
_DECAYED = tuple(
    FeatureSpec(f"{group}_decayed_{label}", "float", f"events of group {group}, halved every {label}")
    for group in GROUPS
    for label in HALF_LIVES_US
)
_TASTE = (
    FeatureSpec("velocity", "float", "events of the last hour over the hourly mean of the last 24; 0 where none"),
    FeatureSpec("category_entropy", "float", "entropy of the category weights, in nats; 0 for one category"),
    FeatureSpec("price_level", "float", "geometric mean price of the items acted on, weighted and fading; 0 if none"),
)
_SESSION = (
    FeatureSpec("session_active", "int", "1 where the newest event is at most the session gap ago"),
    FeatureSpec("session_events", "int", "events of the present session; 0 where it has ended"),
    FeatureSpec("session_item_views", "int", "item views of the present session"),
    FeatureSpec("session_length_s", "float", "from the first to the newest event of the present session"),
)
_CART = (
    FeatureSpec("cart_size", "int", "different items in the cart"),
    FeatureSpec("cart_quantity", "int", "pieces in the cart"),
    FeatureSpec("cart_age_s", "float", "seconds since the newest addition to the cart; 0 where it is empty"),
    FeatureSpec("cart_items", "strings", "items in the cart, newest first"),
    FeatureSpec("bought_total", "int", "different items bought, as far as remembered"),
    FeatureSpec("bought_items", "strings", "items bought, newest first"),
)
_LISTS = (
    FeatureSpec("recent_items", "strings", "items acted on, newest first, at most 100"),
    FeatureSpec("recent_actions", "strings", "what was done with each recent item"),
    FeatureSpec("recent_ages_s", "floats", "seconds since each recent action"),
    FeatureSpec("categories", "strings", "categories by affinity, the strongest first"),
    FeatureSpec("category_weights", "floats", "share of each category in the whole affinity"),
)
_TRAITS = (
    FeatureSpec("country", "string", "country last seen; empty where unknown"),
    FeatureSpec("city", "string", "city last seen; empty where unknown"),
    FeatureSpec("device", "string", "device last seen; empty where unknown"),
    FeatureSpec("locale", "string", "locale last seen; empty where unknown"),
)

FEATURES: tuple[FeatureSpec, ...] = (
    *_PROFILE,
    *_WINDOWS,
    *_DECAYED,
    *_TASTE,
    *_SESSION,
    *_CART,
    *_LISTS,
    *_TRAITS,
)
