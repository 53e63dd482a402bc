"""All online state and features made anew from the lake, while the old ones serve: `clickloop rebuild`."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from redis import Redis

from contracts.settings import Settings
from streaming.checkpoint import Checkpoint, Commit
from streaming.faults import fault
from streaming.following import Follower
from streaming.generations import LOCK_MS, NextGeneration, active_generation, drop_generations
from streaming.groups import group_profiles
from streaming.lake_commit import Offsets
from streaming.lake_history import NewHistory, replace_history
from streaming.ownership import WORKER, claim
from streaming.parcels import Parcel, unpack
from streaming.rebuild_bucket import BucketDone, BucketTask, BucketWriter, fold_bucket, start
from streaming.rebuild_plan import Plan, make_plan
from streaming.shuffle import bucket_of, deal

_log = structlog.get_logger()

Progress = Callable[[int, int], None]

_BUCKET_EVENTS = 60_000
_NEAR_RECORDS = 2_000
_NEAR_S = 60.0
# A worker that met the closed offset in mid batch has shown rows of it: those events are in Kafka by then.
_SETTLE_S = 0.25
# Steps that an event of the stream may give rise to, one record each.
_LONGEST_CHAIN = 8


@dataclass
class Rebuilt:
    """What a rebuild made. `seconds` by stage; `switch` is how long nothing new was taken in."""

    generation: int
    events: int = 0
    profiles: int = 0
    snapshots: int = 0
    poisoned: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: dict[str, float] = field(default_factory=dict)


def rebuild(
    settings: Settings,
    progress: Progress | None = None,
    *,
    history: bool = False,
    store: Any = None,
    processes: int | None = None,
    lock_ms: int = LOCK_MS,
) -> Rebuilt:
    """Make a new generation of states and online rows from the lake, follow Kafka, and let it serve.

    The generation that serves goes on meanwhile and stays where this fails or is killed; run it again.
    `history` also replaces the lake's feature history. `store` is an opened Feast store, `processes`
    how many fold, 1 for this one alone; the lock outlives a rebuild that is killed by `lock_ms`.
    Raises OwnedByAnother, Busy, NoRoom, Trimmed, LockLost, FollowerFailed, RedisError, KafkaError.
    """
    redis = Redis.from_url(settings.redis.url)
    claim(redis, settings, WORKER)
    maker = NextGeneration(redis, settings.redis.key_prefix, lock_ms=lock_ms)
    maker.begin()
    try:
        fault("rebuild: after lock")
        opened = _open(settings) if store is None else store
        _drop(settings, redis, opened, keep=maker.active)
        work = _Work(settings, redis, maker, opened, progress or (lambda done, total: None), history)
        return work.run(processes or os.cpu_count() or 1)
    finally:
        maker.end()


class _Work:
    """One rebuild, from the plan to the removal of what it replaced."""

    def __init__(
        self, settings: Settings, redis: Redis, maker: NextGeneration, store: Any, progress: Progress, history: bool
    ) -> None:
        self._settings = settings
        self._redis = redis
        self._maker = maker
        self._store = store
        self._progress = progress
        self._history = history
        self._partitions = range(settings.kafka.partitions)
        self._rebuilt = Rebuilt(maker.number)
        self._pieces: list[dict[str, Path]] = []

    def run(self, processes: int) -> Rebuilt:
        """All of it."""
        with self._stage("plan"):
            plan = make_plan(self._settings, self._redis, self._maker.active)
        fault("rebuild: after plan")
        folder = self._settings.home / "rebuild"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        try:
            with self._stage("fold"):
                self._fold(plan, folder, processes)
            fault("rebuild: after fold")
            self._place(plan)
            fault("rebuild: after offsets")
            self._follow_and_switch(plan)
        except BaseException:
            self._give_up()
            raise
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        with self._stage("remove"):
            _drop(self._settings, self._redis, self._store, keep=self._maker.number)
        fault("rebuild: after remove")
        _log.info("rebuilt", generation=self._maker.number, events=self._rebuilt.events, seconds=self._rebuilt.seconds)
        return self._rebuilt

    def _fold(self, plan: Plan, folder: Path, processes: int) -> None:
        if processes == 1:
            writer = BucketWriter(self._settings, self._maker.number, self._store)
            for task in self._deal(plan, folder, buckets=1 + plan.cut.rows // _BUCKET_EVENTS):
                self._add(writer.fold(task), plan.cut.rows)
            return
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["feature_repo.store", "streaming.rebuild_bucket"])
        arguments = (self._settings, self._maker.number)
        with ProcessPoolExecutor(processes, context, initializer=start, initargs=arguments) as pool:
            # Processes take seconds to get ready: begin before there is anything to fold.
            pool.submit(os.getpid)
            buckets = max(processes * 2, -(-plan.cut.rows // _BUCKET_EVENTS))
            waiting = [pool.submit(fold_bucket, task) for task in self._deal(plan, folder, buckets=buckets)]
            try:
                for future in as_completed(waiting):
                    self._add(future.result(), plan.cut.rows)
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _deal(self, plan: Plan, folder: Path, *, buckets: int) -> list[BucketTask]:
        groups = group_profiles(plan.cut.links())
        paths = deal(plan.cut, groups, plan.start, folder=folder, buckets=buckets, progress=lambda *_: None)
        self._maker.check()
        fault("rebuild: after deal")
        shares: dict[int, dict[str, str]] = {}
        for profile, person in groups.items():
            shares.setdefault(bucket_of(person, buckets), {})[profile] = person
        return [BucketTask(path, shares.get(bucket, {}), self._history) for bucket, path in paths.items()]

    def _add(self, done: BucketDone, total: int) -> None:
        rebuilt = self._rebuilt
        rebuilt.events += done.events
        rebuilt.profiles += done.profiles
        rebuilt.snapshots += done.snapshots
        rebuilt.poisoned += done.poisoned
        rebuilt.outcomes.update(done.outcomes)
        self._pieces.append(done.pieces)
        self._maker.check()
        fault("rebuild: after bucket")
        self._progress(rebuilt.events, max(total, rebuilt.events))

    def _place(self, plan: Plan) -> None:
        """Where Kafka is followed from, and up to where of it everything is taken in already."""
        checkpoint = Checkpoint(self._redis, prefix=self._settings.redis.key_prefix, generation=self._maker.number)
        homes = len(self._partitions)
        commits = [
            Commit(home, "", str(plan.start.get(home, 0)), {}, plan.received(home, homes)) for home in self._partitions
        ]
        refused = checkpoint.commit(commits)
        if refused:
            raise RuntimeError(f"generation {self._maker.number}: expected no offsets, came some for {sorted(refused)}")

    def _follow_and_switch(self, plan: Plan) -> None:
        follower = Follower(self._settings, self._store, self._maker.number)
        try:
            with self._stage("follow"):
                follower.start()
                self._come_near(follower)
                fault("rebuild: after follow")
            with self._stage("switch"):
                closed_at = datetime.now(UTC)
                self._maker.close_active(self._partitions)
                fault("rebuild: after close")
                ends = self._active_offsets()
                follower.outbox.pass_on(self._left_to_send())
                time.sleep(_SETTLE_S)
                follower.outbox.release(ends)
                self._take_in_all(follower)
                follower.stop()
                fault("rebuild: before switch")
                self._maker.switch()
                fault("rebuild: after switch")
            if self._history:
                with self._stage("history"):
                    new = NewHistory(self._pieces, follower.outbox.held, ends, closed_at)
                    self._rebuilt.snapshots = replace_history(self._settings, new)
                    fault("rebuild: after history")
        finally:
            follower.close()

    def _come_near(self, follower: Follower) -> None:
        deadline_s = time.monotonic() + _NEAR_S
        while True:
            begin_s = time.monotonic()
            ends = self._wanted(follower)
            behind = follower.behind(ends)
            follower.wait(ends, self._maker.check)
            if not self._history:
                follower.outbox.forget(self._active_offsets())
            # Kafka may be filled as fast as this follows: then the rest has to be taken in with the old one closed.
            if (behind < _NEAR_RECORDS and time.monotonic() - begin_s < 1.0) or time.monotonic() > deadline_s:
                return

    def _take_in_all(self, follower: Follower) -> None:
        """What the closed generation may have shown, then what that gave rise to, a step of a chain at a time."""
        for _ in range(_LONGEST_CHAIN):
            sent = follower.outbox.sent
            follower.wait(self._wanted(follower), self._maker.check)
            if follower.outbox.sent == sent:
                return

    def _wanted(self, follower: Follower) -> Offsets:
        """Kafka's present ends; in the bulk lane, which may be far behind, what the serving generation has."""
        active, homes = self._active_offsets(), len(self._partitions)
        ends = follower.ends().items()
        return {number: end if number < homes else min(end, active.get(number, 0)) for number, end in ends}

    def _active_offsets(self) -> Offsets:
        """How far the generation that serves is."""
        checkpoint = Checkpoint(self._redis, prefix=self._settings.redis.key_prefix, generation=self._maker.active)
        return checkpoint.offsets(self._partitions)

    def _left_to_send(self) -> list[Parcel]:
        """What the workers of the closed generation may not live to send."""
        checkpoint = Checkpoint(self._redis, prefix=self._settings.redis.key_prefix, generation=self._maker.active)
        positions = checkpoint.positions(self._partitions).values()
        return [parcel for position in positions for parcel in unpack(position.outbox)]

    def _give_up(self) -> None:
        """Give the old generation back and remove the new one; what cannot be removed now, the next rebuild will.

        Once the new one serves it stays, whatever went wrong after that.
        """
        _log.warning("rebuild given up", generation=self._maker.number)
        try:
            self._maker.end()
            if active_generation(self._redis, self._settings.redis.key_prefix) == self._maker.number:
                return
            self._maker.reopen_active(self._partitions)
            _drop(self._settings, self._redis, self._store, keep=self._maker.active)
        except Exception as error:  # noqa: BLE001 - what went wrong first is what the caller has to hear
            _log.warning("not cleaned up", error=str(error))

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        begin_s = time.monotonic()
        yield
        self._rebuilt.seconds[name] = round(time.monotonic() - begin_s, 2)


def _drop(settings: Settings, redis: Redis, store: Any, *, keep: int) -> None:
    drop_generations(redis, settings.redis.key_prefix, keep=[keep])
    store.provider.online_store.drop_generations(store.config, keep=[keep])


def _open(settings: Settings) -> Any:
    from feature_repo.store import open_store

    return open_store(settings)
