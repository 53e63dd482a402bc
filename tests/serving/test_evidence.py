"""What is logged of the values behind an answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from contracts.event import Context, Event, EventType
from contracts.recommend import FeatureValue, Served
from features.evaluate import evaluate
from features.fold import fold
from features.state import new_state
from serving.evidence import with_values

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def values_of_a_visitor() -> dict[str, Any]:
    state = new_state()
    for number in range(5):
        fold(
            state,
            Event(
                message_id=f"m{number}",
                anonymous_id="v",
                type=EventType.ADD_TO_CART,
                timestamp=NOW - timedelta(minutes=number),
                item_id=f"item-{number}",
                price=2.0,
                context=Context(country="FR"),
            ),
        )
    return evaluate(state, int(NOW.timestamp() * 1e6))


def answer(number: int, values: dict[str, Any]) -> Served:
    return Served(
        recommendation_id=f"r{number}",
        profile_id="v",
        served_at=NOW,
        items=[],
        scores=[],
        source="model",
        model_version="1",
        variant="default",
        state_version=5,
        degraded=[],
        features={name: FeatureValue(values[name], 0.0) for name in ("cart_items", "country")},
        timings_ms={},
    )


def test_a_sampled_answer_holds_every_value_once() -> None:
    values = values_of_a_visitor()
    logged = with_values(answer(1, values), values, share=1.0)

    assert {name: one.value for name, one in logged.features.items()} | logged.values == values
    assert not set(logged.features) & set(logged.values)
    assert with_values(answer(1, values), values, share=0.0).values == {}


def test_the_share_is_about_that_of_the_answers() -> None:
    values = values_of_a_visitor()
    sampled = [bool(with_values(answer(number, values), values, share=0.2).values) for number in range(1_000)]

    # Five standard deviations of a binomial: 5 * sqrt(1000 * 0.2 * 0.8) = 63.
    assert abs(sum(sampled) - 200) < 63


def test_the_digest_changes_with_any_value_and_not_with_the_last_bit_of_a_float() -> None:
    values = values_of_a_visitor()
    base = with_values(answer(1, values), values, share=0.0).digest
    changed = {
        name: value + 1 if isinstance(value, int | float) else value + "x" if isinstance(value, str) else value[1:]
        for name, value in values.items()
        if value != []
    }
    digests = {
        with_values(answer(1, values), values | {name: other}, share=0.0).digest for name, other in changed.items()
    }

    assert len(digests | {base}) == len(changed) + 1
    nearly = values | {"tenure_s": values["tenure_s"] * (1 + 2**-52)}
    assert nearly["tenure_s"] != values["tenure_s"]
    assert with_values(answer(1, nearly), nearly, share=0.0).digest == base
