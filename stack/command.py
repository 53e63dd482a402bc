"""The `clickloop` command."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import typer

from stack.commands import data, lifecycle, measure, models

DEBUG = "CLICKLOOP_DEBUG"

app = typer.Typer(
    name="clickloop",
    help="A click changes the next recommendation: run, feed, train and measure the whole loop on this machine.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for module in (lifecycle, data, models, measure):
    module.register(app)


def _expected(error: Exception) -> bool:
    """Whether the error is one of ours, or one that the machine gives reason for: its message says enough."""
    ours = Path(__file__).resolve().parent.parent / type(error).__module__.split(".")[0]
    return isinstance(error, OSError | ValueError) or ours.is_dir()


def main() -> None:
    """Run the command; what is expected to go wrong is one line, not a traceback."""
    try:
        app()
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        raise SystemExit(130) from None
    except Exception as error:
        if os.environ.get(DEBUG) or not _expected(error):
            raise
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(1) from None


if __name__ == "__main__":
    main()
