"""Answers: features at this moment, the model's search, the rules; and what to do where one of them is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import structlog

from contracts.event import Context
from contracts.recommend import (
    FeatureValue,
    RecommendedItem,
    RecommendRequest,
    RecommendResponse,
    Served,
    SimilarRequest,
    SimilarResponse,
)
from features.evaluate import evaluate
from features.instant import SECOND_US, from_us
from features.state import UserState, decode_state
from privacy.pseudonym import Pseudonymizer
from serving.feature_reader import FeatureReader, FeaturesAway
from serving.identifier import recommendation_id
from serving.index import Hit
from serving.metrics import ServingMetrics
from serving.rules import RULE_FEATURES, hidden_items, permit
from serving.shelf import Model, Shelf
from serving.stopwatch import Stopwatch

MODEL, POPULAR_IN_CONTEXT, POPULAR = "model", "popular_in_context", "popular"
NO_MODEL, NO_RANKER, NO_STATE = "model", "ranker", "state"
VARIANT = "default"
# How often a profile may have become another that has become another.
_MOVES = 8
# What the request knows better than the visitor's last event.
_CONTEXT_FEATURES = ("country", "city", "device", "locale")


class Shelves(Protocol):
    """Where the recommender finds what it answers from."""

    @property
    def current(self) -> Shelf:
        """The present one; another may stand there at the next request."""


class AnswerLog(Protocol):
    """Where answers are kept."""

    def offer(self, served: Served, values: Mapping[str, Any] | None = None) -> None:
        """Take an answer and all values behind it; never waits."""


@dataclass
class Visitor:
    """What is known of the asker: `values` is None where that is nothing, `context` what of it the request said."""

    profile_id: str | None
    version: int = 0
    row_us: int = 0
    age_s: float | None = None
    values: dict[str, Any] | None = None
    context: dict[str, str] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Parts:
    """What a recommender is made of; `now_us` is microseconds since 1970 UTC."""

    reader: FeatureReader
    shelves: Shelves
    pseudonymizer: Pseudonymizer
    served: AnswerLog
    metrics: ServingMetrics
    now_us: Callable[[], int]


class Recommender:
    """Thread-safe: nothing is kept between requests."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._log = structlog.get_logger(__name__)

    def recommend(self, request: RecommendRequest) -> RecommendResponse:
        """Items for a visitor. Whatever is missing is named in `degraded`; there is always an answer."""
        watch = Stopwatch()
        at_us = self._parts.now_us()
        shelf = self._parts.shelves.current
        visitor = self._visitor(request, at_us, watch)
        hidden = hidden_items(visitor.values, request.exclude)
        if shelf.model is None:
            visitor.missing.append(NO_MODEL)
        hits = self._personal(request, visitor, shelf, hidden, watch)
        source = MODEL
        if not hits:
            country = request.context.country or (visitor.values or {}).get("country")
            source, hits = _popular(shelf, hidden, country=country, category=request.category, k=request.k)
            watch.lap("search")
        response = RecommendResponse(
            recommendation_id=recommendation_id(at_us),
            items=_items(hits, shelf),
            source=source,
            model_version=None if shelf.model is None else shelf.model.version,
            biases_until=_biases_until(visitor, shelf, source),
            variant=VARIANT,
            state_version=visitor.version,
            degraded=visitor.missing,
            features=_features(visitor, shelf, source),
            timings_ms=watch.timings_ms(),
        )
        self._account(response, visitor, at_us)
        return response

    def similar(self, request: SimilarRequest) -> SimilarResponse:
        """Items like one item; popular ones of its category where the model does not know it."""
        watch = Stopwatch()
        shelf = self._parts.shelves.current
        hidden = {*request.exclude, request.item_id}
        hits: list[Hit] = []
        source = MODEL
        if shelf.model is not None and request.item_id in shelf.model.index:
            found = shelf.model.index.similar(request.item_id, request.k + len(hidden) + shelf.unavailable)
            watch.lap("search")
            hits = permit(found, hidden=hidden, catalogue=shelf.catalogue, category=None, k=request.k)
            watch.lap("rules")
        if not hits:
            item = shelf.catalogue.get(request.item_id)
            category = None if item is None else item.category
            source, hits = _popular(shelf, hidden, country=None, category=category, k=request.k)
            watch.lap("search")
        timings_ms = watch.timings_ms()
        self._parts.metrics.answered(route="similar", source=source, timings_ms=timings_ms, age_s=None)
        version = None if shelf.model is None else shelf.model.version
        return SimilarResponse(items=_items(hits, shelf), source=source, model_version=version, timings_ms=timings_ms)

    def _visitor(self, request: RecommendRequest, at_us: int, watch: Stopwatch) -> Visitor:
        visitor = Visitor(self._parts.pseudonymizer.profile(user_id=request.user_id, anonymous_id=request.anonymous_id))
        if visitor.profile_id is None:
            return visitor
        try:
            state = self._state(visitor)
            watch.lap("features")
            if state is None:
                return visitor
            visitor.values = evaluate(state, at_us) if state.version else None
            watch.lap("evaluate")
        except FeaturesAway as error:
            watch.lap("features")
            visitor.missing.append(error.cause)
        except Exception:  # noqa: BLE001 - whatever a row holds, there is an answer
            self._log.exception("recommend.state_unreadable", profile_id=visitor.profile_id)
            visitor.missing.append(NO_STATE)
        else:
            visitor.version, visitor.row_us = state.version, state.row_us
            if visitor.values is not None:
                visitor.age_s = max(0, at_us - state.event_us) / SECOND_US
                visitor.context = _said(request.context)
                visitor.values.update(visitor.context)
        return visitor

    def _state(self, visitor: Visitor) -> UserState | None:
        """The visitor's state, of whoever the visitor has become. Raises FeaturesAway, ValueError."""
        for _ in range(_MOVES):
            row = self._parts.reader.read(str(visitor.profile_id))
            if row is None:
                return None
            state = decode_state(row.state)
            if state.moved_to is None:
                return state
            visitor.profile_id = state.moved_to
        return None

    def _personal(
        self, request: RecommendRequest, visitor: Visitor, shelf: Shelf, hidden: set[str], watch: Stopwatch
    ) -> list[Hit]:
        """The model's answer; empty where there is no model, nothing known or nothing left."""
        if shelf.model is None or visitor.values is None:
            return []
        ranker = shelf.model.ranker
        wanted = request.k if ranker is None else max(request.k, ranker.depth)
        try:
            vector = shelf.model.tower.vector(visitor.values)
            watch.lap("vector")
            # Enough hits that exactly `wanted` are left, whatever the rules take away.
            count = wanted + len(hidden) + shelf.unavailable
            found = shelf.model.index.search(vector, count, category=request.category)
            watch.lap("search")
        except Exception:  # noqa: BLE001 - whatever a model does, there is an answer
            self._log.exception("recommend.model_failed", model_version=shelf.model.version)
            visitor.missing.append(NO_MODEL)
            return []
        hits = permit(found, hidden=hidden, catalogue=shelf.catalogue, category=request.category, k=wanted)
        watch.lap("rules")
        return self._ranked(hits, visitor.values, visitor, shelf.model, watch)[: request.k]

    def _ranked(
        self, hits: list[Hit], values: Mapping[str, Any], visitor: Visitor, model: Model, watch: Stopwatch
    ) -> list[Hit]:
        """The hits in the ranker's order; in retrieval's where there is no ranker or it fails."""
        if model.ranker_error:
            visitor.missing.append(NO_RANKER)
        if model.ranker is None:
            return hits
        try:
            return model.ranker.rank(values, hits)
        except Exception:  # noqa: BLE001 - whatever a ranker does, there is an answer
            self._log.exception("recommend.ranker_failed", model_version=model.version)
            visitor.missing.append(NO_RANKER)
            return hits
        finally:
            watch.lap("rank")

    def _account(self, response: RecommendResponse, visitor: Visitor, at_us: int) -> None:
        self._parts.metrics.answered(
            route="recommend",
            source=response.source,
            degraded=response.degraded,
            timings_ms=response.timings_ms,
            age_s=visitor.age_s,
        )
        self._parts.served.offer(
            Served(
                recommendation_id=response.recommendation_id,
                profile_id=visitor.profile_id,
                served_at=from_us(at_us),
                items=[item.item_id for item in response.items],
                scores=[item.score for item in response.items],
                source=response.source,
                model_version=response.model_version,
                variant=response.variant,
                state_version=response.state_version,
                degraded=response.degraded,
                features=response.features,
                timings_ms=response.timings_ms,
                row_us=visitor.row_us,
                context=visitor.context,
                biases_until=response.biases_until,
            ),
            visitor.values,
        )


def _said(context: Context) -> dict[str, str]:
    """What the request says of the visitor."""
    return {name: known for name in _CONTEXT_FEATURES if (known := getattr(context, name))}


def _popular(
    shelf: Shelf, hidden: set[str], *, country: str | None, category: str | None, k: int
) -> tuple[str, list[Hit]]:
    ranking = shelf.popularity.ranking(country=country, category=category)
    hits = permit(ranking.hits, hidden=hidden, catalogue=shelf.catalogue, category=category, k=k)
    return POPULAR_IN_CONTEXT if ranking.in_context or category is not None else POPULAR, hits


def _items(hits: list[Hit], shelf: Shelf) -> list[RecommendedItem]:
    items = [shelf.catalogue[hit.item_id] for hit in hits]
    return [
        RecommendedItem(item.item_id, item.name, item.price, item.category, hit.score)
        for item, hit in zip(items, hits, strict=True)
    ]


def _biases_until(visitor: Visitor, shelf: Shelf, source: str) -> datetime | None:
    """Of the biases that had a part in the order; a ranker that failed leaves retrieval's, which is as fitted."""
    if shelf.model is None or source != MODEL or (shelf.model.ranker is not None and NO_RANKER in visitor.missing):
        return None
    return shelf.model.biases_until


def _features(visitor: Visitor, shelf: Shelf, source: str) -> dict[str, FeatureValue]:
    """The values that had a part in the answer: all that the model read, or those of the rules."""
    if visitor.values is None:
        return {}
    names = shelf.model.features if shelf.model is not None and source == MODEL else RULE_FEATURES
    values, age_s = visitor.values, visitor.age_s
    return {name: FeatureValue(values[name], age_s) for name in names}
