"""A warm run joins few moments, and comes to what it would with all of them: over real purchases, some withheld."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from msgspec import structs

from contracts.model import Popularity
from contracts.settings import RedisSettings, SecretsSettings, Settings
from feature_repo.store import apply, open_store
from privacy.pseudonym import Pseudonymizer
from stack.redis_server import RedisServer
from streaming.backfill import backfill
from streaming.catalogue import lay_catalogue
from streaming.history import purchase_events, read_purchases
from tests.training.test_fit import CUTOFF_US, shop
from training import run
from training.artefact import Origin, write_artefact
from training.baselines import Floats
from training.catalogue import read_catalogue
from training.collect import FEATURE_SERVICE, Collected, collect, join, read_labelled
from training.config import RankingConfig, TowerConfig, TrainingConfig, WarmConfig
from training.consent import usable_moments
from training.continued import begin, fit_warm
from training.dataset import Longs, join_features
from training.labels import read_labels
from training.past import Past
from training.ranking.learn import learning_window
from training.registry import RunRecord, promote, register
from training.review import train_sample

CUSTOMERS = 220
CONFIG = TrainingConfig(
    tower=TowerConfig(dim=8, hidden=4, epochs=1),
    warm=WarmConfig(epochs=1),
    ranking=RankingConfig(depth=20, neighbours=20, min_moments=20, epochs=1, calibration_folds=2),
)


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Settings:
    """Real purchases of each fourth item; each fourth customer once refused training, with their twentieth line."""
    settings = Settings(
        home=tmp_path_factory.mktemp("part"),
        redis=RedisSettings(url=redis_server.url, key_prefix=f"part-{os.getpid()}-"),
        secrets=SecretsSettings.model_validate({"pseudonym_key": "a key for tests alone"}),
    )
    store = apply(settings)
    lay_catalogue(settings)
    articles = pq.read_table(settings.catalogue_path)
    pq.write_table(articles.take(list(range(0, len(articles), 4))), settings.catalogue_path)
    purchases = read_purchases(settings, datetime.now(UTC))
    customers = pc.unique(purchases["customer_id"]).slice(0, CUSTOMERS)
    part = purchases.filter(pc.is_in(purchases["customer_id"], value_set=customers))
    pseudonymizer = Pseudonymizer(settings.secrets.pseudonym_key.get_secret_value())
    refusing = {pseudonymizer.user(customer) for customer in customers.to_pylist()[::4]}
    lines = dict.fromkeys(refusing, 0)
    events = []
    for event in purchase_events(part, pseudonymizer):
        if event.user_id in refusing:
            lines[event.user_id] += 1
            if lines[event.user_id] == 20:
                event = structs.replace(event, consent=structs.replace(event.consent, training=False))
        events.append(event)
    backfill(settings, events, total=len(events), store=store)
    return settings


def add_model(lake: Settings, models: Settings, holdout_days: int) -> str:
    """A registered model that saw nothing of so many days."""
    collected = collect(lake, replace(CONFIG, holdout_days=holdout_days))
    origin = Origin(FEATURE_SERVICE, {}, collected.dataset.vocabulary.countries)
    directory = models.model_dir / "candidate"
    write_artefact(directory, run.fit(collected, CONFIG).arrays, collected.catalogue, Popularity([], {}, {}), origin)
    return register(models, directory, RunRecord({}, {}, FEATURE_SERVICE, {}))


def test_what_may_be_used_is_what_the_join_says(lake: Settings) -> None:
    items = frozenset(item.item_id for item in read_catalogue(lake.catalogue_path))
    moments = read_labels(lake, items=items).moments
    store = open_store(lake)
    users, at_us = [moment.user_id for moment in moments], [moment.at_us for moment in moments]
    said = [row["training_allowed"] for row in join_features(store, FEATURE_SERVICE, users, at_us, names=())]
    assert usable_moments(lake, store, moments).tolist() == said
    assert 0 < said.count(False) < len(said) / 2
    whole = collect(lake, CONFIG)
    assert len(whole.purchases) == len(whole.dataset) == said.count(True)
    dropped = next(step for step in whole.cleaning.steps if step.rule == "history not for training")
    assert dropped.dropped == said.count(False)


def test_a_warm_run_that_joins_a_part_comes_to_what_one_does_that_joins_all(lake: Settings, tmp_path: Path) -> None:
    """The champion lacks a day. Before the ranker's window ends a model by a week, and then one by nothing."""
    models = Settings(home=tmp_path)
    add_model(lake, models, 35)
    version = add_model(lake, models, 15)
    promote(models, version)
    read = read_labelled(lake, CONFIG)

    def begun(kind: str) -> tuple[Collected, Collected]:
        start, rows = begin(models, read, CONFIG)
        assert (start.version, start.reason) == (version, None)
        assert [name for name in ("retriever", "earlier") if getattr(start, name) is not None] == [kind]
        assert len(rows) < 0.9 * len(read.moments)
        part, whole = (join(lake, CONFIG, read, one, start) for one in (rows, np.arange(len(read.moments))))
        require_same_read(part, whole, rows)
        return part, whole

    collected = begun("earlier")
    towers = [fit_warm(one, CONFIG).arrays for one in collected]
    require_equal(*(one.kept.weights for one in towers if one.kept is not None))
    require_equal(*({"vectors": one.vectors, "bias": one.bias, "history": one.user.history} for one in towers))
    rankers = [run.fit_ranker(lake, one, CONFIG) for one in collected]
    require_equal(*(vars(one.weights) for one in rankers if one is not None))
    add_model(lake, models, 28)
    begun("retriever")


def require_same_read(part: Collected, whole: Collected, rows: Longs) -> None:
    """The same rows, tests, sample of the past and window of the ranker."""
    assert np.array_equal(part.dataset.inputs.items, whole.dataset.inputs.items[rows])
    assert np.array_equal(part.past.purchases.at_us, whole.past.purchases.at_us)
    chosen = [
        (
            one.dataset.at_us[one.holdout.test],
            one.dataset.at_us[train_sample(one.dataset, one.holdout).test],
            one.past.dataset.at_us[learning_window(one.past, CONFIG).rows],
        )
        for one in (part, whole)
    ]
    assert all(np.array_equal(*pair) for pair in zip(*chosen, strict=True))


def require_equal(one: Mapping[str, Floats], other: Mapping[str, Floats]) -> None:
    """To the last bit."""
    assert one.keys() == other.keys()
    assert all(np.array_equal(array, other[name]) for name, array in one.items())


def test_features_that_were_not_joined_are_never_taken_for_others() -> None:
    data = shop()
    rows = np.array([3, 5, 8])
    past = Past(CUTOFF_US, data, data.take(rows), rows)
    assert past.places(np.array([8, 3])).tolist() == [2, 0]
    for missing in ([4], [3, 9], [0]):
        with pytest.raises(LookupError, match=f"expected the features of {len(missing)} moments"):
            past.places(np.array(missing))
