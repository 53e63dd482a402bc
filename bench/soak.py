"""Workers killed under load, now and then a server too, and everything counted afterwards."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Protocol

import psutil
from kafka import KafkaConsumer, TopicPartition
from kafka.errors import KafkaError
from redis import Redis
from redis.exceptions import RedisError

from bench.own_stack import OwnStack
from bench.soak_check import Verdict, check, lake_places, read_written
from bench.soak_faults import FAULTS
from bench.soak_load import Insistent
from contracts.settings import Settings
from contracts.topics import Topics
from stack.environment import server_variables
from stack.ports import answers, free_port
from stack.server_process import leashed
from streaming.checkpoint import Checkpoint

_PATIENCE_S = 300.0
_POLL_S = 0.02
_LONGEST_WAIT_S = 0.7


class Killable(Protocol):
    """A process of the stack."""

    @property
    def alive(self) -> bool:
        """Whether it runs."""

    def kill(self) -> None:
        """SIGKILL, and wait."""


# Starts `python -m MODULE` with an environment beside the process's own.
Spawn = Callable[[str, Mapping[str, str]], Killable]


@dataclass(frozen=True)
class Plan:
    """`kills` of two workers, and of the lake sink; with each `fault_every` of them one of `faults`, in turn."""

    kills: int
    fault_every: int
    seed: int
    visitors: int = 2000
    events_s: float = 400.0
    faults: Sequence[str] = tuple(FAULTS)


@dataclass
class Soaked:
    """What a soak did and what came of it; recoveries in seconds from the fault's end, by what was killed."""

    acknowledged: int
    refusals: int
    kills: int
    recoveries_s: dict[str, list[float]]
    verdict: Verdict
    exits: int = 0


@dataclass
class Processes:
    """Two workers, a lake sink and a collector, started anew whenever they are not there."""

    spawn: Spawn
    environment: Mapping[str, str]
    running: dict[str, Killable] = field(default_factory=dict)
    exits: int = 0

    def start(self, name: str) -> None:
        """Start one of them."""
        module = {"collector": "collector", "lake": "streaming.lake"}.get(name, "streaming.worker")
        self.running[name] = self.spawn(module, {**self.environment, "CLICKLOOP_WORKER_INSTANCE": name})

    def revive(self) -> None:
        """Start what ended by itself, as a supervisor does, and count it."""
        for name, process in self.running.items():
            if not process.alive:
                self.exits += 1
                self.start(name)

    def kill(self, name: str) -> None:
        """End one of them and start it again at once."""
        self.running[name].kill()
        self.start(name)

    def end(self) -> None:
        """End all of them."""
        for process in self.running.values():
            process.kill()


class Progress:
    """Kafka's ends and the offsets committed with the states."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._homes = range(settings.kafka.partitions)
        self._topic = Topics(settings.kafka.topic_prefix).events
        self._redis = Redis.from_url(settings.redis.url, socket_timeout=2.0)
        self._checkpoint = Checkpoint(self._redis, prefix=settings.redis.key_prefix)

    def ends(self) -> dict[int, int]:
        """The next offset of each partition in Kafka."""
        while True:
            try:
                with closing(
                    KafkaConsumer(bootstrap_servers=self._settings.kafka.bootstrap, enable_auto_commit=False)
                ) as consumer:
                    partitions = sorted(consumer.partitions_for_topic(self._topic) or ())
                    ends = consumer.end_offsets([TopicPartition(self._topic, number) for number in partitions])
                    return {place.partition: end for place, end in ends.items()}
            except KafkaError:
                time.sleep(_POLL_S)

    def reached(self, ends: Mapping[int, int]) -> bool:
        """Whether every record before `ends` is in the states."""
        try:
            offsets = self._checkpoint.offsets(self._homes)
        except RedisError:
            return False
        return all(offsets[partition] >= end for partition, end in ends.items())

    def shown(self) -> bool:
        """Whether the rows of all states have been written. Raises RedisError."""
        return not any(self._checkpoint.owed(self._homes).values())

    def missing(self) -> str:
        """How far the states are behind, for whoever has to find out."""
        ends = self.ends()
        try:
            at = self._checkpoint.offsets(self._homes)
        except RedisError as error:
            return f"Redis does not answer: {error}"
        return f"states at {at}, Kafka at {ends}"

    def close(self) -> None:
        """Let Redis go."""
        self._redis.close()


def soak(own: OwnStack, store: Any, plan: Plan, spawn: Spawn) -> Soaked:
    """Run the plan. `store` is the Feast store of `own.settings`, applied. Raises TimeoutError at no recovery."""
    settings, chance = own.settings, random.Random(plan.seed)
    recoveries: dict[str, list[float]] = {"worker_killed": [], **{name: [] for name in plan.faults}}
    faults = cycle(plan.faults)
    with _processes(settings, spawn) as (processes, port):
        progress = Progress(settings)
        key = settings.secrets.write_key.get_secret_value()
        load = Insistent(port=port, write_key=key, visitors=plan.visitors, events_s=plan.events_s, seed=plan.seed)
        load.start()
        _until(lambda: sum(progress.ends().values()) > 0, processes, "the first events in Kafka")
        _recover(progress, processes)
        kills = 0
        while kills < plan.kills:
            time.sleep(chance.uniform(0.0, _LONGEST_WAIT_S))
            victims = chance.choice((["worker-1"], ["worker-2"], ["worker-1", "worker-2"], ["worker-1", "lake"]))
            kind, before = "worker_killed", kills
            for victim in victims:
                processes.kill(victim)
                kills += victim != "lake"
            if kills // plan.fault_every > before // plan.fault_every:
                kind = next(faults)
                FAULTS[kind](own)
            recoveries[kind].append(_recover(progress, processes))
        acknowledged = load.finish()
        _settle(settings, progress, processes)
        verdict = check(settings, store, acknowledged)
        progress.close()
    return Soaked(len(acknowledged), load.refusals, kills, recoveries, verdict, processes.exits)


def _recover(progress: Progress, processes: Processes) -> float:
    """Seconds from now until everything that is in Kafka by now is in the states."""
    fault_ended_s = time.monotonic()
    ends = progress.ends()
    try:
        _until(lambda: progress.reached(ends), processes, "the workers' recovery")
    except TimeoutError as error:
        raise TimeoutError(f"{error}; {progress.missing()}") from error
    return time.monotonic() - fault_ended_s


def _settle(settings: Settings, progress: Progress, processes: Processes) -> None:
    """Wait until states and lake hold everything, forwards and merges included."""
    _until(lambda: progress.reached(progress.ends()), processes, "the end of Kafka's log")
    _until(progress.shown, processes, "the rows of the last batch")
    places = read_written(settings).places
    _until(lambda: set(lake_places(settings)) >= places, processes, "the lake at Kafka's end", poll_s=0.5)
    # The newest snapshots follow within the sink's next flush.
    time.sleep(2 * float(processes.environment["CLICKLOOP_LAKE_FLUSH_S"]) + 1.0)


def _until(true: Callable[[], bool], processes: Processes, what: str, *, poll_s: float = _POLL_S) -> None:
    deadline_s = time.monotonic() + _PATIENCE_S
    while not true():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"never came: {what}")
        processes.revive()
        time.sleep(poll_s)


@contextmanager
def _processes(settings: Settings, spawn: Spawn) -> Iterator[tuple[Processes, int]]:
    port = free_port()
    processes = Processes(spawn, environment_of(settings) | {"CLICKLOOP_COLLECTOR_PORT": str(port)})
    try:
        for name in ("collector", "worker-1", "worker-2", "lake"):
            processes.start(name)
        _until(lambda: answers(port), processes, "the collector")
        yield processes, port
    finally:
        processes.end()


def environment_of(settings: Settings) -> dict[str, str]:
    """What makes a process of the stack use these settings."""
    return {
        **server_variables(settings),
        "CLICKLOOP_SECRETS_WRITE_KEY": settings.secrets.write_key.get_secret_value(),
        "CLICKLOOP_SECRETS_PSEUDONYM_KEY": settings.secrets.pseudonym_key.get_secret_value(),
        "CLICKLOOP_WORKER_METRICS_PORT": "0",
        "CLICKLOOP_LAKE_METRICS_PORT": "0",
        "CLICKLOOP_LAKE_FLUSH_S": "1",
    }


class Spawned:
    """A process of its own that ends with this one; its log goes to the home folder."""

    def __init__(self, settings: Settings, module: str, environment: Mapping[str, str]) -> None:
        self._log = settings.home / f"{module}-{environment['CLICKLOOP_WORKER_INSTANCE']}.log"
        with self._log.open("ab") as output:
            self._begin = output.tell()
            self._leash = subprocess.Popen(
                leashed([sys.executable, "-m", module], parent_pid=os.getpid()),
                cwd=settings.project,
                env={**os.environ, **environment},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def cpu_s(self) -> float:
        """CPU seconds that the process has used."""
        return sum(self._process.cpu_times()[:2])

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._leash.poll() is None

    def has_logged(self, words: str) -> bool:
        """Whether the process has said so."""
        return words.encode() in self._log.read_bytes()[self._begin :]

    @contextmanager
    def paused(self) -> Iterator[None]:
        """It does nothing within the block."""
        self._process.suspend()
        try:
            yield
        finally:
            self._process.resume()

    @property
    def _process(self) -> psutil.Process:
        (process,) = psutil.Process(self._leash.pid).children()
        return process

    def kill(self) -> None:
        """SIGKILL, by way of the leash, and wait."""
        self._leash.send_signal(signal.SIGUSR1)
        self._leash.wait()
