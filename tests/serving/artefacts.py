"""Small real artefacts, written as training writes them, with item vectors whose answers can be told by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from contracts import model as layout
from contracts.event import Event, EventType
from contracts.golden import GOLDEN_FILE
from contracts.item import Item
from contracts.settings import Settings
from features.fold import fold
from features.instant import to_us
from features.ranking_files import RankerFile
from features.ranking_forward import RankerWeights
from features.ranking_input import COLUMNS
from features.ranking_items import ItemStatistics
from features.state import encode_state, new_state
from features.tower_forward import TowerWeights
from features.tower_input import ACTION_BUCKETS, AGE_BUCKETS, DENSE_WIDTH, ORDER_BUCKETS
from training.artefact import Floats, Origin, TowerArrays, add_files
from training.artefact import write_artefact as write
from training.artefact_scorer import ArtefactScorer
from training.golden import Instant, golden_file, ranked_golden_file

COUNTRIES = ("France",)
AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE_US = 60_000_000
RANKER_DEPTH = 10


def write_artefact(settings: Settings, version: str, items: Sequence[Item], *, reverse: bool = False) -> Path:
    """A model whose user vector is the mean direction of the items last acted on.

    Item n of N points to the angle pi * n / (2 N): the neighbours of an item by number are those most like it.
    `reverse` turns the items around: then the least alike come first.
    """
    directory = settings.model_dir / version
    angles = np.linspace(0.0, np.pi / 2, len(items))
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    arrays = TowerArrays(tower_weights(vectors), -vectors if reverse else vectors, np.zeros(len(items), np.float32))
    write(directory, arrays, items, popularity(items), Origin("two_tower_v1", countries=COUNTRIES))
    add_files(
        directory, {GOLDEN_FILE: golden_file(ArtefactScorer(directory), [_clicked(item) for item in items[::20]])}
    )
    return directory


def write_ranked(settings: Settings, version: str, items: Sequence[Item]) -> Path:
    """The same with a ranker that likes what is cheap, and its golden answers."""
    directory = write_artefact(settings, version, items)
    put_ranker(directory, ranker_file(len(items)).encode())
    add_files(directory, {GOLDEN_FILE: ranked_golden_file(directory)})
    return directory


def put_ranker(directory: Path, content: bytes) -> None:
    """A ranker's file, with the digest to match."""
    add_files(directory, {layout.RANKER_FILE: content})


def ranker_file(items: int, *, price: float = -1.0) -> RankerFile:
    """A ranker that reads the price alone; chances are 1 / (1 + exp(-(price * log(price of the item))))."""
    width = len(COLUMNS)
    out = np.zeros(width + 1, np.float32)
    out[COLUMNS.index("price")] = price
    weights = RankerWeights(
        mean=np.zeros(width, np.float32),
        scale=np.ones(width, np.float32),
        cross=np.zeros((1, width, width), np.float32),
        cross_bias=np.zeros((1, width), np.float32),
        hidden=np.zeros((width, 1), np.float32),
        hidden_bias=np.zeros(1, np.float32),
        out=out,
        base=np.zeros((), np.float32),
        calibration=np.array([1.0, 0.0], np.float32),
    )
    statistics = ItemStatistics(
        sold=np.zeros((items, 3), np.float32),
        discovered=np.zeros((items, 3), np.float32),
        on_sale_days=np.zeros(items, np.float32),
        neighbours=np.zeros((items, 1), np.int32),
        similarity=np.zeros((items, 1), np.float32),
    )
    return RankerFile(weights, statistics, RANKER_DEPTH)


def promote(settings: Settings, version: str) -> None:
    """Point the service at a version, in one step."""
    waiting = settings.model_dir / "champion.new"
    waiting.write_text(version)
    waiting.replace(settings.model_dir / layout.POINTER_FILE)


def popularity(items: Sequence[Item]) -> layout.Popularity:
    """The first item is the most popular; in France the last."""
    count = len(items)
    overall = [(item.item_id, float(count - place)) for place, item in enumerate(items)]
    by_category: dict[str, list[tuple[str, float]]] = {}
    for item, counted in zip(items, overall, strict=True):
        by_category.setdefault(item.category, []).append(counted)
    french = [(item.item_id, float(place + 1)) for place, item in enumerate(items)][::-1]
    return layout.Popularity(overall=overall, by_category=by_category, by_country={"France": french})


def _clicked(item: Item) -> Instant:
    """A minute after the only event of a visitor, a click on the item."""
    event = Event(
        message_id="m", anonymous_id="p", type=EventType.CLICK, timestamp=AT, item_id=item.item_id, price=item.price
    )
    state = new_state()
    fold(state, event)
    return Instant(encode_state(state), to_us(AT) + MINUTE_US)


def tower_weights(vectors: Floats) -> TowerWeights:
    """Every action weighs the same; the dense features and the country say nothing."""
    dim, hidden = vectors.shape[1], 3
    return TowerWeights(
        history=np.concatenate([np.zeros((1, dim), np.float32), vectors]),
        age_logits=np.zeros(AGE_BUCKETS, np.float32),
        order_logits=np.zeros(ORDER_BUCKETS, np.float32),
        action_logits=np.zeros(ACTION_BUCKETS, np.float32),
        mean=np.zeros(DENSE_WIDTH, np.float32),
        scale=np.ones(DENSE_WIDTH, np.float32),
        hidden=np.zeros((DENSE_WIDTH, hidden), np.float32),
        hidden_bias=np.zeros(hidden, np.float32),
        out=np.zeros((hidden, dim), np.float32),
        country=np.zeros((len(COUNTRIES) + 1, dim), np.float32),
    )
