"""Going on from the champion of a registry, and the full fit where that cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from contracts.model import Popularity
from contracts.settings import Settings
from features.instant import DAY_US
from tests.training.test_warm import AFTER, BEFORE, CONFIG, EARLIER_US, NOW_US, WARM, item, shop
from training.artefact import Origin, write_artefact
from training.catalogue import item_content
from training.cleaning import CleaningReport
from training.collect import FEATURE_SERVICE, Collected, Labelled
from training.config import TrainingConfig
from training.continued import begin, fit_warm
from training.export import tower_arrays
from training.fit import fit_towers
from training.registry import RunRecord, promote, register
from training.split import Holdout

RUN = TrainingConfig(tower=CONFIG, warm=WARM)


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home whose champion was fitted ten days ago."""
    settings = Settings(home=tmp_path_factory.mktemp("home"))
    data, content = shop(BEFORE, EARLIER_US), item_content(BEFORE)
    arrays = tower_arrays(fit_towers(data, content, EARLIER_US, CONFIG, lambda epoch, loss: None))
    directory = settings.model_dir / "candidate"
    write_artefact(directory, arrays, BEFORE, Popularity([], {}, {}), Origin(FEATURE_SERVICE, countries=("UK",)))
    promote(settings, register(settings, directory, RunRecord({}, {}, FEATURE_SERVICE, {})))
    return settings


def labelled(cutoff_us: int) -> Labelled:
    data = shop(AFTER, cutoff_us + DAY_US)
    fit = np.flatnonzero(data.at_us < cutoff_us)
    test = np.flatnonzero(data.at_us >= cutoff_us)
    holdout = Holdout(cutoff_us, fit, test, np.ones(len(AFTER), np.bool_))
    return Labelled(AFTER, (), data, holdout, {}, CleaningReport())


def collected(settings: Settings, cutoff_us: int) -> Collected:
    """Every moment with its features, and what a run would go on from."""
    read = labelled(cutoff_us)
    start, _ = begin(settings, read, RUN)
    return Collected(AFTER, shop(AFTER, cutoff_us + DAY_US), read.holdout, {}, start=start)


def test_a_warm_run_says_which_model_it_goes_on_from(settings: Settings) -> None:
    arrays = fit_warm(collected(settings, NOW_US), RUN).arrays
    assert arrays.kept is not None
    start = arrays.kept.header.start
    assert (start.kind, start.version, start.reason) == ("warm", "1", None)
    assert arrays.kept.header.cutoff_us == NOW_US
    assert arrays.vectors.shape == (len(AFTER), CONFIG.dim)


def test_nothing_new_makes_a_full_fit_with_the_reason(settings: Settings) -> None:
    arrays = fit_warm(collected(settings, EARLIER_US), RUN).arrays
    assert arrays.kept is not None
    start = arrays.kept.header.start
    assert (start.kind, start.version) == ("full", None)
    assert start.reason is not None
    assert "expected a model that ends before this one's cutoff" in start.reason


def test_without_a_champion_or_with_one_that_keeps_nothing_the_fit_is_full(tmp_path: Path) -> None:
    fresh = Settings(home=tmp_path)
    first = fit_warm(collected(fresh, NOW_US), RUN).arrays
    assert first.kept is not None
    assert first.kept.header.start.reason == "expected a champion to go on from, came none"
    directory = fresh.model_dir / "candidate"
    served = np.zeros((1, CONFIG.dim), np.float32)
    write_artefact(
        directory,
        type(first)(first.user, served, served[0, :1]),
        [item(0)],
        Popularity([], {}, {}),
        Origin(FEATURE_SERVICE),
    )
    promote(fresh, register(fresh, directory, RunRecord({}, {}, FEATURE_SERVICE, {})))
    second = fit_warm(collected(fresh, NOW_US), RUN).arrays
    assert second.kept is not None
    assert second.kept.header.start.kind == "full"
    assert "training.npz: expected what training kept of the model, came no such file" in str(
        second.kept.header.start.reason
    )
