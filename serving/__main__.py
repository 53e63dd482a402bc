"""`python -m serving`: the service in the foreground."""

from __future__ import annotations

import logging

from contracts.logs import configure_logging
from contracts.settings import load_settings
from serving.server import serve

# These tell at length, Kafka's ten times a second, what our own records say once.
_TALKATIVE = ("kafka", "feast", "httpx", "bentoml", "asyncio")


def main() -> None:
    """Read the settings and serve."""
    configure_logging("serving")
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL if name == "kafka" else logging.ERROR)
    serve(load_settings())


if __name__ == "__main__":
    main()
