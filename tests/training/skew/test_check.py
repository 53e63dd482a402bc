"""From events through worker, service and lake to the report."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.event import Consent, EventType
from features.evaluate import evaluate
from features.state import UserState
from features.values import FEATURES
from tests.serving.service_process import environment
from tests.training.skew.conftest import Shop
from training.skew.check import SkewFound, require_none, write_report
from training.skew.report import UNLOGGED, SkewReport
from training.skew.sighting import Seen

KINDS = (EventType.ITEM_VIEW, EventType.CLICK, EventType.ADD_TO_CART, EventType.PURCHASE)
REGULARS = [f"regular-{number}" for number in range(12)]
ALTERED, ROLLED_BACK, LOST = REGULARS[:3]
WITHDRAWN = Consent(personalization=False)


@pytest.fixture(scope="module")
def morning(shop: Shop) -> SkewReport:
    """Regulars with a past, one with an event under way, one who withdrew, one erased since, one unknown, nobody."""
    people = [*REGULARS, "late", "withdrawn", "erased"]
    events = [shop.event(one, KINDS[place % 4], age_s=9_000 - 600 * place) for place in range(9) for one in people]
    shop.work([*events, shop.event("withdrawn", EventType.CONSENT, age_s=60, consent=WITHDRAWN)])
    under_way = [shop.event("late", EventType.CLICK, age_s=5), shop.event("stranger", EventType.CLICK, age_s=20)]
    for visitor in [*people, "stranger"]:
        for country in ("", "DE"):
            shop.ask(visitor, context={"country": country} if country else {})
    shop.ask(None)
    shop.work(under_way)
    shop.keep()
    shop.erase("erased")
    return shop.check()


@pytest.fixture(scope="module")
def evening(shop: Shop, morning: SkewReport) -> SkewReport:
    """The same day, after three defects."""
    good = {visitor: shop.state(visitor) for visitor in (ALTERED, ROLLED_BACK, LOST)}
    # One item more in the list of what was bought; the row's time is as it was.
    state = shop.state(ALTERED)
    state.bought_items = [*state.bought_items, "item-none"]
    state.bought_marks = [*state.bought_marks, state.recent_marks[-1]]
    shop.tamper(ALTERED, state)
    shop.ask(ALTERED)
    # An online row of before the visitor's newest click, although the lake has that.
    shop.work([shop.event(ROLLED_BACK, EventType.CLICK, age_s=1)])
    shop.keep()
    shop.tamper(ROLLED_BACK, good[ROLLED_BACK])
    shop.ask(ROLLED_BACK)
    # History without the row that was served.
    shop.ask(LOST)
    shop.keep()
    shop.erase(LOST, good[LOST].row_us)
    return shop.check(stale_s=0.0)


def test_what_was_served_is_what_history_says(morning: SkewReport) -> None:
    report = morning

    assert report.defects == []
    assert report.counts == {"served": 33, "without_profile": 1, "unread": 0, "checked": 32}
    # Two answers each: 12 regulars and one who withdrew, one with an event under way, a stranger likewise.
    assert report.rows == {Seen.NEWEST: 26, Seen.LATE: 4, Seen.GONE: 2}
    assert all(one.equal == one.compared > 0 for one in report.features.values())
    # Half of the answers held every value, the others a digest of those that the model did not read.
    assert set(report.features) == {spec.name for spec in FEATURES} | {UNLOGGED}
    # 5 s and 20 s before the first request of all.
    assert 5 < min(report.unseen_s) < max(report.unseen_s) < 60
    assert max(report.unseen_s) > 20


def test_late_values_are_told_from_skewed_ones(morning: SkewReport) -> None:
    report = morning

    # The click under way is one more event of the late visitor's; a stranger had nothing logged to compare.
    assert report.features["events_total"].late == report.features["recent_items"].late == 2
    assert report.features["bought_items"].late == 0
    assert report.features["events_total"].differing == 0


@pytest.mark.usefixtures("morning")
def test_a_part_of_the_day_is_the_same_part_each_time(shop: Shop) -> None:
    first, second = shop.check(limit=5).as_dict(), shop.check(limit=5).as_dict()

    assert first == second
    assert first["answers"]["checked"] == 5


@pytest.mark.usefixtures("morning")
def test_another_definition_offline_is_named(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def counted_twice(state: UserState, at_us: int) -> dict[str, Any]:
        values = evaluate(state, at_us)
        return values | {"cart_size": 2 * values["cart_size"], "recency_s": values["recency_s"] + 0.5}

    monkeypatch.setattr("feature_repo.behavior.evaluate", counted_twice)
    report = shop.check()

    # The digest alone tells where the model did not read the values that differ.
    assert {"cart_size", "recency_s", UNLOGGED} <= set(report.skewed)
    assert not {"cart_items", "tenure_s", "country"} & set(report.skewed)
    assert report.features["recency_s"].largest_difference == pytest.approx(0.5)
    assert report.features["cart_size"].examples[0]["profile_id"] in {shop.profile(one) for one in [*REGULARS, "late"]}


@pytest.mark.usefixtures("morning")
def test_a_feature_that_history_lacks_is_missing_there(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    def without(state: UserState, at_us: int) -> dict[str, Any]:
        return evaluate(state, at_us) | {"city": None}

    monkeypatch.setattr("feature_repo.behavior.evaluate", without)
    report = shop.check()

    assert "city" in report.skewed
    assert report.features["city"].missing_offline == report.features["city"].compared


def test_rows_that_were_altered_lost_or_rolled_back_are_defects(shop: Shop, evening: SkewReport) -> None:
    report = evening

    assert report.features["bought_items"].differing == 1
    assert report.features["bought_items"].examples[0]["profile_id"] == shop.profile(ALTERED)
    assert "'item-none'" in report.features["bought_items"].examples[0]["served"]
    assert report.rows[Seen.STALE] == 1
    # Two more were given from the lost row before the lake had any: as if history had been made anew since.
    assert (report.rows[Seen.LOST], report.rows[Seen.REMADE]) == (1, 2)
    assert {one["seen"] for one in report.row_examples} == {"stale", "lost"}
    with pytest.raises(SkewFound, match="bought_items: 1 of"):
        require_none(report)
    written = json.loads(write_report(shop.settings, report).read_text())
    assert written["skewed"] is True
    assert written["rows"]["stale"] == 1


@pytest.mark.usefixtures("evening")
def test_the_command_tells_what_is_wrong_and_fails(shop: Shop) -> None:
    day = datetime.now(UTC).date().isoformat()
    done = subprocess.run(
        [sys.executable, "-m", "stack.command", "skew", "--day", day, "--settle", "0", "--json"],
        cwd=shop.settings.project,
        env={**os.environ, **environment(shop.settings)},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert done.returncode == 1, done.stderr
    assert any("bought_items" in defect for defect in json.loads(done.stdout)["defects"])


def test_a_day_without_answers_is_no_defect(shop: Shop) -> None:
    from training.skew.check import check_skew

    report = check_skew(shop.settings, datetime.now(UTC).date() - timedelta(days=300), store=shop.store)

    assert report.defects == []
    assert report.counts["served"] == 0
