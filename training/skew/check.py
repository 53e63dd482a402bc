"""The nightly check: what was served on a day, held against Feast's history of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from contracts.settings import Settings
from features.fingerprint import fingerprint
from features.instant import SECOND_US
from training.collect import FEATURE_SERVICE
from training.skew.answers import Answer, read_day
from training.skew.comparison import TOLERANCE, Comparison, Verdict, compare
from training.skew.history import past_values, read_histories
from training.skew.report import UNLOGGED, Example, SkewReport
from training.skew.sighting import History, Seen, sight

_DATE = "%Y-%m-%d"

_log = structlog.get_logger()


class SkewFound(RuntimeError):
    """What was served is not what history says."""


@dataclass(frozen=True)
class SkewConfig:
    """`limit`: answers checked at most. `stale_s`: by how much the lake's copy of a row may be ahead of an
    answer that did not see it. `settle_s`: answers younger than this wait, for the lake may lack their rows.
    """

    limit: int = 5_000
    tolerance: float = TOLERANCE
    stale_s: float = 60.0
    settle_s: float = 60.0


def check_skew(
    settings: Settings, day: date | None = None, config: SkewConfig | None = None, *, store: Any = None
) -> SkewReport:
    """Check a UTC day, yesterday by default. `store` is an opened Feast store.

    Raises LookupError where the lake has no history.
    """
    from feature_repo.store import open_store

    config = config or SkewConfig()
    now = datetime.now(UTC)
    day = day or now.date() - timedelta(days=1)
    served = read_day(settings, day, before=now - timedelta(seconds=config.settle_s), limit=config.limit)
    report = SkewReport(day.strftime(_DATE), FEATURE_SERVICE, dict(served.counts))
    if served.answers:
        _check(settings, store or open_store(settings), served.answers, report, config)
    _log.info("skew.checked", day=report.day, defects=report.defects, **served.counts)
    return report


def write_report(settings: Settings, report: SkewReport) -> Path:
    """Lay the report down as `<home>/reports/skew-DATE.json`; returns where."""
    path = settings.home / "reports" / f"skew-{report.day}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".partial")
    draft.write_text(json.dumps(report.as_dict(), indent=2) + "\n")
    draft.replace(path)
    return path


def require_none(report: SkewReport) -> None:
    """Raises SkewFound where the report names defects."""
    if report.defects:
        raise SkewFound(f"{report.day}: {'; '.join(report.defects)}")


def _check(settings: Settings, store: Any, answers: Sequence[Answer], report: SkewReport, config: SkewConfig) -> None:
    histories = read_histories(
        settings,
        (answer.profile_id for answer in answers),
        max(max(answer.at_us, answer.row_us) for answer in answers),
    )
    comparable: list[Answer] = []
    behind: list[Answer] = []
    for answer in answers:
        history = histories.get(answer.profile_id, History())
        sighting = sight(history, answer.row_us, answer.at_us, stale_us=round(config.stale_s * SECOND_US))
        report.note_row(sighting.seen, sighting.unseen_s, _named(answer))
        if answer.row_us and history.has(answer.row_us):
            comparable.append(answer)
            if sighting.seen in (Seen.LATE, Seen.STALE):
                behind.append(answer)
    asked = [(answer.profile_id, answer.row_us, answer.at_us) for answer in comparable]
    asked += [(answer.profile_id, answer.at_us, answer.at_us) for answer in behind]
    past = past_values(store, report.service, asked)
    for answer in comparable:
        _compare(report, answer, {**next(past), **answer.context}, config.tolerance)
    for answer in behind:
        for name, value in {**next(past), **answer.context}.items():
            if name in answer.values:
                one = compare(answer.values[name], value, tolerance=config.tolerance)
                report.feature(name).late += one.verdict is not Verdict.EQUAL


def _compare(report: SkewReport, answer: Answer, past: Mapping[str, Any], tolerance: float) -> None:
    """The row that was served, as history has it and evaluated at the same instant."""
    names = {*answer.values, *past} if answer.complete else set(answer.values)
    named, skewed = _named(answer), False
    for name in names:
        served, known = answer.values.get(name), past.get(name)
        one = compare(served, known, tolerance=tolerance)
        report.feature(name).note(one, named, served, known)
        skewed |= one.verdict is not Verdict.EQUAL
    if answer.complete or skewed or not answer.digest:
        return
    known = _digest(past)
    one = Comparison(Verdict.EQUAL if known == answer.digest else Verdict.DIFFERING)
    report.feature(UNLOGGED).note(one, named, answer.digest, known)


def _digest(past: Mapping[str, Any]) -> str:
    try:
        return fingerprint(past)
    except (KeyError, TypeError) as error:
        return f"none: {error!r}"


def _named(answer: Answer) -> Example:
    return {"recommendation_id": answer.recommendation_id, "profile_id": answer.profile_id}
