"""What the ranker learns from: candidates and columns know nothing of the window's choices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from features.evaluate import evaluate
from features.instant import DAY_US
from features.ranking_files import RankerFile
from features.ranking_items import ItemTable
from features.state import new_state
from tests.features.test_ranking_input import weights
from tests.serving.artefacts import tower_weights
from tests.training.test_fit import CATALOGUE, COUNT, CUTOFF_US, shop
from training.artefact import TowerArrays
from training.config import KnnConfig, RankingConfig, TrainingConfig
from training.dataset import Dataset, Ragged
from training.past import Past
from training.ranking.learn import TooLittle, Window, learning_window, retrieval_scores, window_lists
from training.ranking.lists import allowed_scores, best
from training.ranking.scorer import RankedScorer
from training.ranking.statistics import item_statistics

CONFIG = TrainingConfig(knn=KnnConfig(shrink=2.0), ranking=RankingConfig(depth=10, neighbours=5, min_moments=20))


def towers() -> TowerArrays:
    random = np.random.default_rng(2)
    vectors = random.normal(size=(COUNT, 4)).astype(np.float32)
    tower = tower_weights(vectors)
    return TowerArrays(tower, vectors, random.normal(size=COUNT).astype(np.float32))


def values_of(data: Dataset, rows: Any) -> list[dict[str, Any]]:
    """Values with the histories that the data have."""
    names = data.vocabulary.items
    found = []
    for row in rows:
        known = [names[code - 1] for code in data.inputs.items[row] if code]
        ages = data.ages_s[row][: len(known)].tolist()
        lines = {"recent_items": known, "recent_ages_s": ages, "recent_actions": ["purchase"] * len(known)}
        found.append(evaluate(new_state(), int(data.at_us[row])) | lines)
    return found


def window_of(data: Dataset) -> Window:
    return learning_window(Past.of(data, CUTOFF_US), CONFIG)


def test_the_window_is_the_last_days_of_those_with_a_history() -> None:
    data = shop(240)
    data.inputs.items[7] = 0
    window = window_of(data)
    expected = [row for row in range(len(data)) if CUTOFF_US - 14 * DAY_US <= data.at_us[row] < CUTOFF_US and row != 7]
    assert window.begin_us == CUTOFF_US - 14 * DAY_US
    assert window.rows.tolist() == expected


def test_too_few_moments_make_no_ranker() -> None:
    with pytest.raises(TooLittle, match="expected 20 moments of visitors with a history in the last 14 days"):
        learning_window(Past.of(shop(30), CUTOFF_US), CONFIG)


def test_what_was_chosen_in_the_window_changes_no_candidate_and_no_column() -> None:
    data = shop(240)
    window = window_of(data)
    values = values_of(data, window.rows)
    one = window_lists(data, window, values, towers(), CATALOGUE, CONFIG)
    baskets = [data.basket[row].tolist() for row in range(len(data))]
    for row in range(len(data)):
        if data.at_us[row] >= window.begin_us:
            free = sorted(set(range(COUNT)) - set(data.bought[row].tolist()))
            baskets[row] = free[row % 5 : row % 5 + 3]
    other = replace(data, basket=Ragged.of(baskets), purchased=Ragged.of(baskets))
    two = window_lists(other, window, values, towers(), CATALOGUE, CONFIG)

    assert np.array_equal(one.columns, two.columns)
    assert not np.array_equal(one.gains, two.gains)
    assert one.gains.any()


def test_candidates_are_retrievals_best_of_what_is_known_and_not_bought() -> None:
    data = shop(240)
    window = window_of(data)
    known = np.ones(COUNT, np.bool_)
    known[[3, 4]] = False
    scores = retrieval_scores(towers(), data, window.rows)
    allowed = allowed_scores(scores, data, window.rows, known)
    for at, row in enumerate(window.rows):
        free = [item for item in range(COUNT) if item not in (3, 4) and item not in data.bought[int(row)]]
        expected = sorted(free, key=lambda item: (-scores[at, item], item))
        assert best(allowed[at], 10).rows.tolist() == expected[:10]
        assert best(allowed[at], COUNT).rows.tolist() == expected


def test_the_ranked_scorer_reorders_retrievals_best_and_keeps_the_rest_behind() -> None:
    data = shop(240)
    rows = window_of(data).rows[:8]
    statistics = item_statistics(data, CUTOFF_US, CONFIG.knn, neighbours=5)
    known = np.ones(COUNT, np.bool_)
    file = RankerFile(weights(), statistics, 10)
    values = dict(zip(rows.tolist(), values_of(data, rows), strict=True))

    def retrieve(dataset: Dataset, rows: Any) -> Any:
        return retrieval_scores(towers(), dataset, rows)

    scorer = RankedScorer(retrieve, file, ItemTable(CATALOGUE, statistics), values, known)
    plain, ranked = retrieve(data, rows), scorer(data, rows)
    moved = 0
    for at, row in enumerate(rows):
        free = [item for item in range(COUNT) if item not in data.bought[int(row)]]
        before = sorted(free, key=lambda item: (-plain[at, item], item))
        after = sorted(free, key=lambda item: (-ranked[at, item], item))
        assert set(after[:10]) == set(before[:10])
        assert after[10:] == before[10:]
        moved += after[:10] != before[:10]
    assert moved
