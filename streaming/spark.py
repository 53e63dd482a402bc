"""The fold under Spark Structured Streaming: Kafka into online rows and the lake, `python -m streaming.spark`.

Spark keeps a profile's memory in its state store and its place in Kafka in its checkpoint. After a
crash it gives the unfinished batch again, with the same records and the memory from before it:
the fold makes the same of them, and the sink passes over what it has. Where it runs (a master,
jars, a JDK) is the submitter's business; `stack.spark_driver` submits to the machine's own cores.
"""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator
from threading import Event as Flag
from typing import TYPE_CHECKING, Any

import pandas as pd
import structlog
from redis.exceptions import RedisError

from contracts.logs import configure_logging
from contracts.settings import KafkaSettings, Settings, load_settings
from contracts.topics import Topics
from feature_repo.store import open_store, store_config
from features.instant import SECOND_US
from streaming.batch_sink import BatchSink
from streaming.checkpoint import open_redis
from streaming.feature_rows import FeatureRows
from streaming.items import ItemRows
from streaming.keyed_fold import Record, decode_folded, encode_folded, fold_records
from streaming.lake_batches import BatchMark
from streaming.outbox import Outbox, open_producer
from streaming.ownership import claim, claim_from_workers
from streaming.spark_items import followed_items
from streaming.spark_rows import ShippedStore, write_rows

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.streaming.query import StreamingQuery
    from pyspark.sql.streaming.state import GroupState

_log = structlog.get_logger()

GroupFold = Callable[[tuple[str], Iterator[pd.DataFrame], "GroupState"], Iterator[pd.DataFrame]]

_STOP_EVERY_S = 0.5
_ITEM_ROWS = 500
_COLUMNS = ("partition", "offset", "timestamp", "key", "value", "headers")
_FOLDED = "folded binary"
# One string of bytes with a version of its own in it, because Spark freezes a state's schema.
_MEMORY = "memory binary"
_CONF = {
    "spark.python.daemon.module": "streaming.spark_daemon",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.streaming.stateStore.providerClass": (
        "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    ),
    "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
}


def open_session(settings: Settings) -> SparkSession:
    """A session where the submitter said. Raises an error of Spark's where there is none to be had."""
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("clickloop")
    for name, value in _CONF.items():
        builder = builder.config(name, value)
    return builder.config("spark.sql.shuffle.partitions", settings.spark.state_partitions).getOrCreate()


def folded_events(session: SparkSession, settings: Settings) -> DataFrame:
    """A row a profile and batch, `folded` as `keyed_fold.encode_folded` writes it."""
    records = (
        session.readStream.format("kafka")
        .option("kafka.bootstrap.servers", settings.kafka.bootstrap)
        .option("subscribe", Topics(settings.kafka.topic_prefix).events)
        .option("startingOffsets", "earliest")
        .option("failOnDataLoss", "true")
        .option("includeHeaders", "true")
        .option("maxOffsetsPerTrigger", settings.spark.max_offsets)
        .load()
        .selectExpr("coalesce(cast(key as string), '') as profile_id", *_selected())
    )
    fold = group_fold(settings.kafka, settings.worker.lateness_s * SECOND_US)
    return records.groupBy("profile_id").applyInPandasWithState(
        fold, outputStructType=_FOLDED, stateStructType=_MEMORY, outputMode="append", timeoutConf="NoTimeout"
    )


def group_fold(
    kafka: KafkaSettings, lateness_us: int
) -> Callable[[tuple[str], Iterator[pd.DataFrame], GroupState], Iterator[pd.DataFrame]]:
    """What folds one profile's records of a batch onto its memory, on an executor."""

    def fold_group(key: tuple[str], frames: Iterator[pd.DataFrame], state: GroupState) -> Iterator[pd.DataFrame]:
        records = [record for frame in frames for record in _records(frame)]
        memory = bytes(state.get[0]) if state.exists else None
        items = followed_items(kafka, lateness_us)
        items.follow()
        memory, folded = fold_records(memory, key[0], records, lateness_us=lateness_us, items=items.table)
        state.update((memory,))
        yield pd.DataFrame({"folded": [encode_folded(folded)]})

    return fold_group


def _records(frame: pd.DataFrame) -> Iterator[Record]:
    columns = (frame[name].tolist() for name in _COLUMNS)
    for partition, offset, timestamp, key, value, headers in zip(*columns, strict=True):
        marks = () if headers is None else tuple((one["key"], one["value"]) for one in headers)
        yield Record(partition, offset, timestamp, key, value, marks)


def _selected() -> list[str]:
    return [f"unix_millis({name}) as {name}" if name == "timestamp" else name for name in _COLUMNS]


class Sink:
    """What Spark calls with each batch; `run` is set once the query has its id."""

    def __init__(self, settings: Settings, shipped: ShippedStore, sink: BatchSink, redis: Any) -> None:
        self._settings = settings
        self._shipped = shipped
        self._sink = sink
        self._redis = redis
        self._started = Flag()
        self._run = ""

    def follow(self, query: StreamingQuery) -> None:
        """Take the query's id, which stays the same as long as its checkpoint does."""
        self._run = query.id
        self._started.set()

    def __call__(self, frame: DataFrame, batch: int) -> None:
        """Online rows from the executors, the rest from here."""
        self._started.wait()
        claim(self._redis, self._settings, owner(self._settings))
        frame.persist()
        try:
            frame.foreachPartition(rows_writer(self._shipped))
            folded = [decode_folded(payload) for payload in frame.toArrow()["folded"].to_pylist()]
            self._sink.write(BatchMark(self._run, batch), folded)
        finally:
            frame.unpersist()
        outcomes: dict[str, int] = {}
        for one in folded:
            for outcome, number in one.outcomes.items():
                outcomes[outcome] = outcomes.get(outcome, 0) + number
        _log.info("batch", batch=batch, profiles=len(folded), **outcomes)


def rows_writer(shipped: ShippedStore) -> Callable[[Iterator[Any]], None]:
    """What an executor does with its share of a batch."""

    def write(rows: Iterator[Any]) -> None:
        write_rows(shipped, (bytes(row.folded) for row in rows))

    return write


def owner(settings: Settings) -> str:
    """What this query is called in `streaming.ownership`."""
    return f"spark {settings.spark_checkpoint}"


def start(session: SparkSession, settings: Settings, stopping: Flag) -> StreamingQuery:
    """Start the query. Raises OwnedByAnother where workers or another checkpoint fold these events."""
    redis = open_redis(settings)
    claim_from_workers(redis, settings, owner(settings))
    shipped = ShippedStore.of(open_store(settings), store_config(settings))
    sink = Sink(settings, shipped, BatchSink(settings, Outbox(open_producer(settings), stopping)), redis)
    query = (
        folded_events(session, settings)
        .writeStream.queryName("clickloop-fold")
        .option("checkpointLocation", settings.spark_checkpoint)
        .foreachBatch(sink)
        .start()
    )
    sink.follow(query)
    return query


def main() -> None:
    """Run the query until SIGTERM or SIGINT; raises what ended it otherwise."""
    configure_logging("spark")
    logging.getLogger("py4j").setLevel(logging.WARNING)
    settings = load_settings()
    stopping = Flag()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    session = open_session(settings)
    query = start(session, settings, stopping)
    _log.info("spark ready", checkpoint=settings.spark_checkpoint, bootstrap=settings.kafka.bootstrap)
    item_rows = ItemRows(settings.kafka, FeatureRows(open_store(settings)))
    while not stopping.is_set() and not query.awaitTermination(_STOP_EVERY_S):
        try:
            item_rows.write(leads=True, budget=_ITEM_ROWS)
        except RedisError as error:
            _log.warning("rows of items wait", error=str(error))
    item_rows.close()
    query.stop()
    session.stop()
    _log.info("spark stopped")


if __name__ == "__main__":
    main()
