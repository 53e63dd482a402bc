"""Opens the Feast store of a settings object. Only processes that read or write features import this module."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml
from feast import FeatureStore
from feast.repo_config import RepoConfig

from contracts.keys import generation_key
from contracts.lake import open_catalog
from contracts.settings import Settings, load_settings

REPO_DIR = Path(__file__).resolve().parent
CONFIG_PATH = REPO_DIR / "feature_store.yaml"
# The same store with Spark behind its history; only the environment of `make spark-install` can open it.
SPARK_CONFIG_PATH = REPO_DIR / "feature_store.spark.yaml"
TIMEOUT_S = 5.0


def open_store(
    settings: Settings, *, timeout_s: float = TIMEOUT_S, generation: int | None = None, path: Path = CONFIG_PATH
) -> FeatureStore:
    """The store of `feature_store.yaml` with Redis, registry and lake of `settings`.

    `timeout_s` bounds each call to Redis; `generation` is that of the online rows, None for the
    active one. Opens no connection: the first read does.
    """
    values = store_config(settings, timeout_s=timeout_s, path=path)
    values["online_store"]["generation"] = generation
    config = RepoConfig(**values, repo_path=REPO_DIR)
    return FeatureStore(config=config)


def of_generation(config: RepoConfig, generation: int) -> RepoConfig:
    """The same configuration, for users' online rows of this generation alone."""
    copy = config.model_copy()
    copy._online_store = config.online_store.model_copy(update={"generation": generation})
    return copy


def apply(settings: Settings) -> FeatureStore:
    """Register every definition, as `feast apply` does, and make the lake's tables. Returns the store."""
    # Only who registers what there is needs its definition: the others read the registry.
    from feature_repo.definitions import define

    open_catalog(settings)
    store = open_store(settings)
    with warnings.catch_warnings():
        # Feast calls on-demand views slow offline: one label is evaluated in Python in well under a millisecond.
        warnings.filterwarnings("ignore", message="On demand feature view is an experimental feature")
        store.apply(define(settings).objects())
    return store


def store_config(settings: Settings, *, timeout_s: float = TIMEOUT_S, path: Path = CONFIG_PATH) -> dict[str, Any]:
    """The content of `feature_store.yaml`, or of the one at `path`, with the places that `settings` name."""
    config: dict[str, Any] = yaml.safe_load(path.read_text())
    config["project"] += _suffix(settings.redis.key_prefix)
    config["registry"]["path"] = str(settings.home.resolve() / "feast" / "registry.db")
    config["online_store"]["connection_string"] = connection_string(settings.redis.url, timeout_s=timeout_s)
    config["online_store"]["generation_key"] = generation_key(settings.redis.key_prefix)
    return config


def write_config(settings: Settings, path: Path = CONFIG_PATH) -> Path:
    """Write `store_config` below `<home>/feast`, for Feast's command line; returns where."""
    written = settings.home.resolve() / "feast" / path.name
    written.parent.mkdir(parents=True, exist_ok=True)
    written.write_text(yaml.safe_dump(store_config(settings, path=path), sort_keys=False))
    return written


def connection_string(url: str, *, timeout_s: float) -> str:
    """Feast's way to write a Redis URL: `host:port,db=0,...`. Raises ValueError on another scheme."""
    parts = urlsplit(url)
    if parts.scheme not in ("redis", "rediss") or not parts.hostname:
        raise ValueError(f"redis.url: expected redis://host:port/db, came {url!r}")
    words = [f"{parts.hostname}:{parts.port or 6379}", f"db={parts.path.strip('/') or 0}"]
    words += [f"socket_timeout={timeout_s}", f"socket_connect_timeout={timeout_s}"]
    if parts.scheme == "rediss":
        words.append("ssl=true")
    if parts.username:
        words.append(f"username={parts.username}")
    if parts.password:
        words.append(f"password={parts.password}")
    return ",".join(words)


def _suffix(key_prefix: str) -> str:
    # Feast's keys end in the project's name: that is what sets a test's keys apart from its neighbours'.
    letters = "".join(letter if letter.isalnum() else "_" for letter in key_prefix).strip("_")
    return f"_{letters}" if letters else ""


if __name__ == "__main__":
    print(write_config(load_settings(), SPARK_CONFIG_PATH if sys.argv[1:] == ["spark"] else CONFIG_PATH))
