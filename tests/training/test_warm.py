"""A fit that goes on from an earlier one: what it keeps, grows, replays and refuses."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from contracts.item import Item
from features.evaluate import evaluate
from features.instant import DAY_US
from features.state import new_state
from features.tower_input import Vocabulary
from training.catalogue import item_content
from training.config import TowerConfig, WarmConfig
from training.dataset import Dataset, build_dataset
from training.export import tower_arrays
from training.fit import fit_towers
from training.grow import grow, over_items
from training.initial import co_purchase_vectors, follow
from training.kept import TRAINING_FILE, Kept, encode_kept, read_kept
from training.labels import Moment
from training.past import Past
from training.warm import CannotContinue, choose, warm_towers

EARLIER_US, NOW_US = 400 * DAY_US, 410 * DAY_US
COLOURS = ("red", "blue", "green")
CONFIG = TowerConfig(dim=6, hidden=4, epochs=3, batch=32, learning_rate=0.02, initial_shrink=1.0)
WARM = WarmConfig(epochs=3, batch=16, learning_rate=0.01, replay=1.0)


def item(number: int) -> Item:
    return Item(f"i{number:02}", f"{COLOURS[number % 3]} tin", 1.0 + number % 7, f"c{number % 2}")


# Item 0 goes, items 20 to 23 come, with a word and a category that were not there before.
BEFORE = [item(number) for number in range(20)]
AFTER = [*BEFORE[1:], *(Item(f"n{number}", "silver bowl", 2.0, "new") for number in range(4))]


def shop(catalogue: list[Item], until_us: int, moments: int = 160) -> Dataset:
    """Visitors who keep to the items at even or at odd places, one moment for each quarter of a day."""
    random = np.random.default_rng(3)
    rows: list[tuple[Moment, dict[str, Any]]] = []
    for number in range(moments):
        own = [one.item_id for one in catalogue[number % 2 :: 2]]
        chosen = [str(name) for name in random.permutation(own)[:7]]
        at_us = until_us - (moments - number) * DAY_US // 4
        values = evaluate(new_state(), at_us) | {
            "recent_items": chosen[:2],
            "recent_actions": ["purchase"] * 2,
            "recent_ages_s": [3600.0, 86_400.0],
            "training_allowed": True,
        }
        rows.append((Moment(f"u{number}", at_us, frozenset(chosen[2:]), frozenset(chosen[:2]), "UK"), values))
    vocabulary = Vocabulary(tuple(one.item_id for one in catalogue), ("UK",))
    return build_dataset([row[0] for row in rows], [row[1] for row in rows], vocabulary)


def nothing(epoch: int, loss: float) -> None:
    """Progress that nobody watches."""


@pytest.fixture(scope="module")
def kept() -> Kept:
    data, content = shop(BEFORE, EARLIER_US), item_content(BEFORE)
    kept = tower_arrays(fit_towers(data, content, EARLIER_US, CONFIG, nothing)).kept
    assert kept is not None
    return kept


def test_what_is_kept_comes_back_as_it_was(kept: Kept, tmp_path: Path) -> None:
    (tmp_path / TRAINING_FILE).write_bytes(encode_kept(kept))
    back = read_kept(tmp_path)
    assert back.header.items == kept.header.items
    assert back.header == kept.header
    assert (back.header.cutoff_us, back.header.start.kind) == (EARLIER_US, "full")
    assert set(back.weights) == set(kept.weights)
    assert all(np.array_equal(back.weights[name], kept.weights[name]) for name in kept.weights)
    assert np.array_equal(back.beginning.offered, kept.beginning.offered)
    assert np.array_equal(back.scale, kept.scale)


def test_a_file_that_is_missing_broken_or_of_another_format_is_named(kept: Kept, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="came no such file"):
        read_kept(tmp_path)
    (tmp_path / TRAINING_FILE).write_bytes(b"PK\x03\x04 not really")
    with pytest.raises(ValueError, match="expected what training kept"):
        read_kept(tmp_path)
    other = Kept(
        msgspec.structs.replace(kept.header, training_format=99), kept.weights, kept.beginning, kept.mean, kept.scale
    )
    (tmp_path / TRAINING_FILE).write_bytes(encode_kept(other))
    with pytest.raises(ValueError, match="expected format 1, came 99"):
        read_kept(tmp_path)


def test_rows_follow_their_names_when_vocabularies_change(kept: Kept) -> None:
    data, content = shop(AFTER, NOW_US), item_content(AFTER)
    vocabulary = Vocabulary(data.vocabulary.items, ("FR", "UK"))
    earlier = over_items(kept, vocabulary.items)
    grown = grow(kept, vocabulary, content, earlier)
    # Where today's beginning is the earlier one, known items stand as they stood.
    for now, name in enumerate(vocabulary.items):
        if name in kept.header.items:
            place = kept.header.items.index(name)
            assert grown["ids"][now] == pytest.approx(kept.weights["ids"][place], abs=1e-6)
            assert grown["base"][now] == kept.weights["base"][place]
        else:
            assert not grown["ids"][now].any()
            assert grown["base"][now] == 0.0
    assert grown["country"].tolist() == [
        kept.weights["country"][0].tolist(),
        [0.0] * 6,
        kept.weights["country"][1].tolist(),
    ]
    tin = content.vocabulary.index("tin") + 1
    assert np.array_equal(grown["words"][tin], kept.weights["words"][kept.header.words.index("tin") + 1])
    assert not grown["words"][content.vocabulary.index("silver") + 1].any()
    assert not grown["categories"][content.category_names.index("new")].any()


def test_following_gives_the_products_of_a_fresh_decomposition() -> None:
    # Two tastes make two strong directions, which the earlier vectors of half the moments already show.
    config = replace(CONFIG, dim=2)
    data = shop(BEFORE, EARLIER_US)
    earlier = co_purchase_vectors(data.take(np.arange(80)), EARLIER_US, config)
    followed, fresh = follow(data, EARLIER_US, config, earlier), co_purchase_vectors(data, EARLIER_US, config)
    expected = fresh.history @ fresh.offered.T
    assert followed.history @ followed.offered.T == pytest.approx(expected, abs=0.02 * float(np.abs(expected).max()))
    # In the earlier directions: no rotation of it is nearer.
    assert np.abs(followed.offered - earlier.offered).max() < 0.5 * np.abs(earlier.offered).max()


def test_new_moments_are_all_taken_and_older_ones_drawn_for_what_they_all_weigh() -> None:
    data = shop(AFTER, NOW_US)
    chosen = choose(data, EARLIER_US, NOW_US, CONFIG, WARM)
    new = np.flatnonzero(data.at_us >= EARLIER_US)
    assert set(new) <= set(chosen.rows)
    assert len(chosen.rows) == 2 * len(new)
    ages = (NOW_US - data.at_us) / DAY_US
    weights = np.exp2(-ages / CONFIG.label_half_life_days)
    older = weights[data.at_us < EARLIER_US].sum()
    share = chosen.weights[data.at_us[chosen.rows] < EARLIER_US].sum() / chosen.weights.sum()
    assert share == pytest.approx(older / weights.sum(), rel=1e-5)
    assert chosen.weights.mean() == pytest.approx(1.0)


def test_a_warm_start_learns_the_new_forgets_little_and_repeats_itself_to_the_bit(kept: Kept) -> None:
    data, content = shop(AFTER, NOW_US), item_content(AFTER)
    losses: list[float] = []

    def fitted() -> Any:
        return tower_arrays(
            warm_towers(kept, Past.of(data, NOW_US), content, CONFIG, WARM, lambda epoch, loss: losses.append(loss))
        )

    first, again = fitted(), fitted()
    assert losses[-1] < losses[0]
    assert np.array_equal(first.vectors, again.vectors)
    # New items are at places 19 to 22: each nearer to the items of its own visitors, known and new.
    scores = first.user.history[1:] @ first.vectors.T
    own = (np.arange(23)[:, None] - np.arange(23)) % 2 == 0
    np.fill_diagonal(own, False)
    other = ~own & ~np.eye(23, dtype=bool)
    for place in range(19, 23):
        assert scores[own[:, place], place].mean() > scores[other[:, place], place].mean()


def test_what_cannot_be_gone_on_from_says_why(kept: Kept) -> None:
    data, content = shop(AFTER, NOW_US), item_content(AFTER)

    def refused(reason: str, *, before: Kept = kept, cutoff_us: int = NOW_US, **changes: Any) -> None:
        with pytest.raises(CannotContinue, match=reason):
            warm_towers(before, Past.of(data, cutoff_us), content, replace(CONFIG, **changes), WARM, nothing)

    refused("expected a model that ends before", cutoff_us=EARLIER_US)
    refused("expected a model of dim 8, came 6", dim=8)
    refused(r"expected a model of trend_half_lives_days \(3.0, 9.0\)", trend_half_lives_days=(3.0, 9.0))
    narrow = {**kept.weights, "hidden": kept.weights["hidden"][:-1]}
    refused("expected weights hidden of shape", before=replace(kept, weights=narrow))
    with pytest.raises(CannotContinue, match="came none"):
        choose(data, NOW_US, NOW_US + DAY_US, CONFIG, WARM)
