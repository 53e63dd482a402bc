"""`python -m flows`: run the training flow here and now."""

from __future__ import annotations

import json
import logging

from contracts.logs import configure_logging
from flows.training import train_and_promote

if __name__ == "__main__":
    configure_logging("training")
    # Prefect asks its own ephemeral server for every state: not worth a line each.
    logging.getLogger("httpx").setLevel(logging.WARNING)
    print(json.dumps(train_and_promote(), indent=2))
