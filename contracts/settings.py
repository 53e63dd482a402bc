"""One typed settings object a process, from the environment and one TOML file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

PREFIX = "CLICKLOOP_"
HOME_VARIABLE = "CLICKLOOP_HOME"
DEFAULT_HOME = ".clickloop"


class Section(BaseModel):
    """A group of settings; an unknown name is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(Section):
    """The broker. `topic_prefix` sets a test apart from its neighbours."""

    bootstrap: str = "127.0.0.1:19092"
    topic_prefix: str = ""
    partitions: int = Field(default=8, ge=1)


class RedisSettings(Section):
    """States and Feast's online store."""

    url: str = "redis://127.0.0.1:16379/0"
    key_prefix: str = ""
    timeout_s: float = Field(default=0.25, gt=0)


class CollectorSettings(Section):
    """HTTP to Kafka. `buffer_bytes` bounds what requests and unacknowledged records hold in memory."""

    host: str = "127.0.0.1"
    port: int = 18080
    max_body_bytes: int = 4 * 1024 * 1024
    max_event_bytes: int = 32 * 1024
    max_batch: int = 5000
    buffer_bytes: int = 64 * 1024 * 1024
    ack_timeout_s: float = 5.0
    allowed_origins: tuple[str, ...] = ("http://127.0.0.1:18000", "http://localhost:18000")


class ServingSettings(Section):
    """The recommendation service.

    `poll_s`: how often it looks for a promoted model; `retry_s`: how often it tries again what was
    away; `served_buffer`: answers that wait for Kafka at most, those beyond are dropped and counted;
    `values_share`: of the answers, how many are logged with all feature values, not with a digest of them alone;
    `item_biases`: whether what `clickloop learn-biases` learned since the fit counts, or the model answers as fitted.
    """

    host: str = "127.0.0.1"
    port: int = 13000
    allowed_origins: tuple[str, ...] = ("http://127.0.0.1:18000", "http://localhost:18000")
    max_body_bytes: int = Field(default=512 * 1024, ge=1024)
    threads: int = Field(default=8, ge=1)
    poll_s: float = Field(default=0.5, gt=0, le=1.0)
    retry_s: float = Field(default=0.5, gt=0)
    served_buffer: int = Field(default=10_000, ge=1)
    values_share: float = Field(default=0.05, ge=0, le=1)
    item_biases: bool = True


class ShopSettings(Section):
    """The demo storefront. The addresses are a browser's way to collector and service; empty: where they listen."""

    host: str = "127.0.0.1"
    port: int = 18000
    collector_url: str = ""
    service_url: str = ""


class WorkerSettings(Section):
    """The stream worker. `poll_records` bounds a batch; `metrics_port` 0 takes any free one.

    `cache_profiles` decoded states are kept in memory, some 8 kB each. A worker that is killed
    and started again under the same `instance` goes on at once, not after the group has missed it;
    no two may run under one, and without a name each start is a new member. `lateness_s`: an event
    older than its profile's newest by more alters nothing; the longest window bounds it. `sample_above`:
    events of one kind that a profile may send within five minutes before some stand for the others.
    """

    group: str = "clickloop-worker"
    poll_records: int = Field(default=2000, ge=1)
    poll_timeout_ms: int = 500
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 18081
    cache_profiles: int = Field(default=20_000, ge=1)
    instance: str = ""
    lateness_s: int = Field(default=30 * 86_400, gt=0, le=30 * 86_400)
    sample_above: int = Field(default=2_000, ge=1)


class LakeSettings(Section):
    """The lake sink. A commit follows after `flush_rows` rows or `flush_s` seconds."""

    group: str = "clickloop-lake"
    flush_rows: int = 50_000
    flush_s: float = 5.0
    metrics_host: str = "127.0.0.1"
    metrics_port: int = 18082


class SparkSettings(Section):
    """The fold under Spark. `checkpoint`: a path or URI that outlives the driver, `<home>/spark` where empty.

    A batch takes at most `max_offsets` records; `state_partitions` is fixed by the first start of a checkpoint.
    """

    checkpoint: str = ""
    max_offsets: int = Field(default=20_000, ge=1)
    state_partitions: int = Field(default=4, ge=1)


class SecretsSettings(Section):
    """Keys made at the first start; see `stack.secrets`."""

    pseudonym_key: SecretStr = SecretStr("")
    write_key: SecretStr = SecretStr("")
    admin_token: SecretStr = SecretStr("")


class Settings(BaseSettings):
    """Everything a process needs to know; `CLICKLOOP_KAFKA_BOOTSTRAP` sets `kafka.bootstrap`.

    Precedence: environment, `<home>/secrets.toml`, `<home>/clickloop.toml`, the defaults here.
    Raises pydantic.ValidationError naming the setting, what was expected and what came.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="_", env_nested_max_split=1, extra="ignore", frozen=True
    )

    home: Path = Path(DEFAULT_HOME)
    project: Path = Path(__file__).resolve().parent.parent
    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    collector: CollectorSettings = CollectorSettings()
    serving: ServingSettings = ServingSettings()
    shop: ShopSettings = ShopSettings()
    worker: WorkerSettings = WorkerSettings()
    lake: LakeSettings = LakeSettings()
    spark: SparkSettings = SparkSettings()
    secrets: SecretsSettings = SecretsSettings()

    @property
    def lake_dir(self) -> Path:
        """Iceberg's warehouse and its catalogue database."""
        return self.home / "lake"

    @property
    def spark_checkpoint(self) -> str:
        """Spark's offsets and states."""
        return self.spark.checkpoint or str(self.home.resolve() / "spark")

    @property
    def mlflow_uri(self) -> str:
        """MLflow's tracking and registry database."""
        return f"sqlite:///{self.home / 'mlflow.db'}"

    @property
    def logs_dir(self) -> Path:
        """One log file a process."""
        return self.home / "logs"

    @property
    def model_dir(self) -> Path:
        """Where a promoted model's artefact is laid for serving."""
        return self.home / "models"

    @property
    def catalogue_path(self) -> Path:
        """The loaded catalogue, Parquet of `contracts.item.Item`."""
        return self.home / "catalogue.parquet"

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        home = _home(os.environ)
        files = (home / "secrets.toml", home / "clickloop.toml")
        tomls = tuple(TomlConfigSettingsSource(settings_cls, toml_file=path) for path in files)
        return (init_settings, env_settings, *tomls)


def _home(environ: Mapping[str, str]) -> Path:
    project = Path(__file__).resolve().parent.parent
    return Path(environ.get(HOME_VARIABLE) or project / DEFAULT_HOME).resolve()


def load_settings() -> Settings:
    """The process's settings, with `home` absolute. Call once, in `main`."""
    return Settings(home=_home(os.environ))
