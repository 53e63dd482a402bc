"""Decayed counters: each event counts one at first and half as much every half-life."""

from __future__ import annotations

from features.fading import HALF_LIVES_US

# A group's fading count at each of `features.fading.HALF_LIVES_US`.
Counter = list[int]

NOTHING = (0.0,) * len(HALF_LIVES_US)


def count(counters: dict[int, Counter], group: int, number: int, units: tuple[int, int, int]) -> None:
    """Count `number` events of a group, each worth `units`."""
    hour, day, month = units
    counter = counters.get(group)
    if counter is None:
        counters[group] = [number * hour, number * day, number * month]
    else:
        counter[0] += number * hour
        counter[1] += number * day
        counter[2] += number * month


def fade(counters: dict[int, Counter], shifts: tuple[int, int, int]) -> None:
    """Halve the counts as often as `shifts` says; forget the groups of which nothing is left."""
    for group, counter in list(counters.items()):
        counter[:] = [value >> shift for value, shift in zip(counter, shifts, strict=True)]
        if not any(counter):
            del counters[group]


def add(counters: dict[int, Counter], other: dict[int, Counter], shifts: tuple[int, int, int]) -> None:
    """Add the other's counts, halved as often as `shifts` says."""
    for group, counter in other.items():
        known = counters.get(group, (0,) * len(counter))
        faded = [value >> shift for value, shift in zip(counter, shifts, strict=True)]
        counters[group] = [value + more for value, more in zip(known, faded, strict=True)]


def values(counter: Counter | None, left: tuple[float, float, float]) -> tuple[float, ...]:
    """A group's count at each half-life, where a unit is worth `left`."""
    if counter is None:
        return NOTHING
    return counter[0] * left[0], counter[1] * left[1], counter[2] * left[2]
