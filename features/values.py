"""The features by name: what `evaluate` gives, in order, and what each one means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from features.actions import GROUPS
from features.fading import HALF_LIVES_US
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
    FeatureSpec("frequency", "float", "events a day over the last 30 days"),
    FeatureSpec("active_days_30d", "int", "days (UTC) with an event among the last 30"),
    FeatureSpec("category_entropy", "float", "entropy of the category weights, in nats; 0 for one category"),
    FeatureSpec("price_level", "float", "geometric mean price of the items acted on, weighted and fading; 0 if none"),
)
_HABIT = (
    FeatureSpec("hours", "floats", "share of each hour of the day (UTC, 24 of them) in all activity, fading"),
    FeatureSpec("hour_affinity", "float", "share of the present hour of the day in all activity"),
)
_SESSION = (
    FeatureSpec("session_active", "int", "1 where the newest event is at most the session gap ago"),
    FeatureSpec("session_start_s", "float", "when the present session began, seconds since 1970; 0 where it has ended"),
    FeatureSpec("session_events", "int", "events of the present session; 0 where it has ended"),
    FeatureSpec("session_item_views", "int", "item views of the present session"),
    FeatureSpec("session_length_s", "float", "from the first to the newest event of the present session"),
    FeatureSpec("session_purchases", "int", "purchases of the present session"),
    FeatureSpec("session_dwell_s", "float", "seconds that pages of the present session were looked at, as told"),
    FeatureSpec("session_bounce", "int", "1 where the newest session ended with a single event"),
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
_MORE_LISTS = (
    FeatureSpec("brands", "strings", "brands or authors by affinity, the strongest first"),
    FeatureSpec("brand_weights", "floats", "share of each brand in the whole affinity"),
    FeatureSpec("price_bands", "floats", "lowest prices of price bands by affinity, the strongest first"),
    FeatureSpec("price_band_weights", "floats", "share of each price band in the whole affinity"),
    FeatureSpec("search_terms", "strings", "what was searched for, newest first, at most 5"),
)
_TRAITS = (
    FeatureSpec("country", "string", "country last seen; empty where unknown"),
    FeatureSpec("city", "string", "city last seen; empty where unknown"),
    FeatureSpec("device", "string", "device last seen; empty where unknown"),
    FeatureSpec("locale", "string", "locale last seen; empty where unknown"),
)

_BOT = (FeatureSpec("bot", "int", "1 where the profile is taken for a bot"),)

FEATURES: tuple[FeatureSpec, ...] = (
    *_PROFILE,
    *_WINDOWS,
    *_DECAYED,
    *_TASTE,
    *_HABIT,
    *_SESSION,
    *_CART,
    *_LISTS,
    *_MORE_LISTS,
    *_TRAITS,
    *_BOT,
)
