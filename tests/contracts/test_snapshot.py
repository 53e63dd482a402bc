"""Snapshots in bundles."""

from __future__ import annotations

import pytest

from contracts.snapshot import Snapshot, bundles, decode_snapshots, encode_snapshots


def snapshot(offset: int, *, state_bytes: int) -> Snapshot:
    return Snapshot("ada", 3, offset, 10, 11, offset, False, b"s" * state_bytes)


def test_a_bundle_comes_back_as_it_went() -> None:
    sent = [snapshot(offset, state_bytes=100) for offset in range(20)]
    assert decode_snapshots(encode_snapshots(sent)) == sent


@pytest.mark.parametrize("payload", [b"", b"\x93not a bundle", b"\x28\xb5\x2f\xfd"])
def test_what_is_no_bundle_is_refused(payload: bytes) -> None:
    with pytest.raises(ValueError, match="expected zstd over a msgpack list of snapshots"):
        decode_snapshots(payload)


def test_bundles_keep_order_and_stay_below_what_kafka_takes() -> None:
    sent = [snapshot(offset, state_bytes=300_000) for offset in range(7)]
    cut = list(bundles(sent))
    assert [one for bundle in cut for one in bundle] == sent
    assert [len(bundle) for bundle in cut] == [2, 2, 2, 1]
    assert list(bundles([])) == []
