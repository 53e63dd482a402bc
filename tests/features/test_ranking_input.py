"""Each column of the ranker against its definition, pair by pair."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import exp, log, log1p
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contracts.event import Event, EventType
from contracts.item import Item
from features.actions import ACTION_WEIGHTS
from features.affinity import price_band
from features.evaluate import evaluate
from features.fold import fold
from features.instant import to_us
from features.ranking_files import RankerFile, read_ranker
from features.ranking_forward import RankerWeights, calibrated, forward
from features.ranking_input import COLUMNS, RANKING_VALUES, Candidates, ranking_input
from features.ranking_items import ItemStatistics, ItemTable
from features.state import new_state

START = datetime(2026, 5, 1, 9, tzinfo=UTC)
COUNT = 40
ITEMS = [Item(f"i{n:02}", f"Heart {n}", 0.5 + n % 7 * 1.7, f"c{n % 4}", brand=f"b{n % 3}") for n in range(COUNT)]
ACTIONS = tuple(ACTION_WEIGHTS)
DAY_S = 86_400.0


def statistics(seed: int = 0, neighbours: int = 6) -> ItemStatistics:
    random = np.random.default_rng(seed)
    similarity = np.sort(random.random((COUNT, neighbours)).astype(np.float32), axis=1)[:, ::-1]
    return ItemStatistics(
        sold=random.random((COUNT, 3)).astype(np.float32),
        discovered=random.random((COUNT, 3)).astype(np.float32),
        on_sale_days=random.integers(0, 300, COUNT).astype(np.float32),
        neighbours=np.stack([random.permutation(COUNT)[:neighbours] for _ in range(COUNT)]).astype(np.int32),
        similarity=np.ascontiguousarray(similarity),
    )


def visitor(seed: int, events: int) -> dict[str, Any]:
    """Values of a visitor, items unknown to the model among them."""
    random = np.random.default_rng(seed)
    state, at = new_state(), START
    for number in range(events):
        at += timedelta(minutes=float(random.exponential(60 if number % 5 else 40_000)))
        item = int(random.integers(COUNT + 5))
        fold(
            state,
            Event(
                message_id=f"{seed}-{number}",
                user_id="u",
                type=ACTIONS[int(random.integers(len(ACTIONS)))],
                timestamp=at,
                item_id=f"i{item:02}",
                price=float(random.uniform(0.5, 12)),
                properties={"category": f"c{item % 4}", "brand": f"b{item % 3}"},
            ),
        )
    return evaluate(state, to_us(at + timedelta(hours=30)))


def candidates(seed: int, count: int) -> Candidates:
    random = np.random.default_rng(seed)
    scores = -np.sort(-random.normal(size=count)).astype(np.float32)
    return Candidates(random.permutation(COUNT)[:count].astype(np.int32), scores)


def oracle(values: dict[str, Any], found: Candidates, counted: ItemStatistics) -> list[dict[str, float]]:
    """The same from the definitions, one pair at a time."""
    row_of = {item.item_id: row for row, item in enumerate(ITEMS)}
    history = [
        (row_of[item], age_s / DAY_S, float(ACTION_WEIGHTS[EventType(action)]))
        for item, age_s, action in zip(
            values["recent_items"], values["recent_ages_s"], values["recent_actions"], strict=True
        )
        if item in row_of
    ]
    newest = [line for line in history if line[1] <= history[0][1] + 1800 / DAY_S]

    def similar(line: int, row: int) -> float:
        near = dict(zip(counted.neighbours[line].tolist(), counted.similarity[line].tolist(), strict=True))
        return float(near.get(row, 0.0))

    def together(lines: list[tuple[int, float, float]], row: int) -> float:
        return sum(similar(line, row) * float(2 ** ((history[0][1] - days) / 20)) for line, days, _ in lines)

    def share(names: str, weights: str, name: object) -> float:
        return float(dict(zip(values[names], values[weights], strict=True)).get(name, 0.0))

    bands = {price_band(b): w for b, w in zip(values["price_bands"], values["price_band_weights"], strict=True)}
    scores = [float(score) for score in found.scores]
    everything = [together(history, row) for row in found.rows]
    lines = []
    for place, row in enumerate(int(row) for row in found.rows):
        item, sold, discovered = ITEMS[row], counted.sold[row], counted.discovered[row]
        seen = [days for line, days, _ in history if line == row]
        same = [days for line, days, _ in history if ITEMS[line].category == item.category]
        level = values["price_level"]
        column = {
            "score_gap": scores[place] - max(scores),
            "score_share": log(exp(scores[place]) / sum(map(exp, scores))),
            "rank": log1p(place),
            "together": log(everything[place] + 1e-4),
            "together_rank": log1p(
                sum((-other, at) < (-everything[place], place) for at, other in enumerate(everything))
            ),
            "together_newest": log(together(newest, row) + 1e-4),
            "together_best": log(max((similar(line, row) for line, _, _ in history), default=0.0) + 1e-4),
            "trend": float(sold[0] - sold[2]),
            "repeated": float(sold[2] - discovered[2]),
            "on_sale": log1p(counted.on_sale_days[row]),
            "price": log(item.price),
            "price_distance": abs(log(item.price) - log(level)) if level else 0.0,
            "price_band_share": float(bands.get(price_band(item.price), 0.0)),
            "category_share": share("categories", "category_weights", item.category),
            "brand_share": share("brands", "brand_weights", item.brand),
            "seen_age": log1p(min(seen, default=400.0)),
            "seen_weight": log1p(sum(worth for line, _, worth in history if line == row)),
            "category_age": log1p(min(same, default=400.0)),
            "category_newest": sum(ITEMS[line].category == item.category for line, _, _ in newest)
            / max(len(newest), 1),
            "visitor_category_entropy": values["category_entropy"],
            "visitor_hour_affinity": values["hour_affinity"],
            "visitor_price_level": log1p(level),
        }
        for at, days in enumerate(("2d", "7d", "30d")):
            column |= {f"sold_{days}": float(sold[at]), f"discovered_{days}": float(discovered[at])}
        for name in ("events_total", "bought_total", "recency_s", "tenure_s", "session_events"):
            column[f"visitor_{name}"] = log1p(values[name])
        lines.append(column)
    return lines


@pytest.mark.parametrize(("seed", "events", "count"), [(1, 60, 20), (2, 3, 40), (3, 150, 7), (4, 1, 1)])
def test_every_column_is_what_it_says(seed: int, events: int, count: int) -> None:
    values, found, counted = visitor(seed, events), candidates(seed, count), statistics(seed)
    expected = oracle(values, found, counted)
    came = ranking_input(values, found, ItemTable(ITEMS, counted))

    assert came.shape == (count, len(COLUMNS))
    assert set(COLUMNS) == set(expected[0])
    for place, row in enumerate(expected):
        for name, value in row.items():
            assert came[place, COLUMNS.index(name)] == pytest.approx(value, rel=2e-5, abs=2e-5), name


def test_a_visitor_of_whom_nothing_is_known_gives_finite_columns() -> None:
    columns = ranking_input(evaluate(new_state(), 0), candidates(1, 30), ItemTable(ITEMS, statistics()))
    assert np.isfinite(columns).all()


def test_reads_no_other_values_than_it_names() -> None:
    values = visitor(5, 40)
    named = {name: values[name] for name in RANKING_VALUES}
    found, table = candidates(5, 20), ItemTable(ITEMS, statistics())
    assert np.array_equal(ranking_input(named, found, table), ranking_input(values, found, table))


def weights(seed: int = 0) -> RankerWeights:
    random, width = np.random.default_rng(seed), len(COLUMNS)

    def drawn(*shape: int) -> Any:
        return random.normal(scale=0.3, size=shape).astype(np.float32)

    return RankerWeights(
        mean=drawn(width),
        scale=np.abs(drawn(width)),
        cross=drawn(2, width, width),
        cross_bias=drawn(2, width),
        hidden=drawn(width, 5),
        hidden_bias=drawn(5),
        out=drawn(width + 5),
        base=np.array(1.0, np.float32),
        calibration=np.array([0.7, -2.0], np.float32),
    )


def test_chances_keep_the_order_of_logits() -> None:
    logits = np.array([-3.0, 0.0, 2.0], np.float32)
    # 1 / (1 + exp(-(0.7 * 0 - 2))) is the middle one.
    assert calibrated(weights(), logits)[1] == pytest.approx(1 / (1 + exp(2.0)))
    assert (np.diff(calibrated(weights(), logits)) > 0).all()


def test_a_file_gives_back_the_same_answers(tmp_path: Path) -> None:
    path = tmp_path / "ranker.npz"
    path.write_bytes(RankerFile(weights(), statistics(), 25).encode())
    back = read_ranker(path)
    values, found = visitor(6, 50), candidates(6, 25)

    def answer(file: RankerFile) -> Any:
        return forward(file.weights, ranking_input(values, found, ItemTable(ITEMS, file.statistics)))

    assert back.depth == 25
    assert np.array_equal(answer(back), answer(RankerFile(weights(), statistics(), 25)))


def test_a_file_of_other_columns_is_refused_by_their_names(tmp_path: Path) -> None:
    path = tmp_path / "ranker.npz"
    path.write_bytes(RankerFile(weights(), statistics(), 25).encode())
    with np.load(path) as archive:
        arrays = dict(archive)
    np.savez(path, **(arrays | {"columns": np.array([*COLUMNS[:-1], "weather"])}))
    with pytest.raises(ValueError, match="visitor_price_level, weather"):
        read_ranker(path)
    np.savez(path, **{name: array for name, array in arrays.items() if name != "base"})
    with pytest.raises(ValueError, match="none named 'base'"):
        read_ranker(path)


def test_statistics_that_do_not_fit_their_items_are_refused() -> None:
    with pytest.raises(ValueError, match="expected statistics of 39 items, came 40"):
        ItemTable(ITEMS[:-1], statistics())
    good = statistics().arrays()
    with pytest.raises(ValueError, match="expected neighbours among 40 rows"):
        ItemStatistics.from_arrays(good | {"neighbours": good["neighbours"] + 1000})
    with pytest.raises(ValueError, match=r"expected sold of shape \[40, 3\], came \[40, 2\]"):
        ItemStatistics.from_arrays(good | {"sold": good["sold"][:, :2]})
