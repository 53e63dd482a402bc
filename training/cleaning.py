"""What is not learnt from: purchases that are no choice of a person's, rule by rule, with a report."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Set
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from features.instant import DAY_US
from training.config import CleaningConfig

Bools = NDArray[np.bool_]
Longs = NDArray[np.int64]

# What the rules read of a purchase, and of a refund but for the first and the last.
PURCHASE_COLUMNS = ("message_id", "profile_id", "timestamp", "item_id", "quantity", "price")
REFUND_COLUMNS = ("profile_id", "timestamp", "item_id", "quantity")
LINES, MOMENTS = "lines", "moments"

# A median absolute deviation times this is the standard deviation, where there is a normal one.
_NORMAL = 1.4826


@dataclass(frozen=True)
class Step:
    """What one rule left out: `dropped` of `before` purchase lines or moments, of so many profiles."""

    rule: str
    unit: str
    before: int
    dropped: int
    profiles: int


@dataclass(frozen=True)
class CleaningReport:
    """The rules in the order in which they were applied."""

    steps: tuple[Step, ...] = ()

    def and_then(self, steps: Iterable[Step]) -> CleaningReport:
        """The report with further steps."""
        return CleaningReport((*self.steps, *steps))

    def as_dict(self) -> dict[str, Any]:
        """Plain values: `before` and `after` by unit, and each step with what it left."""
        steps = [{**asdict(step), "after": step.before - step.dropped} for step in self.steps]
        units: dict[str, dict[str, int]] = {}
        for step in steps:
            units.setdefault(step["unit"], {"before": step["before"]})["after"] = step["after"]
        return {**units, "steps": steps}


@dataclass(frozen=True)
class Evidence:
    """What is known beside the purchases: profiles taken for bots, refunds (REFUND_COLUMNS), what the shop sells.

    `items` is None where nobody says.
    """

    bots: Set[str] = frozenset()
    refunds: pa.Table | None = None
    items: Set[str] | None = None


def clean_purchases(rows: pa.Table, evidence: Evidence, config: CleaningConfig) -> tuple[pa.Table, CleaningReport]:
    """The purchases (PURCHASE_COLUMNS and others) that no rule takes; a line counts for the first that does."""
    steps: list[Step] = []

    def leave_out(rule: str, broken: Bools) -> None:
        nonlocal rows
        profiles = len(set(rows["profile_id"].filter(pa.array(broken)).to_pylist()))
        steps.append(Step(rule, LINES, rows.num_rows, int(broken.sum()), profiles))
        rows = rows.filter(pa.array(~broken))

    leave_out("bots", _among(rows["profile_id"], evidence.bots))
    if config.repeats:
        leave_out("repeats", repeated(rows))
    if config.no_articles and evidence.items is not None:
        leave_out("no_articles", ~_among(rows["item_id"], evidence.items))
    if config.return_days is not None and evidence.refunds is not None:
        leave_out("returned", returned(rows, evidence.refunds, within_us=round(config.return_days * DAY_US)))
    return rows, CleaningReport(tuple(steps))


def _among(column: pa.ChunkedArray, names: Set[str]) -> Bools:
    return pc.is_in(column, pa.array(sorted(names), pa.string())).to_numpy(zero_copy_only=False)  # type: ignore[no-any-return]


def repeated(rows: pa.Table) -> Bools:
    """Lines [rows] that say an earlier one again: by message id, or by profile, instant, item, quantity and price."""
    lines = rows.select(PURCHASE_COLUMNS).to_pandas()
    again: Bools = (lines.duplicated("message_id") | lines.duplicated(list(PURCHASE_COLUMNS[1:]))).to_numpy()
    return again


def returned(rows: pa.Table, refunds: pa.Table, *, within_us: int) -> Bools:
    """Lines [rows] of which every piece came back at most `within_us` after the purchase.

    A refund takes pieces off the profile's purchases of its item, the newest before it first; without
    a quantity it takes one whole line. A line without a quantity is one piece.
    """
    concerned = np.flatnonzero(_among(rows["profile_id"], set(refunds["profile_id"].to_pylist())))
    out = np.zeros(rows.num_rows, np.bool_)
    out[concerned] = _returned(rows.take(concerned), refunds, within_us)
    return out


def _returned(rows: pa.Table, refunds: pa.Table, within_us: int) -> Bools:
    at_us, left = _instants(rows), [quantity or 1 for quantity in rows["quantity"].to_pylist()]
    lines: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    users, items = rows["profile_id"].to_pylist(), rows["item_id"].to_pylist()
    for place in np.argsort(at_us, kind="stable").tolist():
        lines[users[place], items[place]].append(place)
    asked = zip(*(refunds[name].to_pylist() for name in ("profile_id", "item_id", "quantity")), strict=True)
    for refund_us, (user, item, quantity) in sorted(zip(_instants(refunds).tolist(), asked, strict=True), key=_first):
        back = quantity
        for place in reversed(lines.get((user, item), ())):
            if not 0 <= refund_us - at_us[place] <= within_us or not left[place]:
                continue
            taken = left[place] if back is None else min(back, left[place])
            left[place] -= taken
            back = 0 if back is None else back - taken
            if not back:
                break
    return np.array([not pieces for pieces in left], np.bool_)


def _first(pair: tuple[int, Any]) -> int:
    return pair[0]


def _instants(rows: pa.Table) -> Longs:
    at_us: Longs = rows["timestamp"].cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
    return at_us


def outlying_moments(users: NDArray[np.str_], sizes: Longs, config: CleaningConfig) -> tuple[Bools, tuple[Step, ...]]:
    """Moments [moments] that are beyond a bound by their basket's size or their profile's volume, and the steps."""
    out = np.zeros(len(sizes), np.bool_)
    steps: list[Step] = []

    def leave_out(rule: str, broken: Bools) -> None:
        broken &= ~out
        steps.append(Step(rule, MOMENTS, int((~out).sum()), int(broken.sum()), len(set(users[broken].tolist()))))
        out[broken] = True

    if config.basket_deviations is not None:
        leave_out("outlying_baskets", sizes > upper_bound(sizes, config.basket_deviations))
    if config.profile_deviations is not None:
        _, codes = np.unique(users, return_inverse=True)
        volumes = np.bincount(codes, weights=sizes)
        leave_out("outlying_profiles", (volumes > upper_bound(volumes, config.profile_deviations))[codes])
    return out, tuple(steps)


def upper_bound(sizes: NDArray[Any], deviations: float) -> float:
    """The median times as many robust deviations: of log(1 + size), by the median absolute deviation."""
    logs = np.log1p(np.asarray(sizes, np.float64))
    middle = float(np.median(logs))
    spread = _NORMAL * float(np.median(np.abs(logs - middle)))
    return float(np.expm1(middle + deviations * spread))
