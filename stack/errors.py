"""What the command shows as one line, without a traceback."""

from __future__ import annotations


class StackError(RuntimeError):
    """Something expected went wrong; the message says what, and what to do next."""
