"""The answers of one day, as the lake logged them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from hashlib import blake2b
from typing import Any

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.expressions import And, GreaterThanOrEqual, LessThan

from contracts.lake import SERVED, open_table
from contracts.recommend import FeatureValue
from contracts.settings import Settings
from features.fingerprint import of_same_features
from features.instant import to_us

_COLUMNS = (
    "recommendation_id", "profile_id", "served_at", "row_us", "degraded", "features", "values", "context", "digest",
)  # fmt: skip
# Without these no features were read.
_UNREAD = frozenset({"redis", "feast", "state"})
_features = msgspec.json.Decoder(dict[str, FeatureValue])


@dataclass(frozen=True)
class Answer:
    """What was logged of the values behind an answer; `complete` where that is all of them.

    `row_us` is 0 where the profile had no row. `context` holds the values that the request said itself.
    """

    recommendation_id: str
    profile_id: str
    at_us: int
    row_us: int
    values: Mapping[str, Any]
    context: Mapping[str, str]
    digest: str
    complete: bool


@dataclass(frozen=True)
class Day:
    """Answers to check, and how many there were of each kind."""

    answers: Sequence[Answer]
    counts: Mapping[str, int]


def read_day(settings: Settings, day: date, *, before: datetime, limit: int) -> Day:
    """At most `limit` answers of a UTC day given before `before`, the same ones each time.

    Which ones is decided by a digest of the recommendation's id. Those for nobody, those that could not
    read features and those of a service that did not log rows yet are counted alone.
    """
    begin = datetime.combine(day, time(), UTC)
    end = min(begin + timedelta(days=1), before)
    within = And(GreaterThanOrEqual("served_at", begin.isoformat()), LessThan("served_at", end.isoformat()))
    rows = open_table(settings, SERVED).scan(row_filter=within, selected_fields=_COLUMNS).to_arrow()
    read = _readable(rows)
    chosen = read.take(_sample(read["recommendation_id"], limit))
    answers = [_answer(row) for batch in chosen.to_batches(max_chunksize=500) for row in batch.to_pylist()]
    counts = {
        "served": rows.num_rows,
        "without_profile": rows["profile_id"].null_count,
        "unread": rows.num_rows - rows["profile_id"].null_count - read.num_rows,
        "checked": len(answers),
    }
    return Day(answers, counts)


def _readable(rows: pa.Table) -> pa.Table:
    unread = [bool(_UNREAD.intersection(degraded)) for degraded in rows["degraded"].to_pylist()]
    logged = pc.and_(pc.is_valid(rows["profile_id"]), pc.is_valid(rows["row_us"]))
    return rows.filter(pc.and_(logged, pc.invert(pa.array(unread, pa.bool_()))))


def _sample(ids: pa.ChunkedArray, limit: int) -> pa.Array:
    digests = [blake2b(one.encode(), digest_size=8).digest() for one in ids.to_pylist()]
    chosen = sorted(range(len(digests)), key=lambda row: digests[row])[:limit]
    return pa.array(sorted(chosen), pa.int64())


def _answer(row: dict[str, Any]) -> Answer:
    values = {name: one.value for name, one in _features.decode(row["features"]).items()}
    rest = msgspec.json.decode(row["values"] or b"{}")
    digest = row["digest"] or ""
    return Answer(
        recommendation_id=row["recommendation_id"],
        profile_id=row["profile_id"],
        at_us=to_us(row["served_at"]),
        row_us=row["row_us"],
        values=values | rest,
        context=msgspec.json.decode(row["context"] or b"{}"),
        digest=digest if of_same_features(digest) else "",
        complete=bool(rest),
    )
