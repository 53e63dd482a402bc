"""What the check found, feature by feature."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from math import isfinite
from typing import Any

from training.skew.comparison import Comparison, Verdict
from training.skew.sighting import DEFECTS, Seen

# Under this name a digest differs, of values that were not logged one by one.
UNLOGGED = "(unlogged)"
_EXAMPLES = 3
_SHOWN = 80
_QUANTILES = (0.5, 0.9, 0.99, 1.0)

Example = dict[str, str]


@dataclass
class FeatureReport:
    """Counts of values. Each compared one is equal, differing or missing on a side.

    `late` counts answers given from an older row where history as of the answer has another value:
    no defect, yet what training sees and serving could not.
    """

    compared: int = 0
    equal: int = 0
    differing: int = 0
    missing_online: int = 0
    missing_offline: int = 0
    late: int = 0
    largest_difference: float = 0.0
    examples: list[Example] = field(default_factory=list)

    @property
    def skewed(self) -> int:
        """Values that are not equal."""
        return self.compared - self.equal

    def note(self, compared: Comparison, answer: Example, served: Any, history: Any) -> None:
        """Count a comparison; of the first few that are not equal both values are kept."""
        self.compared += 1
        setattr(self, compared.verdict, getattr(self, compared.verdict) + 1)
        if compared.verdict is Verdict.EQUAL:
            return
        if isfinite(compared.difference):
            self.largest_difference = max(self.largest_difference, compared.difference)
        if len(self.examples) < _EXAMPLES:
            self.examples.append({**answer, "served": shown(served), "history": shown(history)})


@dataclass
class SkewReport:
    """One day. `rows` counts answers by what they saw of history; `unseen_s` says how far those behind were."""

    day: str
    service: str
    counts: dict[str, int]
    rows: Counter[Seen] = field(default_factory=Counter)
    unseen_s: list[float] = field(default_factory=list)
    features: dict[str, FeatureReport] = field(default_factory=dict)
    row_examples: list[Example] = field(default_factory=list)

    def feature(self, name: str) -> FeatureReport:
        """The report of a feature, made at its first use."""
        return self.features.setdefault(name, FeatureReport())

    def note_row(self, seen: Seen, unseen_s: float, example: Example) -> None:
        """Count what an answer saw."""
        self.rows[seen] += 1
        if unseen_s:
            self.unseen_s.append(unseen_s)
        if seen in DEFECTS and len(self.row_examples) < _EXAMPLES:
            self.row_examples.append({**example, "seen": seen.value})

    @property
    def skewed(self) -> list[str]:
        """Names of the features of which a value was not what history says, the worst first."""
        worst = sorted(self.features.items(), key=lambda one: (-one[1].skewed, one[0]))
        return [name for name, report in worst if report.skewed]

    @property
    def defects(self) -> list[str]:
        """What is wrong, in words; empty where nothing is. Rows that were merely late are not wrong."""
        found = [
            f"{name}: {report.skewed} of {report.compared} values are not what history says"
            for name, report in ((name, self.features[name]) for name in self.skewed)
        ]
        found += [f"{self.rows[seen]} answers were given from a {seen} row" for seen in DEFECTS if self.rows[seen]]
        return found

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; times in seconds."""
        return {
            "day": self.day,
            "feature_service": self.service,
            "skewed": bool(self.defects),
            "defects": self.defects,
            "answers": dict(self.counts),
            "rows": {seen.value: self.rows[seen] for seen in Seen},
            "unseen_s": quantiles(self.unseen_s),
            "row_examples": self.row_examples,
            "features": {name: asdict(report) for name, report in sorted(self.features.items())},
        }


def quantiles(numbers: Sequence[float]) -> Mapping[str, float]:
    """p50, p90, p99 and max by nearest rank; empty of nothing."""
    ordered = sorted(numbers)
    names = ("p50", "p90", "p99", "max")
    if not ordered:
        return {}
    ranks = (min(len(ordered) - 1, int(share * len(ordered))) for share in _QUANTILES)
    return {name: round(ordered[rank], 3) for name, rank in zip(names, ranks, strict=True)}


def shown(value: Any) -> str:
    """A value in a few letters."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
