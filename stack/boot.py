"""Starts the whole stack in its order and says what it waits for."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from contracts.settings import Settings
from stack.jars import kafka_classpath
from stack.jobs import JOBS, JobRunner
from stack.kafka_server import kafka_ready
from stack.ports import bindable, holder
from stack.programs import Program, kafka_address, own_kafka, programs, redis_address, servers, services
from stack.redis_server import redis_ready
from stack.stages import Stages
from stack.supervisor import Supervisor, SupervisorError
from stack.topics import create_topics

AFTER_FEAST = {"worker", "lake", "serving"}


class Boot:
    """One start of the stack. Each method may run in a thread of its own."""

    def __init__(self, settings: Settings, supervisor: Supervisor, jobs: JobRunner, stages: Stages) -> None:
        self.settings = settings
        self.supervisor = supervisor
        self.jobs = jobs
        self.stages = stages

    def begin(self, *, leashed_to_us: bool) -> None:
        """Check ports, fetch Kafka's jars, start supervisord. Raises StackError."""
        if self.supervisor.pid() is None:
            check_ports(programs(self.settings))
        if own_kafka(self.settings) is not None:
            with self.stages.stage("Kafka's jars") as progress:
                kafka_classpath(self.settings.project, progress)
        with self.stages.stage("Supervisor"):
            self.supervisor.start(programs(self.settings), leashed_to_us=leashed_to_us)

    def servers(self) -> None:
        """Kafka with its topics, and Redis."""
        own = servers(self.settings)
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(self.start, own))
        self._require_external(own)
        with self.stages.stage("Topics"):
            create_topics(self.settings)

    def _require_external(self, own: list[Program]) -> None:
        names = {program.name for program in own}
        if "kafka" not in names and not kafka_ready(":".join(map(str, kafka_address(self.settings)))):
            raise SupervisorError(f"expected a broker at {self.settings.kafka.bootstrap}, none answers")
        host, port = redis_address(self.settings)
        if "redis" not in names and not redis_ready(port, host):
            raise SupervisorError(f"expected Redis at {host}:{port}, none answers")

    def apply(self) -> None:
        """Feast's registry and the catalogue."""
        self.job("apply", "Feast and the catalogue")

    def job(self, name: str, title: str, *, again: bool = False) -> Any:
        """Run a job unless its work is done and not wanted `again`. Returns its result, None when it did not run."""
        if JOBS[name].done(self.settings) and not again:
            return None
        with self.stages.stage(title) as progress:
            return self.jobs.run(name, progress)

    def start(self, program: Program) -> None:
        """Start one program and wait until it is well."""
        with self.stages.stage(program.name):
            self.supervisor.start_program(program.name)
            self.supervisor.wait_healthy(program)

    def services(self, names: set[str] | None = None) -> None:
        """The stack's own processes, or those named, side by side."""
        wanted = [program for program in services(self.settings) if names is None or program.name in names]
        with ThreadPoolExecutor(max_workers=len(wanted)) as pool:
            list(pool.map(self.start, wanted))

    def all(self, *, leashed_to_us: bool) -> None:
        """Everything that `clickloop up` starts."""
        self.begin(leashed_to_us=leashed_to_us)
        with ThreadPoolExecutor(max_workers=2) as pool:
            self.servers()
            early = {program.name for program in services(self.settings)} - AFTER_FEAST
            first: Future[None] = pool.submit(self.services, early)
            self.apply()
            self.services(AFTER_FEAST)
            first.result()


def check_ports(wanted: list[Program]) -> None:
    """Raises SupervisorError naming every port that another process has, who it is and how to move ours."""
    taken = [program for program in wanted if not bindable(program.port, program.host)]
    if taken:
        lines = [
            f"port {program.port}, wanted by {program.name}, is taken ({holder(program.port)}): "
            f"stop that, or set {program.setting}"
            for program in taken
        ]
        raise SupervisorError("\n".join(lines))
