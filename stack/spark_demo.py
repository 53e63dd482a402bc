"""`make spark-demo`: the fold under Spark on servers of its own, killed twice, and what it left checked."""

from __future__ import annotations

import random
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.own_stack import own_stack
from bench.traffic import zipf_events
from contracts.event import Event, EventType, encode_event
from contracts.item import Item, encode_item
from contracts.lake import USER_BEHAVIOR, open_table
from contracts.lanes import partition_for
from contracts.settings import Settings, load_settings
from contracts.topics import Topics
from features.instant import SECOND_US
from stack.errors import StackError
from stack.server_process import tail
from stack.spark_check import Check, check_batches, check_join, check_values
from stack.spark_driver import SparkDriver, batch_offsets, committed_batch
from streaming.lake_batches import stored_mark
from streaming.outbox import open_producer
from streaming.spark_items import followed_items

BATCHES = 6
LOGINS = 12
ITEMS = 500
_POLL_S = 0.02
_PATIENCE_S = 900.0
_REPEAT_EVERY = 97


@dataclass(frozen=True)
class Outcome:
    """What a run found. `events_s`: events a second between the commits of batches, start-up left out."""

    events: int
    profiles: int
    kills: int
    batches: int
    events_s: float
    checks: list[Check]

    @property
    def passed(self) -> bool:
        """Whether every comparison held."""
        return all(check.passed for check in self.checks)


class NotCaughtUp(StackError):
    """Spark ended, or did not get through the events in time."""


def run(settings: Settings, *, events: int, users: int, say: Callable[[str], None]) -> Outcome:
    """Send, fold, kill, go on, compare. Raises NotCaughtUp, NoSpark, NoJdk."""
    from feature_repo.store import apply

    spark = settings.spark.model_copy(update={"max_offsets": max(1, events // BATCHES), "checkpoint": ""})
    with own_stack(settings.model_copy(update={"spark": spark})) as own:
        driver = SparkDriver(own)
        say("Kafka and Redis are up; applying Feast")
        store = apply(own)
        sent = traffic(events, users=users)
        send_catalogue(own)
        send(own, sent)
        say(f"{len(sent)} events are in Kafka; starting Spark")
        try:
            kills = _fold_with_kills(own, driver, say)
        finally:
            driver.kill()
        say("Spark has folded them all; comparing with a plain fold")
        items = followed_items(own.kafka, own.worker.lateness_s * SECOND_US).table
        checks = check_values(store, sent, items) + check_batches(own, store, items)
        say("Joining history by Feast's Spark store and by the local one")
        checks += check_join(own, store, sent)
        checkpoint = Path(own.spark_checkpoint)
        return Outcome(
            events=len(sent),
            profiles=len({event.profile_id for event in sent}),
            kills=kills,
            batches=committed_batch(checkpoint) + 1,
            events_s=_pace(checkpoint, Topics(own.kafka.topic_prefix).events),
            checks=checks,
        )


def traffic(count: int, *, users: int, seed: int = 5) -> list[Event]:
    """Visitors by Zipf's law; some log in and are known afterwards by both names, and some events come twice."""
    events = list(zipf_events(count=count, users=users, seed=seed))
    chance = random.Random(seed)
    people = sorted({event.profile_id for event in events})
    logins = dict(zip(sorted(chance.sample(range(count), LOGINS)), chance.sample(people, LOGINS), strict=True))
    made: list[Event] = []
    for number, event in enumerate(events):
        made.append(event)
        if number % _REPEAT_EVERY == 0:
            made.append(event)
        if number in logins:
            visitor = logins[number]
            made.append(
                Event(
                    message_id=f"login-{visitor}",
                    anonymous_id=visitor,
                    user_id=f"user-of-{visitor}",
                    type=EventType.IDENTIFY,
                    timestamp=event.timestamp + timedelta(microseconds=1),
                )
            )
    return made


def send_catalogue(settings: Settings) -> None:
    """Write some of the traffic's items to the catalogue, in other categories than the events say, and priced."""
    producer = open_producer(settings)
    topic = Topics(settings.kafka.topic_prefix).items
    for number in range(ITEMS):
        item = Item(f"item-{number}", f"Item {number}", 1.0 + number % 7, f"shelf-{number % 5}", brand=f"b{number % 3}")
        producer.send(topic, encode_item(item), key=item.item_id.encode())
    producer.flush()
    producer.close()


def send(settings: Settings, events: Sequence[Event]) -> None:
    """Write the events as the collector does, and one record that nobody can read."""
    producer = open_producer(settings, linger_ms=20)
    topic = Topics(settings.kafka.topic_prefix).events
    for number, event in enumerate(events):
        place = partition_for(event.profile_id, event.type, settings.kafka.partitions)
        producer.send(topic, encode_event(event), key=event.profile_id.encode(), partition=place)
        if number == len(events) // 2:
            producer.send(topic, b"{not an event", key=b"nobody")
    producer.flush()
    producer.close()


def _fold_with_kills(settings: Settings, driver: SparkDriver, say: Callable[[str], None]) -> int:
    """Let Spark fold, killed once within a batch and once between the lake's commit and its own. The kills."""
    checkpoint = Path(settings.spark_checkpoint)
    driver.start()
    _await(driver, lambda: _begun(checkpoint) > committed_batch(checkpoint) >= 0)
    driver.kill()
    say(f"killed Spark within batch {committed_batch(checkpoint) + 1}; starting it again")
    table = open_table(settings, USER_BEHAVIOR)
    driver.start()
    _await(driver, lambda: _kept(table) > committed_batch(checkpoint) > 0)
    driver.kill()
    say(f"killed Spark after the lake had taken batch {_kept(table)}, Spark's own commit missing; starting it again")
    driver.start()
    _await(driver, lambda: driver.next_offsets() == _ends(settings))
    driver.stop()
    return 2


def _begun(checkpoint: Path) -> int:
    return max((int(path.name) for path in checkpoint.glob("offsets/*") if path.name.isdigit()), default=-1)


def _kept(table: Any) -> int:
    mark = stored_mark(table.refresh())
    return -1 if mark is None else mark.batch


def _ends(settings: Settings) -> dict[int, int]:
    from kafka import KafkaConsumer, TopicPartition

    consumer = KafkaConsumer(bootstrap_servers=settings.kafka.bootstrap)
    topic = Topics(settings.kafka.topic_prefix).events
    places = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic) or ())]
    ends = {place.partition: end for place, end in consumer.end_offsets(places).items()}
    consumer.close()
    return ends


def _await(driver: SparkDriver, true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not true():
        if not driver.running:
            raise NotCaughtUp(f"Spark ended by itself:\n{tail(driver.log, 40)}")
        if time.monotonic() > deadline:
            raise NotCaughtUp(f"Spark was not through after {_PATIENCE_S:.0f} s:\n{tail(driver.log, 40)}")
        time.sleep(_POLL_S)


def _pace(checkpoint: Path, topic: str) -> float:
    """Events a second over the batches that followed another one at once."""
    taken, took_s = 0, 0.0
    commits = {int(path.name): path.stat().st_mtime for path in checkpoint.glob("commits/*") if path.name.isdigit()}
    for batch in sorted(commits):
        begun = checkpoint / "offsets" / str(batch)
        if batch - 1 not in commits or begun.stat().st_mtime - commits[batch - 1] > 1.0:
            continue
        before, after = (sum(batch_offsets(checkpoint, topic, number).values()) for number in (batch - 1, batch))
        taken += after - before
        took_s += commits[batch] - commits[batch - 1]
    return taken / took_s if took_s else 0.0


def table_of(outcome: Outcome) -> Table:
    """The comparisons, one a line."""
    table = Table("Held against a plain fold", "Compared", "Different")
    for check in outcome.checks:
        table.add_row(check.name, f"{check.compared:,}", "; ".join(check.differing[:3]) or "0")
    return table


def main(arguments: Sequence[str]) -> int:
    """Run and print; 0 where all was equal, 1 where something differed or is missing."""
    warnings.simplefilter("ignore")
    console = Console(stderr=True)
    begin_s = time.monotonic()
    events = int(arguments[0]) if arguments else 24_000

    def say(what: str) -> None:
        console.print(f"{time.monotonic() - begin_s:6.1f} s  {what}")

    try:
        outcome = run(load_settings(), events=events, users=max(LOGINS, events // 10), say=say)
    except StackError as error:
        console.print(f"error: {error}", markup=False)
        return 1
    except KeyboardInterrupt:
        console.print("interrupted; all that was started has been stopped")
        return 130
    console.print(table_of(outcome))
    console.print(
        f"{outcome.events:,} events of {outcome.profiles:,} profiles in {outcome.batches} batches, killed "
        f"{outcome.kills} times, {outcome.events_s:,.0f} events/s between commits: "
        + ("all equal." if outcome.passed else "NOT equal.")
    )
    return 0 if outcome.passed else 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
