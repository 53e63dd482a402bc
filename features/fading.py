"""Weights that fade exponentially, in fixed point, all of a state as of one landmark.

Each weight halves every half-life (Cormode, Shkapenyuk, Srivastava and Xu, "Forward Decay",
ICDE 2009, section 3). A landmark is the last whole multiple of the half-life before the state's
newest event. What comes at `at_us` adds `2 ** ((at_us - landmark) / half-life)`, late or not,
and nothing else moves; once the newest event passes the next multiple, every weight is halved by
a shift. So a state needs no time beside its weights, and a weight is one small integer. What
has faded below one unit, 2 ** -20 of an event, is forgotten.
"""

from __future__ import annotations

from features.instant import DAY_US, HOUR_US

# Label to half-life in microseconds; a label's position is its place in a stored counter.
HALF_LIVES_US: dict[str, int] = {"1h": HOUR_US, "1d": DAY_US, "30d": 30 * DAY_US}
LONGEST_US = 30 * DAY_US

UNITS = 1 << 20
_HOUR, _DAY, _MONTH = HALF_LIVES_US.values()


def units(at_us: int, newest_us: int) -> tuple[int, int, int]:
    """What one event at `at_us` adds at each half-life, in units, where `newest_us` sets the landmarks."""
    return (
        round(UNITS * 2.0 ** ((at_us - newest_us // _HOUR * _HOUR) / _HOUR)),
        round(UNITS * 2.0 ** ((at_us - newest_us // _DAY * _DAY) / _DAY)),
        round(UNITS * 2.0 ** ((at_us - newest_us // _MONTH * _MONTH) / _MONTH)),
    )


def shifts(older_us: int, newer_us: int) -> tuple[int, int, int]:
    """How often weights as of `older_us` have halved, at each half-life, as of `newer_us`."""
    return (
        newer_us // _HOUR - older_us // _HOUR,
        newer_us // _DAY - older_us // _DAY,
        newer_us // _MONTH - older_us // _MONTH,
    )


def left(at_us: int, newest_us: int) -> tuple[float, float, float]:
    """What a unit as of `newest_us` is worth, in events, at `at_us`, at each half-life."""
    return (
        2.0 ** ((newest_us // _HOUR * _HOUR - at_us) / _HOUR) / UNITS,
        2.0 ** ((newest_us // _DAY * _DAY - at_us) / _DAY) / UNITS,
        2.0 ** ((newest_us // _MONTH * _MONTH - at_us) / _MONTH) / UNITS,
    )
