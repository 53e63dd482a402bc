"""Online rows written by Spark's executors, which know neither the registry nor the lake."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from types import SimpleNamespace
from typing import Any

import msgspec

from contracts.lake import USER_BEHAVIOR, USER_DEMOGRAPHICS, USER_SEGMENTS
from streaming.batch_sink import write_online
from streaming.feature_rows import FeatureRows
from streaming.keyed_fold import Folded, decode_folded

_CHUNK = 500


@dataclass(frozen=True)
class ShippedStore:
    """A Feast store as bytes: `config` in JSON, and the definition of each view that is written."""

    config: bytes
    views: tuple[tuple[str, bytes], ...]

    @classmethod
    def of(cls, store: Any, config: dict[str, Any]) -> ShippedStore:
        """Of an opened store, and the mapping that it was configured with."""
        names = (USER_BEHAVIOR, USER_DEMOGRAPHICS, USER_SEGMENTS)
        views = tuple((name, store.get_feature_view(name).to_proto().SerializeToString()) for name in names)
        return cls(msgspec.json.encode(config), views)


def write_rows(shipped: ShippedStore, payloads: Iterable[bytes]) -> None:
    """Write the online rows of encoded `Folded`s. Raises RedisError."""
    rows = _rows(shipped)
    for chunk in _chunks(decode_folded(payload) for payload in payloads):
        write_online(rows, chunk)


@lru_cache(maxsize=4)
def _rows(shipped: ShippedStore) -> FeatureRows:
    """Once a process: an executor's Python outlives its tasks."""
    from feast import FeatureView
    from feast.infra.online_stores.helpers import get_online_store_from_config
    from feast.protos.feast.core.FeatureView_pb2 import FeatureView as FeatureViewProto
    from feast.repo_config import RepoConfig

    config = RepoConfig(**msgspec.json.decode(shipped.config))
    views = {name: FeatureView.from_proto(FeatureViewProto.FromString(view)) for name, view in shipped.views}
    online = get_online_store_from_config(config.online_store)
    return FeatureRows(
        SimpleNamespace(
            config=config, provider=SimpleNamespace(online_store=online), get_feature_view=views.__getitem__
        )
    )


def _chunks(batch: Iterator[Folded]) -> Iterator[list[Folded]]:
    chunk: list[Folded] = []
    for one in batch:
        chunk.append(one)
        if len(chunk) == _CHUNK:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
