"""What runs once: the catalogue is sent once, and what has been changed of it since stays."""

from __future__ import annotations

import warnings
from pathlib import Path

import pyarrow.parquet as pq
from kafka.admin import ConfigResource, ConfigResourceType, KafkaAdminClient

from contracts.settings import Settings
from contracts.topics import Topics
from stack.setup import APPLIED, apply_feast, feast_applied
from streaming.catalogue import load_catalogue, read_topic
from tests.conftest import PROJECT

ROWS = pq.read_metadata(PROJECT / "shop" / "data" / "catalogue.parquet").num_rows


def test_the_shops_catalogue_is_sent_once_and_later_changes_stay(settings: Settings, tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert apply_feast(settings)
        known, end = read_topic(settings)
        assert len(known) == end == ROWS == pq.read_metadata(settings.catalogue_path).num_rows
        changed = tmp_path / "one.jsonl"
        changed.write_text('{"item_id":"10002","name":"Globe","price":1.5,"category":"Toys & Children"}\n')
        load_catalogue(settings, changed)
        # The definitions have changed: they are registered again, and the catalogue is left alone.
        (settings.home / APPLIED).write_text("of another version")
        assert not feast_applied(settings)
        assert apply_feast(settings)
        assert not apply_feast(settings)
    known, end = read_topic(settings)
    assert end == ROWS + 1
    item = known["10002"].item
    assert item is not None
    assert (item.name, item.price) == ("Globe", 1.5)


def test_the_topic_of_items_keeps_what_a_late_event_may_need(settings: Settings) -> None:
    admin = KafkaAdminClient(bootstrap_servers=settings.kafka.bootstrap)
    try:
        topic = Topics(settings.kafka.topic_prefix).items
        found = admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, topic)])
        (described,) = admin.describe_topics([topic])
    finally:
        admin.close()
    kept = str(30 * 24 * 3600 * 1000)
    text = str(found)
    for name, value in (("cleanup.policy", "compact"), ("min.compaction.lag.ms", kept), ("delete.retention.ms", kept)):
        assert value in text[text.index(f"'{name}'") :][:200], name
    assert len(described["partitions"]) == 1
