"""How the service is, part by part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct

from serving.feature_reader import STARTING, UP, FeastReader
from serving.library import Library
from serving.served_log import ServedLog
from serving.shelf import Model

MISSING = "missing"
OK, DEGRADED = "ok", "degraded"


class Part(Struct, frozen=True):
    """One thing that the service leans on: `up`, `starting`, `away` or `missing`, and why where that is known."""

    state: str
    error: str = ""


class Health(Struct, frozen=True, kw_only=True):
    """`ready`: the service has warmed up and has items to answer with, perhaps degraded.

    `status` is `ok`, `degraded` or `starting`; `items` counts the catalogue; `biases_until` is the instant until
    which purchases count in the model's item biases, None where it answers as fitted.
    """

    ready: bool
    status: str
    model_version: str | None
    biases_until: datetime | None = None
    items: int
    model: Part
    catalogue: Part
    feast: Part
    redis: Part
    kafka: Part


@dataclass(frozen=True)
class HealthCheck:
    """Asks each part how it is."""

    reader: FeastReader
    library: Library
    served: ServedLog

    def check(self) -> Health:
        """Waits for Redis at most its timeout."""
        shelf = self.library.current
        parts = {
            "model": _model_part(shelf.model, self.library.model_error, self.library.biases_error),
            "catalogue": Part(UP if shelf.catalogue else MISSING, self.library.catalogue_error),
            "feast": Part(self.reader.feast_state, self.reader.feast_error),
            "redis": Part(self.reader.redis_state()),
            "kafka": Part(self.served.state, self.served.error),
        }
        ready = self.reader.warm and bool(shelf.catalogue)
        well = all(part.state == UP and not part.error for part in parts.values())
        starting = not ready and any(part.state == STARTING for part in parts.values())
        return Health(
            ready=ready,
            status=OK if well else STARTING if starting else DEGRADED,
            model_version=None if shelf.model is None else shelf.model.version,
            biases_until=None if shelf.model is None else shelf.model.biases_until,
            items=len(shelf.catalogue),
            **parts,
        )


def _model_part(model: Model | None, error: str, biases_error: str) -> Part:
    """The promoted model; what is wrong with the whole of it goes before what is wrong with its ranker or biases."""
    if model is None:
        return Part(MISSING, error)
    ranker = model.ranker_error and f"answers without its ranker: {model.ranker_error}"
    return Part(UP, error or ranker or (biases_error and f"answers without item biases: {biases_error}"))
