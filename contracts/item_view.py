"""The items of the catalogue as the topic `items` says they are now."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.item import Item
from contracts.item_log import ItemLog
from contracts.settings import KafkaSettings


class ItemView:
    """Follows the topic. Once that is read to its end it is the truth: what it does not have is gone."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._log = ItemLog(settings)
        self._items: dict[str, Item] = {}
        self._heard = False
        self._known: Mapping[str, Item] | None = None

    @property
    def items(self) -> Mapping[str, Item] | None:
        """Items by id; None until the topic has been read, and while nothing was ever said there."""
        return self._known

    @property
    def error(self) -> str:
        """Why changes may go unseen at present; empty where they do not."""
        return self._log.error

    def start(self) -> None:
        """Begin to follow."""
        self._log.start()

    def stop(self) -> None:
        """End the following."""
        self._log.stop()

    def wait(self, timeout_s: float) -> None:
        """Wait for a change."""
        self._log.wait_for_change(timeout_s)

    def refresh(self) -> bool:
        """Take in what has come. True where `items` is another mapping now. For one thread."""
        reached = self._log.is_caught_up
        changes = self._log.take()
        for change in changes:
            self._heard = True
            if change.item is None:
                self._items.pop(change.item_id, None)
            else:
                self._items[change.item_id] = change.item
        if not (reached and self._heard) or (not changes and self._known is not None):
            return False
        self._known = dict(self._items)
        return True
