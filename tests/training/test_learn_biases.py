"""The learner on a small real lake: what it learns, from whom, and what it leaves behind when it is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import timedelta
from math import exp, inf, sqrt
from pathlib import Path

import numpy as np
import pytest
from pyiceberg.expressions import EqualTo

from contracts.biases import read_biases
from contracts.event import Consent, Event, EventType
from contracts.lake import EVENTS, USER_BEHAVIOR, open_table
from contracts.model import read_manifest
from contracts.settings import Settings
from features.instant import to_us
from features.tower_input import Vocabulary
from stack.redis_server import RedisServer
from streaming.backfill import backfill
from tests.conftest import PROJECT
from tests.serving.artefacts import AT, promote, write_artefact, write_ranked
from tests.serving.conftest import ITEMS, register
from training.artefact import add_files
from training.artefact_scorer import ArtefactScorer
from training.initial import Beginning
from training.kept import TRAINING_FILE, Header, Kept, Start, encode_kept
from training.learn_biases import NoChampion, learn_biases, publish_biases, read_answering

NAMES = [item.item_id for item in ITEMS]
CUTOFF = AT - timedelta(days=5)
VISITORS = 6


def bought(visitor: str, day: float, *items: int, training: bool = True) -> list[Event]:
    """An order so many days after the model's cutoff."""
    return [
        Event(
            message_id=f"{visitor}-{day}-{item}",
            anonymous_id=visitor,
            type=EventType.PURCHASE,
            timestamp=CUTOFF + timedelta(days=day),
            item_id=NAMES[item],
            quantity=1,
            price=1.0 + item,
            consent=Consent(training=training),
        )
        for item in items
    ]


def purchases() -> list[Event]:
    """Regulars before and after the cutoff, one who first comes after it, one who keeps out of training."""
    random = np.random.default_rng(5)
    lines = []
    for number in range(VISITORS):
        for day in (-3.0, -1.0, 0.5, 1.5, 2.5):
            items = random.choice(len(ITEMS), size=random.integers(1, 4), replace=False).tolist()
            lines.append(bought(f"visitor-{number}", day + number / 100, *items))
    lines += [bought("newcomer", 1.0, 3, 4), bought("newcomer", 2.0, 5)]
    lines += [bought("private", -2.0, 7, training=False), bought("private", 2.1, 8, training=False)]
    return sorted((event for line in lines for event in line), key=lambda event: event.timestamp)


def give_a_past(directory: Path) -> None:
    """What training keeps beside a model; of it the learner reads the cutoff alone."""
    header = Header(
        start=Start(kind="full", seconds=0.0), cutoff_us=to_us(CUTOFF), items=tuple(NAMES), countries=(), words=(),
        categories=(), config={},
    )  # fmt: skip
    nothing = np.zeros((0, 2), np.float32)
    kept = Kept(header, {}, Beginning(nothing, nothing), np.zeros(1, np.float32), np.ones(1, np.float32))
    add_files(directory, {TRAINING_FILE: encode_kept(kept)})


def filled(home: Path, redis: RedisServer, events: Sequence[Event]) -> Settings:
    """A home whose lake holds the events, and the model `plain` promoted."""
    base = Settings(home=home, project=PROJECT)
    url, prefix = redis.url, f"{home.name}-{os.getpid()}-"
    settings = base.model_copy(update={"redis": base.redis.model_copy(update={"url": url, "key_prefix": prefix})})
    backfill(settings, events, total=len(events), store=register(settings))
    give_a_past(write_artefact(settings, "plain", ITEMS))
    promote(settings, "plain")
    return settings


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory, redis_server: RedisServer) -> Settings:
    return filled(tmp_path_factory.mktemp("biases"), redis_server, purchases())


def naive(events: Sequence[Event], rate: float = 0.3) -> dict[str, float]:
    """The biases from the definitions: who had bought before, as of each order after the cutoff, in time order.

    The model's item n points to the angle pi * n / (2 N); a visitor is the mean direction of what was bought.
    """
    angles = [np.pi / 2 * n / (len(ITEMS) - 1) for n in range(len(ITEMS))]
    orders: dict[tuple[float, str], list[int]] = {}
    for event in events:
        orders.setdefault((event.timestamp.timestamp(), str(event.anonymous_id)), []).append(
            NAMES.index(str(event.item_id))
        )
    had: dict[str, list[int]] = {}
    biases = [0.0] * len(ITEMS)
    for (at, visitor), items in sorted(orders.items()):
        history = had.setdefault(visitor, [])
        new = [item for item in items if item not in history]
        if at >= CUTOFF.timestamp() and history and new and visitor != "private":
            x = sum(np.cos(angles[item]) for item in history) / (len(history) + 1e-3)
            y = sum(np.sin(angles[item]) for item in history) / (len(history) + 1e-3)
            logits = [
                -inf if item in history else np.cos(angles[item]) * x + np.sin(angles[item]) * y + biases[item]
                for item in range(len(ITEMS))
            ]
            total = sum(exp(logit) for logit in logits)
            for item, logit in enumerate(logits):
                wanted = 1 / len(new) if item in new else 0.0
                biases[item] += rate * sqrt(len(new)) * (wanted - exp(logit) / total)
        history += items
    return dict(zip(NAMES, biases, strict=True))


def close(came: Mapping[str, float], expected: Mapping[str, float]) -> None:
    np.testing.assert_allclose([came.get(name, 0.0) for name in NAMES], [expected[name] for name in NAMES], atol=2e-5)


def test_learns_what_the_definition_says_from_purchases_since_the_cutoff(lake: Settings) -> None:
    learned = learn_biases(lake)
    close(learned.biases, naive(purchases()))
    assert max(learned.biases.values()) > 0.2
    snapshot = open_table(lake, EVENTS).current_snapshot()
    assert snapshot is not None
    # Three orders of each regular after the cutoff, and the newcomer's second, unless all of it was bought before.
    assert learned.moments <= 3 * VISITORS + 1
    assert (learned.model_version, learned.ranked, learned.snapshot_id) == ("plain", False, snapshot.snapshot_id)
    assert to_us(learned.learnt_until) == snapshot.timestamp_ms * 1000


def test_a_run_that_is_repeated_writes_the_same_file_and_touches_nothing_of_the_model(lake: Settings) -> None:
    directory = lake.model_dir / "plain"
    before = {path.name: path.read_bytes() for path in directory.iterdir()}
    files = []
    for _ in range(2):
        path = Path(publish_biases(lake, learn_biases(lake))["path"])
        files.append(path.read_bytes())
    assert files[0] == files[1]
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == before
    # What gates measure is the model as it was fitted.
    assert np.array_equal(ArtefactScorer(directory)._arrays.bias, np.zeros(len(ITEMS), np.float32))
    assert read_answering(directory).retriever.vocabulary == Vocabulary(tuple(NAMES), ("France",))


def test_killed_while_it_writes_the_earlier_file_stays(lake: Settings) -> None:
    path = Path(publish_biases(lake, learn_biases(lake))["path"])
    before = path.read_bytes()
    # SIGKILL with half of the draft written: the place of a replace that never comes.
    code = f"""
import os, signal, pathlib
from contracts.biases import read_biases, write_biases
from msgspec.structs import replace
path = pathlib.Path({str(path)!r})
found = read_biases(path, "plain", {NAMES!r})
whole = pathlib.Path.write_bytes
def torn(self, content):
    whole(self, content[: len(content) // 2])
    os.kill(os.getpid(), signal.SIGKILL)
pathlib.Path.write_bytes = torn
write_biases(path.parent, replace(found, moments=99))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=PROJECT, env={**os.environ, "PYTHONPATH": str(PROJECT)})
    assert done.returncode == -signal.SIGKILL
    assert path.read_bytes() == before
    assert read_biases(path, "plain", NAMES).moments == learn_biases(lake).moments


def test_with_a_ranker_its_logits_are_learned_from(lake: Settings) -> None:
    # Its ten candidates are those nearest to the visitor: nothing beyond them moves.
    give_a_past(write_ranked(lake, "cheap", ITEMS))
    promote(lake, "cheap")
    try:
        learned = learn_biases(lake)
    finally:
        promote(lake, "plain")
    assert learned.ranked
    assert 0 < learned.moments < learn_biases(lake).moments
    answering = read_answering(lake.model_dir / "cheap")
    assert answering.ranker is not None
    assert set(learned.biases) < set(NAMES)


def test_an_erased_profile_no_longer_counts(tmp_path: Path, redis_server: RedisServer) -> None:
    settings = filled(tmp_path / "erased", redis_server, purchases())
    before = learn_biases(settings)
    open_table(settings, EVENTS).delete(EqualTo("profile_id", "visitor-0"))
    open_table(settings, USER_BEHAVIOR).delete(EqualTo("user_id", "visitor-0"))
    after = learn_biases(settings)
    close(after.biases, naive([event for event in purchases() if event.anonymous_id != "visitor-0"]))
    assert after.biases != before.biases


def test_nothing_new_leaves_the_model_as_fitted(tmp_path: Path, redis_server: RedisServer) -> None:
    old = [event for event in purchases() if event.timestamp < CUTOFF]
    learned = learn_biases(filled(tmp_path / "quiet", redis_server, old))
    assert (learned.moments, learned.biases) == (0, {})


def test_without_a_champion_or_its_cutoff_it_says_so(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    with pytest.raises(NoChampion, match="expected a champion, came none; `clickloop train` makes one"):
        learn_biases(settings)
    write_artefact(settings, "bare", ITEMS)
    promote(settings, "bare")
    assert read_manifest(settings.model_dir / "bare").model_version == "bare"
    with pytest.raises(ValueError, match=r"training\.npz: expected what training kept of the model, came no such file"):
        learn_biases(settings)
