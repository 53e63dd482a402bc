"""The event's JSON Schema, committed for those who read the topic without this code: `python -m contracts.schema`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from contracts.event import SCHEMA_VERSION, event_schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"
PATH = Path(__file__).parent / "schema" / f"event.v{SCHEMA_VERSION}.json"


def render() -> str:
    """The schema as the committed file holds it."""
    schema = {"$schema": DIALECT, "title": f"Clickloop event, version {SCHEMA_VERSION}", **event_schema()}
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments: list[str]) -> int:
    """Write the schema, or with `--check` say whether the committed one is fresh."""
    if arguments not in ([], ["--check"]):
        print(f"expected nothing or --check, came {' '.join(arguments)}", file=sys.stderr)
        return 2
    if arguments:
        fresh = PATH.exists() and PATH.read_text(encoding="utf-8") == render()
        print(f"{PATH.name} is {'fresh' if fresh else 'stale: run python -m contracts.schema'}")
        return 0 if fresh else 1
    PATH.parent.mkdir(exist_ok=True)
    PATH.write_text(render(), encoding="utf-8")
    print(f"wrote {PATH}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
