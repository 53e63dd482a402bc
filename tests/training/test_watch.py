"""What is kept out of a fit, what it says of the fit, and that the best weights stay."""

from __future__ import annotations

from dataclasses import replace
from math import exp, log, log2

import numpy as np
import pytest

from features.instant import DAY_US
from features.tower_forward import forward
from tests.training.test_fit import CATALOGUE, CONFIG, CUTOFF_US, shop
from training.batches import Batches
from training.catalogue import item_content
from training.config import StoppingConfig, TrainingConfig
from training.dataset import Dataset, Longs
from training.export import tower_arrays
from training.fit import fit_towers
from training.fitted import fit_and_export
from training.split import user_groups
from training.towers import TwoTower
from training.watch import Watch, watched_rows

STOPPING = StoppingConfig(days=30, share=0.5, patience=2)
CONTENT = item_content(CATALOGUE)


@pytest.fixture(scope="module")
def data() -> Dataset:
    return shop()


def fitted(data: Dataset, watch: Watch | None, epochs: int = 4) -> TwoTower:
    config = replace(CONFIG, epochs=epochs)
    return fit_towers(data, CONTENT, CUTOFF_US, config, lambda epoch, loss: None, watch)


def watching(data: Dataset, stopping: StoppingConfig = STOPPING) -> Watch:
    return Watch(data, watched_rows(data, CUTOFF_US, stopping), stopping, k=5, exponent=0.5)


def test_the_watched_are_some_visitors_newest_moments_and_all_of_them_within_the_days(data: Dataset) -> None:
    rows = watched_rows(data, CUTOFF_US, STOPPING)
    users = set(data.users[rows])
    late = data.at_us >= CUTOFF_US - 30 * DAY_US
    assert 0 < len(rows) < late.sum()
    assert late[rows].all()
    assert not users & set(data.users[np.setdiff1d(np.flatnonzero(late), rows)])
    assert len(watched_rows(data, CUTOFF_US, replace(STOPPING, share=1.0))) == late.sum()
    assert len(watched_rows(data, CUTOFF_US, replace(STOPPING, share=0.0))) == 0


def test_no_batch_holds_a_watched_moment(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    watch = watching(data)
    fitted_to: list[Dataset] = []
    begin = Batches.__init__

    def note(self: Batches, dataset: Dataset, rows: Longs, *rest: object) -> None:
        fitted_to.append(dataset.take(rows))
        begin(self, dataset, rows, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Batches, "__init__", note)
    fitted(data, watch, epochs=1)
    (known,) = fitted_to
    assert set(known.users) == set(data.users) - set(data.users[watch.rows])
    assert len(known) + len(watch.rows) == len(data)


def test_the_figures_are_those_of_the_definition(data: Dataset) -> None:
    """Item by item: the softmax over what may be recommended, the list's gain over the best list's."""
    watch = watching(data)
    model = fitted(data, None, epochs=1)
    arrays = tower_arrays(model)
    vectors = forward(arrays.user, data.inputs) @ arrays.vectors.T
    losses, weights, gains = [], [], []
    for row in watch.rows.tolist():
        day = int(data.at_us[row] // DAY_US - model.items.trends.first_day)
        scores = (vectors[row] + model.items.bias(np.array([day])).numpy()[0]).tolist()
        allowed = {item: score for item, score in enumerate(scores) if item not in set(data.bought[row].tolist())}
        basket = data.basket[row].tolist()
        total = sum(exp(score) for score in allowed.values())
        losses.append(-sum(log(exp(allowed[item]) / total) for item in basket) / len(basket))
        weights.append(len(basket) ** 0.5)
        best = sorted(allowed, key=lambda item: (-allowed[item], item))[:5]
        ideal = sum(1 / log2(place + 2) for place in range(min(5, len(basket))))
        gains.append(sum(1 / log2(place + 2) for place, item in enumerate(best) if item in basket) / ideal)
    expected = sum(loss * weight for loss, weight in zip(losses, weights, strict=True)) / sum(weights)
    loss, gain = watch.measure(model)
    assert loss == pytest.approx(expected, rel=1e-4)
    assert gain == pytest.approx(sum(gains) / len(gains))


def test_the_best_epochs_weights_stay(data: Dataset) -> None:
    watch = watching(data, replace(STOPPING, patience=9))
    model = fitted(data, watch, epochs=5)
    losses = [epoch.validation_loss for epoch in watch.curve]
    assert [epoch.number for epoch in watch.curve] == [1, 2, 3, 4, 5]
    assert watch.best == losses.index(min(losses)) + 1
    assert watch.measure(model)[0] == min(losses)


def test_a_fit_ends_once_patience_is_at_an_end(data: Dataset) -> None:
    class Worsening(Watch):
        """Says of each epoch that it is worse than the one before."""

        def measure(self, model: TwoTower) -> tuple[float, float]:
            return 1.0 + len(self.curve), 1.0

    watch = Worsening(data, watched_rows(data, CUTOFF_US, STOPPING), STOPPING, k=5, exponent=0.5)
    fitted(data, watch, epochs=9)
    assert (watch.best, [epoch.number for epoch in watch.curve]) == (1, [1, 2, 3])


def test_a_watched_run_refits_to_everything_for_the_best_number_of_epochs(data: Dataset) -> None:
    config = TrainingConfig(tower=replace(CONFIG, epochs=3), stopping=STOPPING, k=5)
    done = fit_and_export(data, CONTENT, CUTOFF_US, config, lambda epoch, loss: None)
    best = min(done.watched, key=lambda epoch: epoch.validation_loss).number
    alone = replace(config, stopping=None, tower=replace(CONFIG, epochs=best))
    again = fit_and_export(data, CONTENT, CUTOFF_US, alone, lambda epoch, loss: None)
    assert np.array_equal(done.arrays.vectors, again.arrays.vectors)
    assert done.export_difference <= 1e-5
    assert set(done.curves()) == {
        "curve.loss",
        *(f"watched.{n}" for n in ("loss", "validation_loss", "validation_ndcg")),
    }
    assert len(done.losses) == len(again.curves()["curve.loss"]) == best
    nobody = replace(config, stopping=replace(STOPPING, share=0.0))
    with pytest.raises(ValueError, match="expected moments of the last 30 days to watch a fit by, came none"):
        fit_and_export(data, CONTENT, CUTOFF_US, nobody, lambda epoch, loss: None)


def test_a_visitor_is_in_one_group_whatever_the_order(data: Dataset) -> None:
    groups = user_groups(data.users, 3)
    backwards = user_groups(data.users[::-1], 3)[::-1]
    assert groups.tolist() == backwards.tolist()
    assert all(20 < count < 60 for count in np.bincount(groups))
