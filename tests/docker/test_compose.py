"""The containers and the local stack are one stack: services, commands, ports and settings agree."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.settings import PREFIX, Settings
from stack.programs import Program, programs, services

ROOT = Path(__file__).resolve().parents[2]
DEFAULTS = Settings()


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((ROOT / "docker" / "compose.yaml").read_text())
    return loaded


@pytest.fixture(scope="module")
def targets() -> dict[str, str]:
    """Image target to what its stage says."""
    stages = re.split(r"^FROM ", (ROOT / "docker" / "Dockerfile").read_text(), flags=re.MULTILINE)[1:]
    return {stage.splitlines()[0].split(" AS ")[1]: stage for stage in stages}


def by_name(wanted: list[Program]) -> dict[str, Program]:
    return {program.name: program for program in wanted}


def test_every_process_of_the_stack_has_a_service_and_no_other_exists(compose: dict[str, Any]) -> None:
    assert set(compose["services"]) == {program.name for program in programs(DEFAULTS)} | {"setup"}


def test_each_service_is_published_on_loopback_at_the_stacks_own_port(compose: dict[str, Any]) -> None:
    for name, program in by_name(programs(DEFAULTS)).items():
        (published,) = compose["services"][name]["ports"]
        host, port, _ = published.split(":")
        assert (host, int(port)) == ("127.0.0.1", program.port), name


def test_each_image_runs_the_command_that_the_stack_runs(targets: dict[str, str]) -> None:
    for program in services(DEFAULTS):
        stage = targets[program.name]
        _, flag, module = program.command()
        assert f'CMD ["python", "{flag}", "{module}"]' in stage
        assert f"EXPOSE {program.port}\n" in stage


def test_each_service_builds_its_own_target(compose: dict[str, Any], targets: dict[str, str]) -> None:
    built = {name: service["build"]["target"] for name, service in compose["services"].items() if "build" in service}
    assert built == {name: name for name in built}
    assert set(built) == set(targets) - {"base"}


def test_every_published_port_is_listened_on_beyond_the_containers_own_loopback(compose: dict[str, Any]) -> None:
    for program in services(DEFAULTS):
        variable = program.setting.removesuffix("PORT") + "HOST"
        assert compose["services"][program.name]["environment"][variable] == "0.0.0.0"


def test_every_setting_given_to_a_container_exists(compose: dict[str, Any]) -> None:
    for service in compose["services"].values():
        for variable in service.get("environment", {}):
            if not variable.startswith(PREFIX):
                continue
            section, _, field = variable.removeprefix(PREFIX).lower().partition("_")
            assert field in type(getattr(DEFAULTS, section)).model_fields, variable


def test_all_processes_share_broker_redis_and_home(compose: dict[str, Any]) -> None:
    for program in services(DEFAULTS):
        service = compose["services"][program.name]
        assert service["environment"]["CLICKLOOP_KAFKA_BOOTSTRAP"] == "kafka:9092"
        assert service["environment"]["CLICKLOOP_REDIS_URL"] == "redis://redis:6379/0"
        assert service["volumes"] == ["home:/var/lib/clickloop"]


def test_broker_settings_that_the_stream_relies_on_agree(compose: dict[str, Any]) -> None:
    from stack.kafka_server import PROPERTIES

    local = dict(line.split("=", 1) for line in PROPERTIES.splitlines())
    contained = compose["services"]["kafka"]["environment"]
    for name in (
        "auto.create.topics.enable",
        "group.initial.rebalance.delay.ms",
        "num.partitions",
        "offsets.topic.replication.factor",
        "transaction.state.log.min.isr",
        "log.retention.ms",
        "log.retention.bytes",
    ):
        assert str(contained["KAFKA_" + name.upper().replace(".", "_")]) == local[name], name


def test_redis_keeps_its_states_in_containers_as_it_does_locally(compose: dict[str, Any]) -> None:
    from stack.redis_server import RedisServer

    local = RedisServer(Path("unused"), port=1).command()
    contained = compose["services"]["redis"]["command"]
    for flag in ("--appendonly", "--appendfsync", "--maxmemory-policy"):
        assert contained[contained.index(flag) + 1] == local[local.index(flag) + 1]
