"""Which model stands before the ranker's window, and what it says of items that it did not know."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from contracts.model import ITEMS_FILE, Popularity
from contracts.settings import Settings
from features.instant import DAY_US
from features.tower_files import TowerFiles
from features.tower_forward import forward
from features.tower_input import Vocabulary
from tests.training.test_warm import AFTER, BEFORE, CONFIG, EARLIER_US, shop
from training.artefact import Origin, TowerArrays, write_artefact
from training.catalogue import item_content
from training.collect import FEATURE_SERVICE
from training.earlier import newest_before, over
from training.export import tower_arrays
from training.fit import fit_towers
from training.registry import RunRecord, register


@pytest.fixture(scope="module")
def arrays() -> TowerArrays:
    data = shop(BEFORE, EARLIER_US)
    return tower_arrays(fit_towers(data, item_content(BEFORE), EARLIER_US, CONFIG, lambda epoch, loss: None))


def test_the_newest_is_taken_that_saw_nothing_later_and_can_be_read(arrays: TowerArrays, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    assert newest_before(settings, EARLIER_US, FEATURE_SERVICE, CONFIG) is None

    def add(day: int, *, service: str = FEATURE_SERVICE) -> str:
        kept = arrays.kept
        assert kept is not None
        until = replace(kept, header=structs.replace(kept.header, cutoff_us=day * DAY_US))
        directory = settings.model_dir / "candidate"
        origin = Origin(service, countries=("UK",))
        write_artefact(directory, replace(arrays, kept=until), BEFORE, Popularity([], {}, {}), origin)
        return register(settings, directory, RunRecord({}, {}, service, {}))

    def found(day: int, **changes: Any) -> tuple[str, int] | None:
        return newest_before(settings, day * DAY_US, FEATURE_SERVICE, replace(CONFIG, **changes))

    first, later, again = add(390), add(398), add(390)
    add(396, service="another")
    assert found(389) is None
    # Of two with one cutoff the newest; one that ends with the instant itself has seen nothing of what follows.
    assert found(390) == (again, 390 * DAY_US)
    assert found(397) == (again, 390 * DAY_US)
    assert found(398) == (later, 398 * DAY_US)
    assert found(398, dim=7) is None
    assert found(398, epochs=99) == (later, 398 * DAY_US)
    (settings.model_dir / later / ITEMS_FILE).write_bytes(b"broken")
    (settings.model_dir / again / "training.npz").unlink()
    assert found(398) == (first, 390 * DAY_US)


def test_names_keep_their_rows_and_new_items_stand_by_content(arrays: TowerArrays) -> None:
    before = Vocabulary(tuple(item.item_id for item in BEFORE), ("UK",))
    data = shop(AFTER, EARLIER_US)
    now = Vocabulary(data.vocabulary.items, ("FR", "UK"))
    content = item_content(AFTER)
    moved = over(TowerFiles(arrays.user, before, arrays.vectors, arrays.bias), now, content)
    known = [name in before.items for name in now.items]
    theirs = [before.items.index(name) for name in now.items if name in before.items]
    assert known.count(False) == 4
    assert np.array_equal(moved.vectors[known], arrays.vectors[theirs])
    assert np.array_equal(moved.user.history[1:][known], arrays.user.history[1:][theirs])
    assert np.array_equal(moved.bias[known], arrays.bias[theirs])
    assert moved.user.country.tolist() == [
        arrays.user.country[0].tolist(),
        [0.0] * CONFIG.dim,
        arrays.user.country[1].tolist(),
    ]
    # All four are described alike, and by nothing that the others have: where these are in the mean.
    new = moved.vectors[~np.array(known)]
    assert np.ptp(new, axis=0).max() < 1e-5
    assert np.isfinite(forward(moved.user, data.inputs) @ moved.vectors.T + moved.bias).all()
