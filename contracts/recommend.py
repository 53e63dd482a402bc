"""Requests and responses of the recommendation service."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from msgspec import Meta, Struct

from contracts.event import Context, Identifier

Count = Annotated[int, Meta(ge=1, le=100)]
Exclusions = Annotated[list[Identifier], Meta(max_length=1000)]


class RecommendRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for `k` items for a visitor. Identifiers are the caller's own; the service maps them."""

    user_id: Identifier | None = None
    anonymous_id: Identifier | None = None
    k: Count = 10
    context: Context = Context()
    category: Identifier | None = None
    exclude: Exclusions = []


class SimilarRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Ask for `k` items like one item."""

    item_id: Identifier
    k: Count = 10
    exclude: Exclusions = []


class RecommendedItem(Struct, frozen=True):
    """One answer; a higher score is better, comparable within one response alone."""

    item_id: str
    name: str
    price: float
    category: str
    score: float


class FeatureValue(Struct, frozen=True):
    """A value the model read, and its age in seconds: request time less the newest event folded."""

    value: Any
    age_s: float | None


class RecommendResponse(Struct, frozen=True, kw_only=True):
    """The answer, and what explains it.

    `source` is `model`, `popular_in_context` or `popular`; `degraded` names what was
    missing (`redis`, `feast`, `state`, `model`, `ranker`), empty when all was well; `state_version` counts
    the events folded into the visitor's state, 0 for an unknown visitor; `timings_ms`
    holds milliseconds by stage. `biases_until` is the instant until which purchases count in the
    item biases that had a part in the order, None where the model answered as fitted.
    """

    recommendation_id: str
    items: list[RecommendedItem]
    source: str
    model_version: str | None
    biases_until: datetime | None = None
    variant: str = "default"
    state_version: int = 0
    degraded: list[str] = []
    features: dict[str, FeatureValue] = {}
    timings_ms: dict[str, float] = {}


class SimilarResponse(Struct, frozen=True, kw_only=True):
    """Items like the one asked for."""

    items: list[RecommendedItem]
    source: str
    model_version: str | None
    timings_ms: dict[str, float] = {}


class Served(Struct, frozen=True, kw_only=True):
    """An answer as logged to the topic `served`; `profile_id` is a pseudonym.

    `served_at` is the instant that the values were worked out for, `row_us` the row time of the online
    row that they came from (0 where there was none), `context` what of them the request said itself.
    `digest` is `features.fingerprint` of all values; `values`, for a share of the answers, holds those
    that are not in `features`; `biases_until` as in `RecommendResponse`.
    """

    recommendation_id: str
    profile_id: str | None
    served_at: datetime
    items: list[str]
    scores: list[float]
    source: str
    model_version: str | None
    variant: str
    state_version: int
    degraded: list[str]
    features: dict[str, FeatureValue]
    timings_ms: dict[str, float]
    row_us: int = 0
    context: dict[str, str] = {}
    digest: str = ""
    values: dict[str, Any] = {}
    biases_until: datetime | None = None
