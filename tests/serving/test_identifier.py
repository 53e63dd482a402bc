"""Recommendation ids."""

from __future__ import annotations

from uuid import UUID

from serving.identifier import recommendation_id


def test_is_a_uuid_of_version_7_that_tells_its_millisecond() -> None:
    made = UUID(recommendation_id(1_700_000_000_123_456))

    assert made.version == 7
    assert made.variant == "specified in RFC 4122"
    assert made.int >> 80 == 1_700_000_000_123


def test_ids_sort_by_the_time_they_were_made() -> None:
    instants_us = [1_700_000_000_000_000 + step for step in (0, 1, 2, 999, 1000, 1001, 1_000_000)]
    made = [recommendation_id(at_us) for at_us in instants_us]

    assert made == sorted(made)


def test_ids_of_one_instant_differ() -> None:
    assert len({recommendation_id(1_700_000_000_000_000) for _ in range(1000)}) == 1000
