"""Biases that reach a ranker: one that keeps retrieval's order shows what each way hands through."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.online_biases import AS_FITTED, Way, follow
from bench.online_biases_ranked import IN_CANDIDATES, IN_COLUMNS, Ranked, calibration, chances, follow_through
from contracts.item import Item
from features.evaluate import evaluate
from features.ranking_files import RankerFile
from features.ranking_input import COLUMNS
from features.ranking_items import ItemTable
from features.state import new_state
from tests.bench.test_warm_start import stream
from tests.serving.artefacts import ranker_file


def ranked(column: str, weight: float) -> Ranked:
    """A ranker of two items whose logit is one column."""
    file = ranker_file(2)
    out = np.zeros_like(file.weights.out)
    out[COLUMNS.index(column)] = weight
    items = [Item("a", "Cup", 1.0, "c"), Item("b", "Jug", 2.0, "c")]
    values = dict.fromkeys(range(3), evaluate(new_state(), 0))
    return Ranked(
        RankerFile(replace(file.weights, out=out), file.statistics, 2), ItemTable(items, file.statistics), values
    )


def test_a_ranker_that_keeps_retrievals_order_follows_its_biases_by_the_columns_alone() -> None:
    by_score = ranked("score_gap", 1.0)
    found = follow_through(stream(), by_score)
    assert found[IN_COLUMNS].tolist() == pytest.approx(follow(stream(), Way("learned", rate=0.3)).tolist())
    assert found[IN_CANDIDATES].tolist() == pytest.approx(follow(stream(), AS_FITTED).tolist())
    assert found[IN_COLUMNS].tolist() != pytest.approx(found[IN_CANDIDATES].tolist())


def test_a_rankers_stream_has_its_logits_for_scores() -> None:
    logits = ranked("price", -1.0).stream(stream()).scores
    np.testing.assert_allclose(logits, np.tile([0.0, -np.log(2.0)], (3, 1)), atol=1e-6)
    strangers = replace(stream(), known=np.zeros(3, np.bool_))
    assert ranked("price", -1.0).stream(strangers).scores.tolist() == strangers.scores.tolist()


def test_chances_are_told_before_each_step_and_held_against_what_was_chosen() -> None:
    by_price = ranked("price", -1.0)
    told = chances(by_price.stream(stream()), by_price)
    # As fitted 1 / (1 + price); then what is chosen each time goes up and the other down.
    assert told["as fitted"].tolist() == pytest.approx([1 / 2, 1 / 3] * 3)
    assert told["SGD, at once"][:2].tolist() == pytest.approx([1 / 2, 1 / 3])
    assert told["SGD, at once"][4] < told["SGD, at once"][2] < 1 / 2
    assert told["SGD, at once"][5] > told["SGD, at once"][3] > 1 / 3
    assert told["chosen"].tolist() == [0.0, 1.0] * 3
    # In tenths of the pairs each: the chances of 1/3 that came true, and those of 1/2 that did not.
    assert calibration([told])["as fitted"] == pytest.approx((2 / 3 + 1 / 2) / 2, abs=1e-4)
