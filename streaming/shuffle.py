"""The lake's events dealt into buckets on disk, all of a person's in one, so that memory is bounded by a bucket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from contracts.event import Event
from contracts.lake import NO_OFFSET
from streaming.lake_commit import Offsets
from streaming.lake_events import LakeCut, decode_rows

Ints = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]

_COMPRESSION = "lz4"
_BEFORE_ALL = np.iinfo(np.int64).min


def deal(
    cut: LakeCut, groups: Mapping[str, str], until: Offsets, *, folder: Path, buckets: int, progress: Progress
) -> dict[int, Path]:
    """A file of record batches for each bucket that has rows: what was backfilled, and what is below `until`.

    `groups` names who stands for a profile that is not alone (see `streaming.groups`).
    """
    files: dict[int, tuple[Path, pa.ipc.RecordBatchFileWriter]] = {}
    options = pa.ipc.IpcWriteOptions(compression=_COMPRESSION)
    limits = np.zeros(max(until, default=-1) + 2, np.int64)
    for partition, offset in until.items():
        limits[partition] = offset
    known: dict[str, int] = {}
    done = 0
    try:
        for batch in cut.batches():
            done += batch.num_rows
            wanted = batch.filter(pa.array(_below(batch, limits)))
            places = _buckets(wanted["profile_id"], groups, known, buckets)
            order = np.argsort(places, kind="stable")
            sorted_rows = wanted.take(pa.array(order))
            starts = np.searchsorted(places[order], np.arange(buckets + 1))
            for bucket in np.flatnonzero(np.diff(starts)).tolist():
                if bucket not in files:
                    path = folder / f"bucket-{bucket}.arrow"
                    files[bucket] = path, pa.ipc.new_file(path, batch.schema, options=options)
                begin, end = int(starts[bucket]), int(starts[bucket + 1])
                files[bucket][1].write_batch(sorted_rows.slice(begin, end - begin))
            progress(done, max(done, cut.rows))
    finally:
        for _, writer in files.values():
            writer.close()
    return {bucket: path for bucket, (path, _) in files.items()}


def bucket_of(person: str, buckets: int) -> int:
    """The bucket of a person, by the profile that stands for all of the person's."""
    return crc32(person.encode()) % buckets


@dataclass(frozen=True)
class Dealt:
    """A bucket's rows, person by person, each person's in the order of arrival. `spans` bounds the persons."""

    events: list[Event]
    partitions: list[int]
    offsets: list[int]
    spans: list[tuple[int, int]]


def read_bucket(path: Path, groups: Mapping[str, str]) -> Dealt:
    """A dealt bucket, decoded.

    Arrival is by the collector's clock, never against the offsets of a partition; backfilled events
    come before all others, in time order.
    """
    with pa.memory_map(str(path)) as source:
        rows = pa.ipc.open_file(source).read_all()
    people = _people(rows["profile_id"], groups)
    order = _arrival_order(rows, people)
    rows = rows.take(pa.array(order))
    people = people[order]
    bounds = [0, *(np.flatnonzero(np.diff(people)) + 1).tolist(), len(people)]
    return Dealt(
        events=decode_rows(rows),
        partitions=rows["partition"].to_pylist(),
        offsets=rows["offset"].to_pylist(),
        spans=list(pairwise(bounds)),
    )


def _below(batch: pa.RecordBatch, limits: Ints) -> npt.NDArray[np.bool_]:
    partition, offset = _ints(batch["partition"]), _ints(batch["offset"])
    within = np.minimum(partition, len(limits) - 1)
    below: npt.NDArray[np.bool_] = (partition == NO_OFFSET) | (offset < limits[within])
    return below


def _buckets(profiles: pa.Array, groups: Mapping[str, str], known: dict[str, int], buckets: int) -> Ints:
    encoded = profiles.dictionary_encode()
    places = []
    for profile in encoded.dictionary.to_pylist():
        place = known.get(profile)
        if place is None:
            place = known[profile] = bucket_of(groups.get(profile, profile), buckets)
        places.append(place)
    return np.asarray(places, np.int64)[_ints(encoded.indices)] if places else np.zeros(0, np.int64)


def _people(profiles: pa.ChunkedArray, groups: Mapping[str, str]) -> Ints:
    encoded = profiles.combine_chunks().dictionary_encode()
    codes: dict[str, int] = {}
    people = [codes.setdefault(groups.get(name, name), len(codes)) for name in encoded.dictionary.to_pylist()]
    return np.asarray(people, np.int64)[_ints(encoded.indices)]


def _arrival_order(rows: pa.Table, people: Ints) -> Ints:
    partition, offset, at = _ints(rows["partition"]), _ints(rows["offset"]), _ints(rows["timestamp"])
    received = _ints(pc.coalesce(rows["received_at"], rows["timestamp"]))
    backfilled = partition == NO_OFFSET
    by_log = np.lexsort((np.where(backfilled, at, offset), partition))
    arrival = np.where(backfilled, _BEFORE_ALL, received)[by_log]
    bounds = np.searchsorted(partition[by_log], np.unique(partition))
    for begin, end in zip(bounds, [*bounds[1:], len(arrival)], strict=True):
        np.maximum.accumulate(arrival[begin:end], out=arrival[begin:end])
    return by_log[np.lexsort((np.arange(len(arrival)), arrival, people[by_log]))]


def _ints(values: pa.Array | pa.ChunkedArray) -> Ints:
    numbers = values.cast(pa.int64())
    found: Ints = numbers.to_numpy(zero_copy_only=False) if isinstance(numbers, pa.Array) else numbers.to_numpy()
    return found
