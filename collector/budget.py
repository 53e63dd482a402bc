"""A bound on the bytes that requests and unacknowledged records hold."""

from __future__ import annotations


class BudgetExceeded(RuntimeError):
    """Holding more would pass the bound."""


class Budget:
    """Counts bytes held, up to `limit_bytes`. For one event loop; not for threads."""

    def __init__(self, limit_bytes: int) -> None:
        self.limit_bytes = limit_bytes
        self.held_bytes = 0

    def take(self, count: int) -> None:
        """Hold `count` bytes more. Raises BudgetExceeded, holding nothing, where that passes the bound."""
        if self.held_bytes + count > self.limit_bytes:
            raise BudgetExceeded(
                f"expected at most {self.limit_bytes} bytes in memory, came {count} beside {self.held_bytes}"
            )
        self.held_bytes += count

    def give_back(self, count: int) -> None:
        """Hold `count` bytes less."""
        self.held_bytes -= count
