"""What has to be there before the processes start: secrets, topics, Feast's registry, the catalogue.

`python -m stack.setup` does all of it and, in a fresh home, the backfill and the training: for
containers, where Kafka and Redis run already.
"""

from __future__ import annotations

import hashlib
import sys

from contracts.settings import Settings, load_settings
from stack.secrets import ensure_secrets
from stack.topics import create_topics

REGISTERED = ("feature_repo/*.py", "feature_repo/*.yaml", "features/*.py", "contracts/lake.py", "contracts/settings.py")
CATALOGUE = "shop/data/catalogue.parquet"
APPLIED, SENT = "feast/applied", "feast/catalogue-sent"


def prepare_home(settings: Settings) -> Settings:
    """Make the home folder and the secrets. Returns settings that hold them. Raises SecretsError."""
    ensure_secrets(settings.home)
    return load_settings()


def definitions_digest(settings: Settings) -> str:
    """What the registry depends on: the definitions' sources and the place of the stores."""
    digest = hashlib.sha256(f"{settings.home}|{settings.redis.url}|{settings.redis.key_prefix}".encode())
    for pattern in REGISTERED:
        for path in sorted(settings.project.glob(pattern)):
            digest.update(path.read_bytes())
    return digest.hexdigest()


def feast_applied(settings: Settings) -> bool:
    """Whether registry and items hold what the sources say."""
    return _done(settings, APPLIED, definitions_digest(settings)) and _done(settings, SENT, _catalogue_digest(settings))


def apply_feast(settings: Settings) -> bool:
    """Register the definitions and send the shop's catalogue to Kafka unless both are done. Imports Feast: seconds.

    A catalogue is sent once: what has been changed of it since stays. Returns whether anything was done.
    """
    if feast_applied(settings):
        return False
    if not _done(settings, SENT, _catalogue_digest(settings)):
        from streaming.catalogue import load_catalogue

        load_catalogue(settings)
        _note(settings, SENT, _catalogue_digest(settings))
    digest = definitions_digest(settings)
    if not _done(settings, APPLIED, digest):
        from feature_repo.store import apply

        apply(settings)
        _note(settings, APPLIED, digest)
    return True


def _catalogue_digest(settings: Settings) -> str:
    place = f"{settings.kafka.bootstrap}|{settings.kafka.topic_prefix}".encode()
    return hashlib.sha256(place + (settings.project / CATALOGUE).read_bytes()).hexdigest()


def _done(settings: Settings, stamp: str, digest: str) -> bool:
    path = settings.home / stamp
    return path.exists() and path.read_text() == digest


def _note(settings: Settings, stamp: str, digest: str) -> None:
    path = settings.home / stamp
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(digest)


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
