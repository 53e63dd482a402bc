"""Reading a profile's row through Feast."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from redis import Redis

from contracts.event import EventType
from contracts.settings import Settings
from features.state import decode_state
from serving.feature_reader import FeastReader, FeaturesAway
from tests.serving.visitors import Visitors

WARM_S = 60.0


@pytest.fixture(scope="module")
def reader(shop_settings: Settings, store: Any) -> Iterator[FeastReader]:
    made = FeastReader(shop_settings)
    made.start()
    deadline = time.monotonic() + WARM_S
    while not made.warm and time.monotonic() < deadline:
        time.sleep(0.01)
    yield made
    made.stop()


def test_reads_the_newest_row_of_a_profile(reader: FeastReader, visitors: Visitors) -> None:
    visitors.act("reader", EventType.CLICK, "item-001")
    visitors.act("reader", EventType.CLICK, "item-002")

    row = reader.read(visitors.profile("reader"))

    assert row is not None
    assert decode_state(row.state) == visitors.state("reader")
    assert decode_state(row.state).version == 2


def test_a_profile_without_a_row_is_none(reader: FeastReader) -> None:
    assert reader.read("nobody") is None


def test_says_feast_is_missing_before_it_is_open(shop_settings: Settings) -> None:
    with pytest.raises(FeaturesAway) as caught:
        FeastReader(shop_settings).read("anybody")

    assert caught.value.cause == "feast"


def test_the_thousandth_read_asks_redis_for_no_more_than_the_first(
    reader: FeastReader, shop_settings: Settings
) -> None:
    def asked_bytes(reads: int) -> int:
        with Redis.from_url(shop_settings.redis.url) as client:
            # What the statistics themselves cost is the same in both measurements.
            before = int(client.info("stats")["total_net_input_bytes"])
            for _ in range(reads):
                reader.read("nobody")
            return int(client.info("stats")["total_net_input_bytes"]) - before

    first = asked_bytes(100)
    for _ in range(1000):
        reader.read("nobody")

    assert asked_bytes(100) == first
