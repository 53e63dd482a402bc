"""Exponentially decayed counters: each event weighs one at first and half as much every half-life.

A counter holds its value at a reference time, its newest event, and moves there when a newer
event comes (the backward form of Cormode, Shkapenyuk, Srivastava and Xu, "Forward Decay",
ICDE 2009, section 3). An event that comes late adds what it would be worth by then, so the
order of arrival matters to the last bits of a double only.
"""

from __future__ import annotations

from features.instant import DAY_US, HOUR_US

# Label to half-life in microseconds; a label's position is its place in a stored counter.
HALF_LIVES_US: dict[str, int] = {"1h": HOUR_US, "1d": DAY_US, "30d": 30 * DAY_US}
_HALF_LIVES: tuple[int, ...] = tuple(HALF_LIVES_US.values())

# [reference_us, value at each half-life]; all doubles, so that a state encodes to the same
# bytes whether it has been through storage or not.
Counter = list[float]


def factor(elapsed_us: float, half_life_us: float) -> float:
    """What remains of 1 after `elapsed_us`; 2 ** -(elapsed / half-life)."""
    return float(2.0 ** (-elapsed_us / half_life_us))


def count(counter: Counter | None, at_us: int, number: int = 1) -> Counter:
    """The counter after `number` more events at `at_us`; `None` is a counter of nothing."""
    if counter is None:
        return [float(at_us), *(float(number) for _ in _HALF_LIVES)]
    elapsed = at_us - counter[0]
    if elapsed >= 0:
        counter[0] = float(at_us)
        for place, half_life in enumerate(_HALF_LIVES, 1):
            counter[place] = counter[place] * 2.0 ** (-elapsed / half_life) + number
    else:
        for place, half_life in enumerate(_HALF_LIVES, 1):
            counter[place] += number * 2.0 ** (elapsed / half_life)
    return counter


def values(counter: Counter, at_us: float) -> list[float]:
    """The counter's value at each half-life at `at_us`, not before its newest event."""
    elapsed = at_us - counter[0]
    return [counter[place] * 2.0 ** (-elapsed / half_life) for place, half_life in enumerate(_HALF_LIVES, 1)]


def add(one: Counter, other: Counter) -> Counter:
    """The counter of both counters' events."""
    if one[0] < other[0]:
        one, other = other, one
    carried = values(other, one[0])
    return [one[0], *(value + more for value, more in zip(one[1:], carried, strict=True))]
