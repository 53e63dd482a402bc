"""What has to be there before the processes start: secrets, topics, Feast's registry, the catalogue.

`python -m stack.setup` does all of it and, in a fresh home, the backfill and the training: for
containers, where Kafka and Redis run already.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

from contracts.settings import Settings, load_settings
from stack.secrets import ensure_secrets
from stack.topics import create_topics

REGISTERED = ("feature_repo/*.py", "feature_repo/*.yaml", "features/*.py", "contracts/lake.py", "contracts/settings.py")
CATALOGUE = ("shop/data/catalogue.parquet",)


def prepare_home(settings: Settings) -> Settings:
    """Make the home folder and the secrets. Returns settings that hold them. Raises SecretsError."""
    ensure_secrets(settings.home)
    return load_settings()


def definitions_digest(settings: Settings) -> str:
    """What the registry and the items depend on: the definitions' sources, the catalogue, the place of the stores."""
    digest = hashlib.sha256(f"{settings.home}|{settings.redis.url}|{settings.redis.key_prefix}".encode())
    for pattern in REGISTERED + CATALOGUE:
        for path in sorted(settings.project.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def feast_applied(settings: Settings) -> bool:
    """Whether registry and items hold what the sources say."""
    stamp = _stamp(settings)
    return stamp.exists() and stamp.read_text() == definitions_digest(settings)


def apply_feast(settings: Settings) -> bool:
    """Register the definitions and load the catalogue unless both are done. Imports Feast: seconds.

    Returns whether anything was done.
    """
    if feast_applied(settings):
        return False
    digest = definitions_digest(settings)
    from feature_repo.store import apply
    from streaming.catalogue import load_catalogue

    load_catalogue(settings, store=apply(settings))
    stamp = _stamp(settings)
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(digest)
    return True


def _stamp(settings: Settings) -> Path:
    return settings.home / "feast" / "applied"


def main() -> int:
    """Everything that runs once, each step skipped where it is done already."""
    from contracts.logs import configure_logging
    from stack import jobs

    configure_logging("setup")
    settings = prepare_home(load_settings())
    create_topics(settings)
    for name in ("apply", "backfill", "train"):
        if not jobs.JOBS[name].done(settings):
            jobs.JOBS[name].run(settings, lambda done, total: None)
    return 0


if __name__ == "__main__":
    sys.exit(main())
