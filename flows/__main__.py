"""`python -m flows`: run the training flow here and now."""

from __future__ import annotations

import json

from contracts.logs import configure_logging
from flows.training import train_and_promote

if __name__ == "__main__":
    configure_logging("training")
    print(json.dumps(train_and_promote(), indent=2))
